"""Directories that nobody vouches for."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import InvalidRunError, UsageError
from benchmark.plan import Endpoint
from benchmark.publish import untrusted as artifact
from benchmark.publish.untrusted import read_runs
from benchmark.record import Missing, Record
from benchmark.report.index import render_all
from benchmark.store import save, to_json
from tests.support.clones import Clone, git
from tests.support.forks import DRAWN
from tests.support.publishable import make_environment, make_plan, make_record


@pytest.fixture(autouse=True)
def _pictures_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hostile may break the drawing, too."""
    monkeypatch.setenv(*next(iter(DRAWN.items())))


MARKUP = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [click](javascript:alert(1)) ![i](http://x/y.png) "
    "| `code` **bold** @somebody https://evil.example <!-- benchmark:end -->"
)
DANGEROUS = re.compile(
    r"(?<!\\)<(script|img|/script)|(?<!\\)!?\[(click|i)\\?\]\(|(?<!\\)\*\*bold|@somebody|https://evil|(?<!\\)`code"
)
MANGLED: dict[str, Callable[[dict[str, Any]], object]] = {
    "another schema": lambda raw: raw.update(schema_version=2),
    "a schema that is a list": lambda raw: raw.update(schema_version=[[["\n::error::"]]]),
    "an unknown key": lambda raw: raw.update({"x\n::error::gotcha": 1}),
    "an id that climbs out": lambda raw: raw.update(id="../../../escaped"),
    "an id that is an absolute path": lambda raw: raw.update(id="/etc/passwd"),
    "an id that is hidden": lambda raw: raw.update(id=".git"),
    "an id with a line break": lambda raw: raw.update(id="name\n"),
    "a time that does not exist": lambda raw: raw.update(started_at="2026-99-99T99:99:99Z"),
    "a time in the future": lambda raw: raw.update(started_at="9999-01-01T00:00:00Z", finished_at=None),
    "an end before its start": lambda raw: raw.update(finished_at="2020-01-01T00:00:00Z"),
    "an endpoint that was not planned": lambda raw: raw["endpoints"][0].update(name="other"),
    "an endpoint twice": lambda raw: raw["endpoints"].append(raw["endpoints"][0]),
    "a loss that was not planned": lambda raw: raw["missing"].append({"endpoint": "x", "round": 1, "reason": ""}),
    "a link that is no address": lambda raw: raw["environment"].update(run_url="javascript:alert(1)"),
    "a link with markup": lambda raw: raw["environment"].update(run_url="https://x/)[a](b"),
    "a number no report can show": lambda raw: raw["environment"].update(memory_bytes=10**400),
    "half a character": lambda raw: raw["environment"].update(kernel="\ud800"),
    "a body nested without end": lambda raw: raw["plan"]["endpoints"][0].update(json_body=nested(900)),
}


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def written(directory: Path, record: Record, name: str = "run") -> Path:
    """A run directory in another one, as an artifact holds it."""
    (directory / name).mkdir(parents=True)
    return save(record, directory / name / "run.json").parent


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_a_record_that_no_measurement_writes_is_refused_in_one_line(
    tmp_path: Path, mangle: Callable[[dict[str, Any]], object]
) -> None:
    raw = json.loads(to_json(make_record()))
    mangle(raw)
    (tmp_path / "run.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(InvalidRunError) as caught:
        read_runs(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) <= 500


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"schema_version": ' + b"1" * 10_000 + b"}"],
    ids=["empty", "truncated", "a list", "null", "deeply nested", "not UTF-8", "an endless number"],
)
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(InvalidRunError):
        read_runs(tmp_path)


def test_a_huge_record_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "run.json").open("wb") as file:
        file.truncate(10 * 2**30)
    monkeypatch.setattr(Path, "read_text", None)
    with pytest.raises(InvalidRunError, match="not read"):
        read_runs(tmp_path)


def test_a_small_file_that_would_become_a_huge_record_is_refused(tmp_path: Path) -> None:
    wide = [nested(150) for _ in range(1000)]
    body = Endpoint(name="async_concurrent", path="/x", json_body=wide)
    plan = make_plan("async_concurrent", "plain").model_copy(update={"endpoints": (body,)})
    (tmp_path / "run.json").write_text(json.dumps(make_record(plan=plan).model_dump(mode="json")), encoding="utf-8")
    assert (tmp_path / "run.json").stat().st_size < artifact.MOST_BYTES / 10
    with pytest.raises(InvalidRunError, match="larger than any record"):
        read_runs(tmp_path)


def link_to_file(directory: Path) -> None:
    (directory / "run" / "notes").symlink_to("/etc/passwd")


def link_to_directory(directory: Path) -> None:
    (directory / "run" / "more").symlink_to("/etc")


def dangling_link(directory: Path) -> None:
    (directory / "run" / "gone").symlink_to("nowhere")


def record_is_a_link(directory: Path) -> None:
    (directory / "run" / "run.json").rename(directory / "elsewhere.json")
    (directory / "run" / "run.json").symlink_to("../elsewhere.json")


def run_is_a_link(directory: Path) -> None:
    (directory / "other").symlink_to(directory / "run")


def pipe(directory: Path) -> None:
    os.mkfifo(directory / "run" / "pipe")


def record_is_a_pipe(directory: Path) -> None:
    (directory / "run" / "run.json").unlink()
    os.mkfifo(directory / "run" / "run.json")


def without_end(directory: Path) -> None:
    (directory / "run" / Path(*["x"] * 20)).mkdir(parents=True)


@pytest.mark.parametrize(
    "spoil",
    [
        link_to_file,
        link_to_directory,
        dangling_link,
        record_is_a_link,
        run_is_a_link,
        pipe,
        record_is_a_pipe,
        without_end,
    ],
)
def test_a_link_or_an_odd_file_anywhere_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    written(tmp_path, make_record())
    assert len(read_runs(tmp_path).records) == 1
    spoil(tmp_path)
    with pytest.raises(InvalidRunError):
        read_runs(tmp_path)


def test_a_directory_that_is_a_link_or_missing_or_empty_is_wrong_usage(tmp_path: Path) -> None:
    written(tmp_path, make_record())
    (tmp_path / "link").symlink_to(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    for name in ("link", "missing", "empty", "run/run.json"):
        with pytest.raises(UsageError):
            read_runs(tmp_path / name)


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    written(tmp_path, make_record(), "one")
    written(tmp_path, make_record(), "two")
    with pytest.raises(InvalidRunError, match="two runs with the same name"):
        read_runs(tmp_path)


def test_the_name_of_the_directory_decides_nothing(clone: Clone) -> None:
    written(clone.path / "results", make_record(), "$(touch pwned); -rf")
    assert clone.bench("publish", clone.path / "results").code == 0
    assert f"reports/runs/{make_record().id}/run.json" in git(clone.origin, "ls-tree", "-r", "--name-only", "main")
    assert not list(clone.path.rglob("pwned"))


@pytest.mark.parametrize("state", ["complete", "incomplete"])
def test_markup_in_every_text_of_a_record_is_shown_and_does_nothing(tmp_path: Path, state: str) -> None:
    lost = Missing(endpoint=MARKUP, round=2, reason=MARKUP)
    record = make_record(
        name=MARKUP,
        text=MARKUP,
        state=state,
        reason=MARKUP if state == "incomplete" else None,
        customised=(MARKUP,),
        missing=(lost,) if state == "incomplete" else (),
        environment=make_environment(MARKUP),
    )
    written(tmp_path / "artifact", record)
    (found,) = read_runs(tmp_path / "artifact").records
    reports = tmp_path / "reports"
    written(reports / "runs", found, found.id)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- benchmark:begin -->\n<!-- benchmark:end -->\n", encoding="utf-8")
    for _twice in range(2):  # the block must leave its own markers intact
        render_all(reports, readme)
    for page in (readme, reports / "README.md", reports / "runs" / found.id / "report.md"):
        prose = without_code_blocks(page.read_text(encoding="utf-8"))
        assert not DANGEROUS.search(prose), DANGEROUS.search(prose)
        for table in re.findall(r"(?:^\|.*\n)+", prose, flags=re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def without_code_blocks(page: str) -> str:
    return re.sub(r"^(`{3,})text\n.*?\n\1$", "", page, flags=re.MULTILINE | re.DOTALL)
