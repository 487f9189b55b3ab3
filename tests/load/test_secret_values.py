"""Which values are secrets, and in which spellings a log may hold them."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from benchmark.config import check_plan, make_plan, read_config
from benchmark.plan import Plan
from load.spec import redact, spellings

MINIMAL = """
schema_version = 1
[app]
import = "app.main:app"
[profiles.quick]
users = 10
spawn_rate = 5
duration = "5s"
endpoints = ["one"]
[endpoints.one]
path = "/one"
work_tasks = 3
"""


def plan_of(folder: Path, text: str) -> Plan:
    """The plan of profile quick."""
    (folder / "benchmark.toml").write_text(text)
    return make_plan(read_config(folder / "benchmark.toml"), "quick", {})


TOLD_APART = "Ab\\cD\"eF'g h/ü?&+1"


@pytest.mark.parametrize("value", [TOLD_APART, "first-line of a key\nsecond-line of it\n", "hunter22", "\udcff raw"])
def test_a_secret_is_known_in_every_way_a_log_may_spell_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Also on the side that sends requests, which shares no code with this one."""
    text = MINIMAL.replace("work_tasks", 'body = "$BENCH_TEST_TOKEN, $BENCH_TEST_VERSION"\nwork_tasks')
    monkeypatch.setenv("BENCH_TEST_TOKEN", value)
    monkeypatch.setenv("BENCH_TEST_VERSION", "1")
    secrets = plan_of(tmp_path, text).secrets()
    assert "1" not in secrets
    assert list(map(len, secrets)) == sorted(map(len, secrets), reverse=True)
    assert sorted(secrets) == sorted(spellings(value))
    for line in value.splitlines():
        raw = line.encode(errors="surrogateescape")
        spelled = {line, line.upper(), line.lower(), line.title(), repr(line)[1:-1], json.dumps(line)[1:-1]}
        spelled |= {json.dumps(line, ensure_ascii=False)[1:-1], html.escape(line)}
        spelled |= {quote(raw), quote(raw, safe=""), quote_plus(raw), re.sub("%..", lambda m: m[0].lower(), quote(raw))}
        assert spelled <= set(secrets)
        for before in ("", "u", "us", "user:"):
            for encode in (b64encode, urlsafe_b64encode):
                hidden = redact(encode(before.encode() + raw + b":x").decode(), secrets)
                assert "[redacted]" in hidden
                beside = 4 + 4 * len(f"{before}:x") // 3 + 4  # and two characters that a neighbour has a share in
                assert len(hidden.replace("[redacted]", "")) <= beside


def test_what_any_endpoint_names_is_a_secret_whatever_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Needed, and held by the record, is only what this run sends."""
    text = MINIMAL + '[endpoints.two]\npath = "/$BENCH_TEST_TOKEN"\njson = { a = [{ "$BENCH_TEST_KEY" = 1 }] }\n'
    monkeypatch.setenv("BENCH_TEST_TOKEN", "hunter22")
    plan = plan_of(tmp_path, text)
    assert plan.secret_variables() == ("BENCH_TEST_KEY", "BENCH_TEST_TOKEN")
    assert "hunter22" in plan.secrets()
    assert not plan.missing_variables()
    check_plan(plan, tmp_path)
    assert "BENCH_TEST" not in plan.model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        'path = "/?max_tokens=5&token=$BENCH_TEST_TOKEN&page_token=x&password="',
        'json = { max_tokens = "5", nested = [{ password = "$BENCH_TEST_TOKEN" }], token = 5, grant = "password" }',
        'body = "user=a&password=$BENCH_TEST_TOKEN&amount=5$$"',
        """body = '{"query": "query Q($$id: ID!) { password }", "token": null}'""",
    ],
)
def test_what_is_sent_may_name_variables_and_looks_like_no_secret(tmp_path: Path, text: str) -> None:
    endpoint = text if text.startswith("path") else f'path = "/one"\n{text}'
    assert plan_of(tmp_path, MINIMAL.replace('path = "/one"', endpoint))


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("postgresql://shop:p%40ss-w0rd@db.example/orders", "connecting as shop with 'p%40ss-w0rd', that is p@ss-w0rd"),
        (b64encode(b"someone:p@ss-w0rd").decode(), "login of b'someone:p@ss-w0rd' with p@ss-w0rd"),
    ],
)
def test_a_password_inside_a_value_is_a_secret_by_itself(value: str, printed: str) -> None:
    """What an app takes out of an address or a login, it may print alone."""
    secrets = sorted(spellings(value), key=len, reverse=True)
    assert "ss-w0rd" not in redact(printed, secrets)


@pytest.mark.parametrize("value", ["http://[::1", "postgresql://db.example/orders", "c29tZXRoaW5n", "someone:"])
def test_a_value_without_a_password_is_a_secret_as_a_whole_only(value: str) -> None:
    assert redact("something orders db.example", sorted(spellings(value))) == "something orders db.example"
