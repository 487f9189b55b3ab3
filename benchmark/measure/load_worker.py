"""A load worker for a benchmark that another machine leads: Locust's own worker, started anew for each round."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from benchmark.errors import InvalidRunError, UsageError, one_line, quoted
from benchmark.measure.load_test import MASTER_PORT, START, load_environment, module_file
from benchmark.measure.machine import raise_open_file_limit
from benchmark.measure.process import Child
from benchmark.plan import Count, Frozen
from load.spec import NEWS_VARIABLE

POLL_S = 0.2
TOO_SOON_S = 3.0
"""A Locust process that fails within this time would fail again and again."""


class Master(Frozen):
    """Where the benchmark is led from."""

    host: str = Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")
    port: Count = Field(default=MASTER_PORT, ge=1, le=65_535)


def parse_master(text: str) -> Master:
    """Read "HOST" or "HOST:PORT". UsageError says how it is written."""
    host, colon, port = text.strip().partition(":")
    try:
        return Master.model_validate({"host": host, **({"port": port} if colon else {})})
    except ValueError:
        raise UsageError(f'--master: {text!r} is no address; write it like "10.0.0.5" or "10.0.0.5:5557"') from None


def serve(master: Master, wait_s: float, pause: Callable[[float], None], say: Callable[[str], None]) -> None:
    """Load whenever the master asks for it, round after round, until none was heard for `wait_s`.

    InvalidRunError: Locust cannot even be started. What `pause` raises ends it.
    """
    raise_open_file_limit()
    say(f"waiting for a benchmark at {master.host}:{master.port}; Ctrl-C ends this")
    heard = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - heard < wait_s:
            news = Path(folder) / "news.txt"
            news.write_text("")
            if _one_round(master, news, heard + wait_s, pause, say):
                heard = time.monotonic()
    say(f"no benchmark was heard for {wait_s:g} s at {master.host}:{master.port}; this is over")


def _one_round(
    master: Master, news: Path, until: float, pause: Callable[[float], None], say: Callable[[str], None]
) -> bool:
    """Run one Locust worker until it ends, or was told nothing `until` then. Gives whether it was told something."""
    address = ("--master-host", master.host, "--master-port", str(master.port))
    command = [
        sys.executable,
        str(START),
        "-f",
        module_file("load.distributed.worker_locustfile"),
        "--worker",
        *address,
    ]
    child = Child(
        [*command, "--loglevel", "WARNING", "--exit-code-on-error", "0"],
        log=news.with_name("locust.log"),
        directory=news.parent,
        environment=load_environment() | {NEWS_VARIABLE: str(news)},
        grace_s=2.0,
    )
    began, told = time.monotonic(), 0
    with child:
        while child.exit_code is None and (told or time.monotonic() < until):
            pause(POLL_S)
            told = _tell(news, told, say)
        code = child.exit_code
        told = _tell(news, told, say)
        if code and not told and time.monotonic() - began < TOO_SOON_S:
            raise InvalidRunError("the load worker could not be started; its last lines:", child.tail())
        if code:
            killed = code == -signal.SIGKILL
            how = "was killed, as the system does when memory runs out" if killed else f"ended with exit code {code}"
            say(f"the load worker {how}; its last lines:\n{quoted(child.tail() or '(it printed nothing)')}")
    return told > 0


def _tell(news: Path, told: int, say: Callable[[str], None]) -> int:
    """Pass on what is new; gives how many lines were passed on so far."""
    lines = news.read_text().splitlines()
    for line in lines[told:]:
        say(one_line(line))
    return len(lines)
