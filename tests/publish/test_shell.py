"""Other programs are started without a terminal, bounded, and stopped with all their helpers."""

import os
import time
from pathlib import Path

import pytest

from benchmark.errors import PublishError
from benchmark.shell import GitError, last_line, run


def test_a_program_that_hangs_is_stopped_with_its_helpers(tmp_path: Path) -> None:
    script = "sleep 60 & echo $! > helper; wait"
    began = time.monotonic()
    with pytest.raises(PublishError, match="did not end within"):
        run(["/bin/sh", "-c", script], tmp_path, os.environ, timeout_s=0.5)
    assert time.monotonic() - began < 10
    helper = int((tmp_path / "helper").read_text())
    assert not running(helper)


def running(pid: int) -> bool:
    """Whether a process is there and no zombie that waits for its new parent."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True


def test_a_program_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="no-such-program cannot be started"):
        run(["no-such-program"], tmp_path, os.environ, timeout_s=5)


def test_a_program_has_no_terminal_to_ask_a_password_on(tmp_path: Path) -> None:
    done = run(
        ["/bin/sh", "-c", "read line; (: < /dev/tty) 2>/dev/null && echo tty"], tmp_path, os.environ, timeout_s=5
    )
    assert done.out == ""


def test_a_password_in_an_address_never_reaches_a_message() -> None:
    error = GitError("push", "fatal: unable to access 'https://me:s3cret@example.org/x.git/': timed out")
    assert "s3cret" not in str(error) + error.output
    assert "https://example.org/x.git/" in str(error)


def test_the_telling_line_of_git_is_shown_and_nothing_that_a_terminal_would_obey() -> None:
    assert last_line("hint: no\nremote: x\nfatal: bad\x1b[31m thing") == "fatal: bad [31m thing"
    assert last_line("") == "it said nothing"
