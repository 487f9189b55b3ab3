"""Mixes, flows, data and logins: what users send is what benchmark.toml says, and every request has its row."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import chisquare

from benchmark.record import Round
from tests.support.bench import Bench, assert_measured

APP = (Path(__file__).parents[1] / "support" / "traffic_app.py").read_text()
TOML = """
schema_version = 1
[app]
import = "traffic_app:app"
workers = 1
[endpoints.list]
path = "/orders"
work = "5ms"
take = { order = "/items/0/id", name = "/items/0/name" }
[endpoints.read]
path = "/orders/{order}?name={name}"
[endpoints.create]
method = "POST"
path = "/orders"
headers = { X-Order = "no. {order}" }
json = { order = "{order}", note = "{name}!" }
expect = { status = 201 }
[endpoints.first]
path = "/orders/1"
[endpoints.plain]
method = "POST"
path = "/orders"
body = "1"
expect = { status = 201 }
[endpoints.token]
method = "POST"
path = "/token"
json = { user = "{user}", password = "{password}" }
data = "users.csv"
[endpoints.mine]
path = "/mine/{user}"
data = "users.csv"
unique = true
login = { endpoint = "token", take = "/access/token", header = "Authorization: Bearer {token}" }
[endpoints.drawn]
path = "/orders/{user}"
data = "users.csv"
rows = "drawn"
[mixes.evening]
requests = { list = 80, first = 12, plain = 8 }
[mixes.visit]
flow = ["list", "read", "create"]
[profiles.quick]
users = 10
spawn_rate = 10
duration = "4s"
reference = 0
endpoints = ["evening"]
"""
USERS = [f"user-{number:03d}" for number in range(100)]
CSV = "\n".join(["user,password,role", *(f"{user},hidden-{user},mine" for user in USERS)])
"""One column holds the name of an endpoint, in each row."""


@pytest.fixture
def traffic(bench: Bench) -> Bench:
    (bench.folder / "traffic_app.py").write_text(APP)
    (bench.folder / "benchmark.toml").write_text(TOML)
    (bench.folder / "users.csv").write_text(CSV)
    return bench


def measured(bench: Bench) -> Round:
    (result,) = bench.record().endpoints
    (found,) = result.rounds
    return found


def seen(bench: Bench) -> list[list[str]]:
    """What the app was asked, without what came before the load: each kind of request was verified once."""
    return [line.split(" ", 2) for line in (bench.folder / "seen.log").read_text().splitlines()]


def logs(bench: Bench) -> list[Path]:
    return sorted((bench.folder / "results").glob("*/*/requests*.csv"))


def written(bench: Bench) -> str:
    return "".join(file.read_text() for file in (bench.folder / "results").rglob("*") if file.is_file())


@pytest.mark.parametrize(
    "flags",
    [[], ["--rate", "100/s", "--arrivals", "poisson", "--users", "500", "--spawn-rate", "500"], ["--processes", "2"]],
    ids=["closed", "open", "processes"],
)
def test_a_mix_has_the_shares_that_are_asked_for_and_its_rows_add_up(traffic: Bench, flags: list[str]) -> None:
    assert_measured(traffic.call("run", "--seed", "1", *flags))
    whole = measured(traffic)
    counts = [part.requests for part in whole.parts]
    assert [part.name for part in whole.parts] == ["list", "first", "plain"]
    assert sum(counts) == whole.requests
    total = whole.throughput_rps or 0
    assert sum(part.throughput_rps or 0 for part in whole.parts) == pytest.approx(total, abs=0.01)
    assert chisquare(counts, [whole.requests * weight / 100 for weight in (80, 12, 8)]).pvalue > 0.01
    app_saw = Counter(kind for kind, *_ in seen(traffic))
    assert app_saw["read"] >= counts[1] > 0
    assert (whole.parts[0].median_ms or 0) < (whole.parts[1].median_ms or 0) < (whole.parts[2].median_ms or 0)


def test_the_same_seed_mixes_in_the_same_way(traffic: Bench) -> None:
    names = []
    for _ in range(2):
        assert_measured(traffic.call("run", "--users", "1", "--seed", "5", "--duration", "2s"))
        file = max((traffic.folder / "results").glob("*/*/requests.csv"), key=lambda file: file.stat().st_mtime)
        names.append(list(pd.read_csv(file)["name"])[:50])
    assert names[0] == names[1]
    assert len(set(names[0])) > 1


def test_what_a_flow_takes_is_what_its_next_requests_hold(traffic: Bench) -> None:
    assert_measured(traffic.call("run", "--endpoint", "visit", "--users", "1", "--duration", "2s"))
    whole = measured(traffic)
    assert [part.name for part in whole.parts] == ["list", "read", "create"]
    assert not whole.failures
    asked = seen(traffic)
    assert len(asked) > 30
    for (_, made), read, (kind, body, header) in zip(asked[::3], asked[1::3], asked[2::3], strict=False):
        assert read == ["read", made, f"order {made}/{made}"]
        assert kind == "create"
        assert f"{body} {header}".startswith(f'{{"order": {made}, "note": "order {made}/{made}!"}}')
        assert f"{body} {header}".endswith(f"no. {made}")


def test_each_user_has_a_row_of_its_own_and_a_token_that_is_renewed_apart(traffic: Bench) -> None:
    traffic.environment["EXPIRY_S"] = "1"
    flags = ["--users", "50", "--processes", "2", "--duration", "5s"]
    assert_measured(traffic.call("run", "--endpoint", "mine", *flags))
    whole = measured(traffic)
    assert whole.logins
    assert (whole.failures, whole.logins.first, whole.logins.failed) == (0, 50, 0)
    asked = seen(traffic)
    assert len({words[1] for words in asked if words[0] == "mine"}) == 50
    assert set(pd.concat(map(pd.read_csv, logs(traffic)))["name"]) == {"mine"}
    assert all(words[1] == words[2] for words in asked if words[0] == "mine")
    # all but the login of the check before the load
    assert whole.logins.renewed == sum(words[0] == "token" for words in asked) - 50 - 1 > 0
    assert whole.sent is not None
    assert whole.written == whole.sent
    text = written(traffic)
    assert "made [redacted] for" in text
    assert "hidden-user" not in text
    assert "of-the-test" not in text


def test_drawn_rows_are_drawn_from_all(traffic: Bench) -> None:
    assert_measured(traffic.call("run", "--endpoint", "drawn", "--users", "4", "--duration", "4s"))
    asked = Counter(words[1] for words in seen(traffic))
    assert len(asked) > 80
    assert set(asked) <= set(USERS)


WRONG = {
    "a weight of nothing": ("list = 80", "list = 0", "mixes.evening.requests.list must be more than 0"),
    "an unknown endpoint": ("list = 80", "lsit = 80", "mixes.evening: there is no endpoint 'lsit'"),
    "an unknown step": ('"list", "read"', '"lst", "read"', "mixes.visit: there is no endpoint 'lst'"),
    "a missing column": ("/mine/{user}", "/mine/{usr}", "users.csv has no such column; it has: user, password, role"),
    "a missing column of a body": ("{password}", "{passwort}", "names {passwort}"),
    "a step that comes too early": ('"list", "read"', '"read", "list"', "names {name}, but no step before it takes it"),
    "a flow and weights": ("flow = [", "requests = { list = 1 }\nflow = [", "needs exactly one of requests"),
    "a file that is not there": ('path = "/mine/{user}"\ndata = "users.csv"', 'path = "/mine/{user}"\ndata = "x.csv"',
                                 "x.csv cannot be read"),
    "a login that is no endpoint": ('endpoint = "token"', 'endpoint = "tokn"', "there is no endpoint 'tokn'"),
    "a header without token": ("Bearer {token}", "Bearer", 'must look like "Authorization: Bearer {token}"'),
    "a pointer that is none": ('"/access/token"', '"access"', "login.take"),
    "a header that nothing fills": ('path = "/orders/1"', 'path = "/orders/1"\nheaders = { X-Token = "{token}" }',
                                    "names {token} in path or headers, and nothing gives it"),
    "unique without data": ('path = "/orders/1"', 'path = "/orders/1"\nunique = true', 'goes with data = "FILE.csv"'),
    "our own key": ('path = "/orders/1"', 'path = "/orders/1"\nmix = {}', "endpoints.first.mix: unknown key"),
    "a password in the open": ('"{password}"', '"geheim-geheim"', "would end up in reports"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_is_one_line_before_anything_is_started(traffic: Bench, old: str, new: str, said: str) -> None:
    file = traffic.folder / "benchmark.toml"
    assert old in file.read_text()
    every = '["evening", "visit", "mine", "first"]'
    file.write_text(file.read_text().replace(old, new, 1).replace('endpoints = ["evening"]', f"endpoints = {every}"))
    done = traffic.call("run")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (traffic.folder / "results").exists()


def test_fewer_rows_than_users_are_refused(traffic: Bench) -> None:
    done = traffic.call("run", "--endpoint", "mine", "--users", "101")
    assert done.returncode == 2
    assert "users.csv has 100 rows for 101 users" in done.stderr
    assert not (traffic.folder / "results").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('order = "/items/0/id"', 'order = "/items/7/id"', "the response has nothing at /items/7/id"),
        ('order = "/items/0/id"', 'order = "/items"', "the response has no text or number at /items"),
        ('"/access/token"', '"/token"', "login token: the response has nothing at /token"),
        ('"/token"\njson', '"/tok"\njson', "login token: status 404 instead of 200"),
    ],
)
def test_a_value_that_is_not_there_is_found_before_the_load(traffic: Bench, old: str, new: str, said: str) -> None:
    file = traffic.folder / "benchmark.toml"
    file.write_text(file.read_text().replace(old, new, 1).replace('["evening"]', '["visit", "mine"]'))
    done = traffic.call("run")
    assert done.returncode == 4
    assert said in done.stderr
