"""Wrong input ends with one clear line and exit code 2 before anything is started."""

import socket
import subprocess

import pytest

from tests.support.bench import Bench

WRONG = [
    pytest.param(["--users", "0"], "--users must be at least 1 (got 0)", id="users 0"),
    pytest.param(["--users", "-1"], "--users must be at least 1 (got -1)", id="users -1"),
    pytest.param(["--users", "1.5"], "--users must be a whole number (got 1.5)", id="users 1.5"),
    pytest.param(["--users", "1e9"], "--users: expected a number such as 1000000000 (got '1e9')", id="users 1e9"),
    pytest.param(["--users", "1000000000"], "--users must be at most 100,000", id="users 1000000000"),
    pytest.param(["--users", "500; ls"], "--users: ", id="users with a command"),
    pytest.param(["--spawn-rate", "0"], "--spawn-rate must be at least 0.001", id="spawn rate 0"),
    pytest.param(["--duration", "5 parsecs"], "--duration: ", id="duration in parsecs"),
    pytest.param(["--profile", "nope"], "there is no profile 'nope'; there are: quick", id="unknown profile"),
    pytest.param(["--endpoint", "nope"], "there is no endpoint 'nope'; there are: quick", id="unknown endpoint"),
    pytest.param(["--users", "1,500"], "'1,500' may be 1500 users, or a sweep; write 1500, or \"1, 500\"", id="1,500"),
    pytest.param(["--users", "20", "--users", "10,000"], "'10,000' may be 10000 users", id="20 and 10,000"),
    pytest.param(["--rounds", "1,000"], "expected a number such as 1000 (got '1,000')", id="rounds 1,000"),
    pytest.param(["--config", "/dev/zero"], "/dev/zero is a folder, a pipe or a device", id="a file without end"),
    pytest.param(["--python", "/bin/true"], "--python: /bin/true is not Python", id="another program"),
    pytest.param(["--python", "/bin/false"], "it ended with exit code 1", id="a program that fails"),
    pytest.param(["--python", "/bin/echo"], "--python: /bin/echo is not Python", id="a program that repeats"),
    pytest.param(["--python", "benchmark.toml"], "is not an executable program", id="not executable"),
    pytest.param(["--colour", "red"], "No such option: --colour", id="unknown option"),
]


def refused(bench: Bench, *arguments: str) -> str:
    """Call, and require that nothing was started; gives the message."""
    return unstarted(bench, bench.call("run", *arguments))


def unstarted(bench: Bench, done: subprocess.CompletedProcess[str]) -> str:
    """What is said where nothing was started."""
    assert done.returncode == 2, done.stderr
    assert not (bench.folder / "results").exists()
    assert not bench.processes()
    assert "Traceback" not in done.stderr
    return str(done.stderr)


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_flags_are_refused(bench: Bench, arguments: list[str], message: str) -> None:
    said = refused(bench, *arguments)
    assert message in said
    lines = [line for line in said.splitlines() if line.startswith(("bench: ", "Error: "))]
    assert len(lines) == 1, said


def test_users_with_spaces_or_too_many_for_one_number_are_a_sweep(bench: Bench) -> None:
    for users in ("1, 500", "100,500", "100,500,1000"):
        asked = bench.call("predict", "--users", users, "--duration", "1s")
        assert asked.returncode == 0, asked.stderr


def test_users_of_the_environment_are_read_like_those_of_the_flag(bench: Bench) -> None:
    bench.environment["BENCH_USERS"] = "1,500"
    assert "'1,500' may be 1500 users, or a sweep" in refused(bench)


@pytest.mark.parametrize(
    "script",
    ["", "#!/no/such/interpreter\n", "#!/bin/sh\necho '[1, 2]' > \"$3\"\n"],
    ids=["empty", "no interpreter", "another answer"],
)
def test_a_python_that_the_system_can_not_run_is_refused(bench: Bench, script: str) -> None:
    file = bench.folder / "mypython"
    file.write_text(script)
    file.chmod(0o755)
    said = refused(bench, "--python", "./mypython")
    assert "mypython cannot be run: " in said or "mypython is not Python" in said
    assert said.count("\n") == 1


def test_a_key_that_json_can_not_hold_is_named_before_anything_starts(bench: Bench) -> None:
    bench.configure(endpoint="json = { when = 2026-01-31T10:00:00Z }")
    said = refused(bench)
    assert 'endpoints.quick.json.when: holds a date, write it as text: "2026-01-31T10:00:00+00:00"' in said


def test_an_argument_that_is_no_utf_8_is_refused(bench: Bench) -> None:
    for words, environment in ((["--out", "\udcff"], {}), ([], {"BENCH_PROFILE": "\udcff"})):
        bench.environment = environment
        assert "is not UTF-8" in refused(bench, *words)


def test_an_unknown_key_is_named_with_its_path(bench: Bench) -> None:
    bench.configure(profile='thinking_time = "1s"')
    assert "profiles.quick.thinking_time: unknown key" in refused(bench)


@pytest.mark.parametrize("app", ["nowhere:app", "app_under_test:nothing"])
def test_an_app_that_does_not_exist_is_refused(bench: Bench, app: str) -> None:
    bench.configure(target="")
    text = (bench.folder / "benchmark.toml").read_text().replace("app_under_test:app", app)
    (bench.folder / "benchmark.toml").write_text(text)
    assert f"app '{app}' does not exist" in refused(bench)


def test_a_port_in_use_is_refused(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refused(bench, "--port", str(port))


def test_a_header_whose_variable_is_not_set_is_refused(bench: Bench) -> None:
    bench.configure(endpoint='headers = { Authorization = "Bearer $BENCH_TEST_NOT_SET" }')
    wanted = "$BENCH_TEST_NOT_SET, which is not set; set it: export BENCH_TEST_NOT_SET=..."
    assert wanted in refused(bench)
    bench.environment["BENCH_TEST_NOT_SET"] = ""  # what a workflow makes of a secret that its repository does not have
    assert wanted in refused(bench)


def test_a_secret_with_a_line_break_is_refused_without_being_shown(bench: Bench) -> None:
    bench.configure(endpoint='headers = { Authorization = "$BENCH_TEST_TOKEN" }')
    bench.environment["BENCH_TEST_TOKEN"] = "s3cr3t\nvalue"  # noqa: S105 - what must not be shown
    said = refused(bench)
    assert "$BENCH_TEST_TOKEN cannot be sent in a header" in said
    assert "s3cr3t" not in said


def test_an_output_directory_that_can_not_be_written_is_refused(bench: Bench) -> None:
    (bench.folder / "a-file").write_text("")
    said = refused(bench, "--out", "a-file/results")
    assert "--out: a-file/results cannot be written" in said


@pytest.mark.parametrize(
    ("target", "late"),
    [
        pytest.param("", True, id="shared socket"),
        pytest.param('sockets = "per-worker"', False, id="own sockets"),
        pytest.param("workers = 1", False, id="one worker"),
    ],
)
def test_without_uvloop_the_refusal_says_how_to_get_it_or_do_without(bench: Bench, target: str, *, late: bool) -> None:
    bench.configure(target=target)
    # What a machine without uvloop looks like to `import`.
    hide = """
import importlib.machinery as machinery
found = machinery.PathFinder.find_spec
machinery.PathFinder.find_spec = lambda name, *rest: None if name == "uvloop" else found(name, *rest)
"""
    hidden = bench.folder / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(hide)
    bench.environment["PYTHONPATH"] = str(hidden)
    said = unstarted(bench, bench.run("run"))  # a Python of its own: what it can import is what is asked
    assert "uvloop is not installed" in said
    assert "--loop asyncio" in said
    assert ("45 ms late" in said) == late
