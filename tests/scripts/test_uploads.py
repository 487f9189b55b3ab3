"""Forms and files: what the app receives is what benchmark.toml and the files say, however the load is sent."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import msgpack
import pytest

from benchmark.config import make_plan, parse_config
from benchmark.judge.series import common
from benchmark.measure.load_test import request_specs
from benchmark.store import to_json
from load.clients import prepared
from load.spec import LoadSpec
from tests.support.bench import Bench, assert_measured

APP = (Path(__file__).parents[1] / "support" / "upload_app.py").read_text()
TOML = """
schema_version = 1
[app]
import = "upload_app:app"
workers = 1
[endpoints.raw]
method = "POST"
path = "/raw"
file = "photo.jpg"
expect = { status = 201 }
[endpoints.typed]
method = "PUT"
path = "/raw"
file = "photo.jpg"
headers = { content-type = "image/x-own" }
expect = { status = 201 }
[endpoints.fields]
method = "POST"
path = "/form"
form = { name = "ada & co", tag = ["a=1", "ä ö"], number = 2, yes = true, at = "@@ada", key = "$API_KEY", cost = "$$5" }
expect = { status = 201 }
[endpoints.album]
method = "POST"
path = "/form"
form = { user = "{user}", photo = "@photo.jpg", note = ["@no\\"te.txt;type=text/x-note;filename={user} 1.txt", "x"] }
data = "users.csv"
expect = { status = 201 }
[endpoints.bare]
method = "POST"
path = "/form"
headers = { Content-Type = "multipart/form-data" }
form = { name = "ada" }
expect = { status = 201 }
[mixes.every]
requests = { raw = 1, typed = 1, fields = 1, album = 5, bare = 1 }
[profiles.quick]
users = 8
spawn_rate = 8
duration = "2s"
reference = 0
endpoints = ["every"]
"""
PHOTO = b"\r\n--bench-\r\n$HOME {user} \x00" * 10_000
NOTE = b"what {user} wrote, and $$\n"
DIGESTS = {file: hashlib.sha256(content).hexdigest() for file, content in (("photo", PHOTO), ("note", NOTE))}
FIELDS = [["name", "ada & co"], ["tag", "a=1"], ["tag", "ä ö"], ["number", "2"], ["yes", "true"], ["at", "@ada"],
          ["key", "hush-hush"], ["cost", "$5"]]  # fmt: skip
MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"


@pytest.fixture
def uploads(bench: Bench) -> Bench:
    (bench.folder / "upload_app.py").write_text(APP)
    (bench.folder / "benchmark.toml").write_text(TOML)
    (bench.folder / "photo.jpg").write_bytes(PHOTO)
    (bench.folder / 'no"te.txt').write_bytes(NOTE)
    (bench.folder / "users.csv").write_text("user\nada\n@grace\nzoë ☂\nx&y=z\n")
    bench.environment["API_KEY"] = "hush-hush"
    return bench


def album(user: str) -> list[list[Any]]:
    photo = ["photo", "photo.jpg", "image/jpeg", len(PHOTO), DIGESTS["photo"]]
    note = ["note", f"{user} 1.txt", "text/x-note", len(NOTE), DIGESTS["note"]]
    return [["user", user], photo, note, ["note", "x"]]


RAW = {"raw": ["image/jpeg", len(PHOTO), DIGESTS["photo"]]}
TYPED = {"raw": ["image/x-own", len(PHOTO), DIGESTS["photo"]]}
ALBUMS = [{MULTIPART: album(user)} for user in ("ada", "@grace", "zoë ☂", "x&y=z")]
ALL = [RAW, TYPED, {URLENCODED: FIELDS}, {MULTIPART: [["name", "ada"]]}, *ALBUMS]


def seen(bench: Bench) -> Counter[str]:
    return Counter((bench.folder / "seen.log").read_text().splitlines())


def expected(*requests: Any) -> set[str]:
    return {json.dumps(one) for one in requests}


WAYS = {
    "closed": ("fast", ["--endpoint", "raw,every"]),
    "processes": ("fast", ["--processes", "2"]),
    "rate": ("fast", ["--rate", "20/s", "--users", "60", "--spawn-rate", "60"]),
    "requests": ("requests", []),
    "stock": ("stock", []),
}


@pytest.mark.parametrize(("client", "flags"), WAYS.values(), ids=WAYS.keys())
def test_what_the_app_parses_is_what_was_asked_for(uploads: Bench, client: str, flags: list[str]) -> None:
    file = uploads.folder / "benchmark.toml"
    file.write_text(file.read_text().replace("reference = 0", f'reference = 0\nclient = "{client}"'))
    done = uploads.call("run", *flags)
    assert done.returncode in {0, 3}, done.stderr  # on a busy machine a rate may not be kept
    assert set(seen(uploads)) == expected(*ALL)
    record = uploads.record()
    assert not any(measured.failures for result in record.endpoints for measured in result.rounds)
    photo = next(upload for one in record.plan.endpoints[-1].members for upload in one.uploads)
    assert (photo.name, photo.size_bytes, photo.sha256) == ("photo.jpg", len(PHOTO), DIGESTS["photo"])
    text = to_json(record)
    assert str(uploads.folder) not in text
    assert "hush" not in text


WRONG = {
    "a file that is not there": ('file = "photo.jpg"', 'file = "phto.jpg"', "file: phto.jpg cannot be read"),
    "a folder": ('file = "photo.jpg"', 'file = "."', "cannot be read (it is no file)"),
    "no file of a field": ('"@photo.jpg"', '"@phto.jpg"', "form.photo: phto.jpg cannot be read (No such"),
    "a text that looks like a file": ('"@@ada"', '"@ada"', 'a text that begins with "@" is written "@@ada"'),
    "a name without a file": ('"@photo.jpg"', '"@"', '"@" is followed by the name of a file'),
    "a type that is none": ("type=text/x-note", "type=note", "is no type; write it like"),
    "a file for each user": ('"@photo.jpg"', '"@{user}.jpg"', "the name of a file is the same for all users"),
    "a body and a file": ('file = "photo.jpg"', 'body = "x"\nfile = "photo.jpg"', "takes body or file, not both"),
    "a form and json": ("form = { name", "json = {}\nform = { name", "takes json or form, not both"),
    "a GET with a form": ('method = "POST"\npath = "/form"', 'path = "/form"', "GET sends no body"),
    "a field that is a table": ("number = 2", "number = { a = 2 }", "form.number: must be a text, a number, true"),
    "a boundary": ('"multipart/form-data"', '"multipart/form-data; boundary=x"', "bench adds the boundary"),
    "a type of a form with files": ('data = "users.csv"',
                                    'data = "users.csv"\nheaders = { Content-Type = "text/plain" }',
                                    "a form with files has its own; leave it out"),
    "a missing column": ('user = "{user}"', 'user = "{usr}"', "users.csv has no such column; it has: user"),
    "a password in the open": ("number = 2", 'password = "geheim-geheim"', "would end up in reports"),
    "our own key": ('file = "photo.jpg"', 'file = "photo.jpg"\nuploads = []', "endpoints.raw.uploads: unknown key"),
    "a variable that is not set": ("$API_KEY", "$API_KEYS", "names $API_KEYS, which is not set"),
    "a dollar": ('"$$5"', '"$5"', 'form: a "$" that names no variable is written "$$"'),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_sent_is_one_line_before_anything_is_started(
    uploads: Bench, old: str, new: str, said: str
) -> None:
    file = uploads.folder / "benchmark.toml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    refused(uploads, said)


def test_a_file_that_is_too_large_is_refused_unread(uploads: Bench) -> None:
    with (uploads.folder / "photo.jpg").open("wb") as file:
        file.truncate(64 * 1024**2 + 1)
    refused(uploads, "photo.jpg has 64 MiB; send a file of at most 64 MiB")


def refused(bench: Bench, said: str) -> None:
    done = bench.call("run")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (bench.folder / "results").exists()


def test_a_changed_file_is_another_request(uploads: Bench) -> None:
    uploads.environment["BENCH_ENDPOINTS"] = "raw"
    assert_measured(uploads.call("run", "--duration", "1s"))
    record, toml = uploads.record(), uploads.folder / "benchmark.toml"

    def known() -> dict[str, str]:
        (now,) = make_plan(parse_config(toml), "quick", {"endpoints": ("raw",)}).endpoints
        return common(record, now, "machine")

    assert known() == common(record, record.plan.endpoints[0], "machine")
    (uploads.folder / "photo.jpg").write_bytes(PHOTO[1:])
    assert known() != common(record, record.plan.endpoints[0], "machine")


def test_a_file_that_changes_under_way_ends_the_run_in_one_line(uploads: Bench) -> None:
    file = uploads.folder / "benchmark.toml"
    (uploads.folder / "swap.py").write_text("open('photo.jpg', 'ab').write(b'1')")
    file.write_text(file.read_text().replace("workers = 1", 'workers = 1\nbefore_round = "python swap.py"'))
    done = uploads.call("run", "--endpoint", "raw")
    assert done.returncode == 3
    assert "photo.jpg was changed while the benchmark ran" in done.stderr
    assert "Traceback" not in done.stderr


def test_load_workers_of_other_machines_send_the_same_without_the_files(
    uploads: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "hush-hush")
    plan = make_plan(parse_config(uploads.folder / "benchmark.toml"), "quick", {"endpoints": ("every",)})
    requests = request_specs(plan.endpoints[0])
    values = {"user": "ada"}
    here = [prepared(one, "http://h", os.environ, values=values).plain for one in requests]
    said = msgpack.loads(msgpack.dumps(LoadSpec("http://h", uploads.folder, requests=requests).message()))
    (uploads.folder / "photo.jpg").unlink()
    there = [prepared(one, "http://h", os.environ, values=values).plain for one in LoadSpec.of(said).requests]
    assert here == there
    assert sum(PHOTO in each for each in there) == 3
