"""A folder to measure in, the real `bench` in it, and a look at the processes it leaves."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from uuid import uuid4

import psutil

from benchmark.record import Record
from benchmark.store import read_record
from tests.support.forks import call_bench

MARK = "BENCH_TEST_MARK"
PATIENCE_S = 60.0
COUNTING_APP = Path(__file__).with_name("counting_app.py")  # copied, not imported: it opens its counters

GOOD_APP = """
import asyncio, time
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def quick(request):
    await asyncio.sleep(0.02)
    return JSONResponse({"answer": {"value": 42}})

async def slow(request):
    await asyncio.sleep(120)

def pooled(request):
    time.sleep(0.1)
    return JSONResponse({"answer": 42})

app = Starlette(routes=[Route("/quick", quick), Route("/slow", slow), Route("/pooled", pooled)])
"""
"""Of what FastAPI is made of: each worker of each round of a hundred tests imports it in half the time."""

CONFIG = """
schema_version = 1
[app]
import = "{app}"
startup_timeout = "{startup_timeout}"
{target}
[endpoints.quick]
path = "{path}"
work = "20ms"
served = "event loop"
{endpoint}
[profiles.quick]
users = 8
spawn_rate = 8
duration = "{duration}"
timeout = "{timeout}"
reference = 0
endpoints = ["quick"]
{profile}
"""


@dataclass
class Bench:
    """A folder with a benchmark.toml, in which the real command line is run."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    mark: str = field(default_factory=lambda: uuid4().hex)

    def configure(self, app: str = GOOD_APP, **changes: str) -> None:
        """Write an app and a benchmark.toml that measures it."""
        values = {"app": "app_under_test:app", "startup_timeout": "20s", "target": "workers = 1", "path": "/quick"}
        values |= {"endpoint": "", "duration": "2s", "timeout": "20s", "profile": ""}
        (self.folder / "app_under_test.py").write_text(app)
        (self.folder / "benchmark.toml").write_text(CONFIG.format(**(values | changes)))

    def command(self, *arguments: str) -> list[str]:
        """The command line, with the Python of the tests."""
        return [sys.executable, "-m", "scripts", *arguments]

    def _environment(self) -> dict[str, str]:
        return os.environ | {MARK: self.mark} | self.environment

    def run(self, *arguments: str, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def call(self, *arguments: str, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Run to the end, without the second or two in which Python imports, where those are not what is tested."""
        return call_bench(self.folder, arguments, self._environment(), timeout_s)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start, to be ended by the test. Its standard error can be read line by line."""
        started = subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(started)
        return started

    def end(self) -> None:
        """End what was started and is still there."""
        for process in self.started:
            process.kill()
            process.communicate(timeout=PATIENCE_S)

    def processes(self) -> list[psutil.Process]:
        """Every living process that was started by this folder's `bench`, however deep."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def commands(self, text: str) -> list[psutil.Process]:
        """Those of them whose command line holds `text`."""
        found = []
        for process in self.processes():
            try:
                if any(text in part for part in process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Poll until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.05)

    def records(self) -> list[Record]:
        """Every record under results/."""
        return [read_record(path) for path in sorted((self.folder / "results").glob("*/run.json"))]

    def record(self) -> Record:
        """The only record under results/."""
        (record,) = self.records()
        return record


def wait_for_line(stream: IO[str] | None, text: str) -> str:
    """Read what a program says until a line holds `text`; gives all that was read."""
    assert stream is not None
    said = ""
    for line in stream:
        said += line
        if text in line:
            return said
    raise AssertionError(f"{text!r} was never said, but:\n{said}")


def assert_measured(done: subprocess.CompletedProcess[str]) -> None:
    """A run ended well; but where tests share two processors, load generator or app may have been kept waiting."""
    kept_waiting = any(said in done.stderr for said in ("load generator", "too slow for this rate"))
    assert done.returncode == 0 or (done.returncode == 3 and kept_waiting), done.stderr
