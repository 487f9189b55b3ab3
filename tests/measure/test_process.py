"""Nothing of a child outlives its block, whatever it detached; and what it prints is bounded and without secrets."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmark.measure.process import FILES_OF_THE_RUNNER, SUPERVISE, Child
from benchmark.record import LARGEST_LOG_BYTES, LONGEST_LINE_BYTES
from tests.support.bench import PATIENCE_S

SECRET = "tok-5up3r-s3cr3t"  # noqa: S105 - what must not be found anywhere
NOTE = 'import os, sys, time; open(f"{os.getpid()}.pid", "w"); time.sleep(600)'
"""Leaves a file of its name, and stays."""

DETACHED = {
    "a double fork": """
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
os.wait()
""",
    "a session of its own": "subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True)",
    "without our environment": "subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True, env={})",
    "deaf to SIGTERM": """
deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN);"
subprocess.run(["sh", "-c", 'setsid "$0" -c "$1" &', sys.executable, deaf + sys.argv[1]])
""",
    "two, one below the other": """
above = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True);"
subprocess.Popen([sys.executable, "-c", above + sys.argv[1], sys.argv[1]], start_new_session=True)
""",
}
ENDS: dict[str, Callable[[Child], object]] = {
    "the block ends": lambda child: child.stop(),
    "it ends by itself": lambda child: psutil.Process(child.pid).kill(),
}


def child(folder: Path, code: str, *arguments: str, secrets: tuple[str, ...] = ()) -> Child:
    """A Python that runs `code`."""
    command = [sys.executable, "-c", f"import os, subprocess, sys, time\n{code}", *arguments]
    log = folder / "child.log"
    return Child(command, log=log, directory=folder, secrets=secrets, grace_s=0.5)


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    until = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def living(folder: Path) -> list[str]:
    """Processes that left a file of their name, and still run."""
    found = []
    for file in folder.glob("*.pid"):
        try:
            if psutil.Process(int(file.stem)).status() != psutil.STATUS_ZOMBIE:
                found.append(file.stem)
        except psutil.NoSuchProcess:
            continue
    return found


def ran_to_its_end(started: Child) -> str:
    """Let it end by itself; gives the log."""
    with started:
        assert eventually(lambda: started.exit_code is not None)
    return (started._log_path).read_text(encoding="utf-8")  # noqa: SLF001


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("way", DETACHED)
def test_what_it_detached_ends_with_it(tmp_path: Path, way: str, end: str) -> None:
    started = child(tmp_path, f"{DETACHED[way]}\ntime.sleep(600)", NOTE)
    expected = 2 if way.startswith("two") else 1
    with started:
        assert eventually(lambda: len(list(tmp_path.glob("*.pid"))) == expected), started.tail()
        ENDS[end](started)
        assert eventually(lambda: started.exit_code is not None)
    assert not living(tmp_path)


def test_it_ends_even_where_it_kills_what_watches_it(tmp_path: Path) -> None:
    wait = "while not [name for name in os.listdir() if name.endswith('.pid')]: time.sleep(0.01)"
    started = child(tmp_path, f"if os.fork() == 0:\n    {NOTE}\n{wait}\nos.kill(os.getppid(), 9)\n{NOTE}")
    with started:
        assert eventually(lambda: started.exit_code is not None)
    assert eventually(lambda: not living(tmp_path))


@pytest.mark.parametrize(("code", "expected"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", -9), ("", 0)])
def test_its_exit_code_is_its_own(tmp_path: Path, code: str, expected: int) -> None:
    started = child(tmp_path, code)
    ran_to_its_end(started)
    assert started.exit_code == expected


def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    started = Child(["./nothing"], log=tmp_path / "child.log", directory=tmp_path, environment=os.environ)
    assert "./nothing cannot be started: No such file or directory" in ran_to_its_end(started)


PRINTS = {
    "no line break": 'for _ in range(40): os.write(1, b"x" * 1_000_000)',
    "short lines": 'os.write(1, b"word\\n" * 6_000_000)',
    "on standard error": 'for _ in range(40): os.write(2, b"x" * 999_999 + b"\\n")',
    "a progress bar": 'for _ in range(3_000): os.write(1, b"\\r" + b"=" * 9_999)',
}


@pytest.mark.parametrize("how", PRINTS)
def test_output_is_cut_and_counted_and_never_blocks(tmp_path: Path, how: str) -> None:
    started = child(tmp_path, f"{PRINTS[how]}\nprint('\\nthe end', end='')")
    log = ran_to_its_end(started)
    assert started.exit_code == 0
    assert started.tail().endswith("the end")
    assert len(log) < 1.1 * LARGEST_LOG_BYTES
    assert max(map(len, log.splitlines())) < 1.1 * LONGEST_LINE_BYTES
    assert started.log.cut_bytes > 10**6
    assert ("[cut]" in log) or ("were left out" in log)


@pytest.mark.parametrize("before", [0, 1, 30, LONGEST_LINE_BYTES - 20, LONGEST_LINE_BYTES - 5, LONGEST_LINE_BYTES])
def test_no_part_of_a_secret_is_left_where_a_line_is_cut(tmp_path: Path, before: int) -> None:
    code = f"for piece in ('x' * {before}, *('{SECRET}' * 600), 'x' * 9999): os.write(1, piece.encode())"
    log = ran_to_its_end(child(tmp_path, code, secrets=(SECRET,)))
    assert "[redacted]" in log or before >= LONGEST_LINE_BYTES - 20
    assert not [part for part in (SECRET[:4], SECRET[4:8], SECRET[-4:]) if part in log]


def test_a_secret_that_is_no_text_is_struck_out_too(tmp_path: Path) -> None:
    secret = os.fsdecode(b"raw \xff\xfe key")
    log = ran_to_its_end(child(tmp_path, "os.write(1, b'a raw \\xff\\xfe key, \\xff')", secrets=(secret,)))
    assert log == "a [redacted], \ufffd\n"


def test_the_files_of_a_runner_are_not_handed_on(tmp_path: Path) -> None:
    given = os.environ | dict.fromkeys(FILES_OF_THE_RUNNER, "file") | {"GITHUB_SHA": "abc"}
    command = [sys.executable, "-c", "import os; print([name for name in os.environ if name.startswith('GITHUB_')])"]
    log = ran_to_its_end(Child(command, log=tmp_path / "child.log", directory=tmp_path, environment=given))
    assert log == "['GITHUB_SHA']\n"


@pytest.mark.parametrize("sent", [b"", b"1", b"9\n", b"9\nab"])
def test_a_supervisor_whose_owner_is_gone_before_it_sent_the_command_ends(sent: bytes) -> None:
    command = [sys.executable, "-I", "-S", str(SUPERVISE), "1"]
    done = subprocess.run(command, input=sent, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (127, b"", b"")


def test_nothing_is_left_of_a_child_whose_owner_is_killed(tmp_path: Path) -> None:
    """Also what it detached."""
    owner = f"""
import os, sys, time
from pathlib import Path
from benchmark.measure.process import Child
code = sys.argv[1]
with Child([sys.executable, "-c", code, {NOTE!r}], log=Path("child.log"), directory=Path.cwd(), environment=os.environ):
    time.sleep(600)
"""
    code = f"import os, subprocess, sys, time\n{DETACHED['without our environment']}\n{NOTE}"
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", owner, code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)}
    ) as p:
        try:
            assert eventually(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        finally:
            p.kill()
    assert eventually(lambda: not living(tmp_path))
