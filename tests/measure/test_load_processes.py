"""How many processes send the load, and what they are refused for before anything starts."""

import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmark.config import Config, cores_left, make_plan, read_config
from benchmark.errors import UsageError
from benchmark.measure.load_test import Master, check_master_port, generator_command, master_port, parse_master, serve
from benchmark.plan import Target

CONFIG = """
schema_version = 1
[app]
import = "my:app"
workers = {workers}
host = "{host}"
[endpoints.quick]
path = "/quick"
[endpoints.own]
path = "/own"
locustfile = "own.py"
[profiles.quick]
users = 8
spawn_rate = 8
duration = "2s"
endpoints = ["quick"]
{profile}
"""


def configured(folder: Path, **changes: str) -> Config:
    """A benchmark.toml, read."""
    values = {"workers": "2", "host": "127.0.0.1", "profile": ""} | changes
    (folder / "benchmark.toml").write_text(CONFIG.format(**values))
    return read_config(folder / "benchmark.toml")


@pytest.fixture
def _six_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmark.cores.CPUS", tmp_path / "nowhere")
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _self: list(range(6)), raising=False)


@pytest.mark.usefixtures("_six_cores")
@pytest.mark.parametrize(
    ("target", "left"),
    [
        pytest.param({"import": "my:app", "workers": 2}, 4, id="the app takes its workers"),
        pytest.param({"import": "my:app", "workers": 6}, 1, id="at least one"),
        pytest.param({"import": "my:app", "workers": 20}, 1, id="more workers than cores"),
        pytest.param({"url": "http://elsewhere"}, 6, id="an app elsewhere takes none"),
    ],
)
def test_the_cores_that_the_app_leaves_send_the_load(target: dict[str, Any], left: int) -> None:
    assert cores_left(Target.model_validate(target)) == left


@pytest.mark.usefixtures("_six_cores")
def test_auto_becomes_a_number_in_the_plan(tmp_path: Path) -> None:
    config = configured(tmp_path, profile='processes = "auto"')
    assert make_plan(config, "quick", {}).profile.processes == 4
    assert make_plan(config, "quick", {"workers": "5"}).profile.processes == 1
    assert make_plan(configured(tmp_path), "quick", {"processes": "auto"}).profile.processes == 4
    assert make_plan(configured(tmp_path), "quick", {}).profile.processes == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_app_that_other_machines_can_not_reach_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match=r"cannot reach an app that listens on .*; write \[app\] host = "):
        make_plan(configured(tmp_path, host=host), "quick", {"load_workers": "2"})


def test_a_locustfile_that_other_machines_do_not_have_is_refused(tmp_path: Path) -> None:
    wishes = {"load_workers": "2", "endpoints": ("own",)}
    with pytest.raises(UsageError, match="endpoint 'own' has a locustfile of its own, which other machines do not"):
        make_plan(configured(tmp_path, host="10.0.0.5"), "quick", wishes)
    assert make_plan(configured(tmp_path, host="10.0.0.5"), "quick", {"load_workers": "2"}).profile.load_workers == 2


def test_who_leads_other_machines_waits_for_them_as_long_as_is_asked(tmp_path: Path) -> None:
    config = configured(tmp_path, host="0.0.0.0")  # noqa: S104
    profile = make_plan(config, "quick", {"load_workers": "3", "workers_within_s": "90s", "processes": "2"}).profile
    command = " ".join(generator_command(profile, "http://app", ["load.py"]))
    assert command.endswith("--master --expect-workers 3 --expect-workers-max-wait 90")
    assert master_port(profile) == []


def test_processes_of_one_machine_meet_on_a_port_of_their_own(tmp_path: Path) -> None:
    profile = make_plan(configured(tmp_path), "quick", {"processes": "2"}).profile
    assert " ".join(generator_command(profile, "http://app", ["load.py"])).endswith("--processes 2")
    host, at, bound, port, connected = master_port(profile)[1:]
    assert (host, at, port) == ("127.0.0.1", "--master-bind-port", "--master-port")
    assert bound == connected


def test_a_port_that_is_taken_is_refused_only_to_who_would_listen_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(tmp_path, host="0.0.0.0")  # noqa: S104
    leading = make_plan(config, "quick", {"load_workers": "2"}).profile
    with socket.create_server(("", 0)) as taken:
        monkeypatch.setattr("benchmark.measure.load_test.MASTER_PORT", taken.getsockname()[1])
        with pytest.raises(UsageError, match="where load workers connect, is in use"):
            check_master_port(leading)
        check_master_port(make_plan(config, "quick", {}).profile)
    check_master_port(leading)


@pytest.mark.parametrize(
    ("text", "master"),
    [
        ("10.0.0.5", Master(host="10.0.0.5")),
        (" app-host:6000 ", Master(host="app-host", port=6000)),
    ],
)
def test_a_master_is_a_host_and_maybe_a_port(text: str, master: Master) -> None:
    assert parse_master(text) == master


@pytest.mark.parametrize("text", ["", ":5557", "host:", "host:port", "host:0", "host:70000", "http://host", "a b"])
def test_what_is_no_master_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match=r'is not an address; write it like "10.0.0.5" or "10.0.0.5:5557"'):
        parse_master(text)


def test_a_name_without_an_address_is_said_at_once_and_an_error_when_the_wait_is_over() -> None:
    said: list[str] = []
    with pytest.raises(UsageError, match=r"no-such-host\.invalid cannot be resolved .*; check the name"):
        serve(Master(host="no-such-host.invalid"), 0.0, lambda _seconds: None, said.append)
    assert said[1].startswith("no-such-host.invalid cannot be resolved (")
    assert said[1].endswith("trying again for 0 s")
