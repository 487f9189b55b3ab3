"""Fixtures of all tests."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser

from tests.support.bench import Bench
from tests.support.browser import chromium
from tests.support.clones import Clone, make_clone, make_origin

for number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)  # what nohup ignores the programs under test would ignore, too

hypothesis.settings.register_profile("busy", deadline=None)  # how long an example takes is the machine's business
hypothesis.settings.load_profile("busy")


@pytest.fixture(autouse=True)
def _nobody_elses_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tests are a step of a workflow, its variables change what `bench` says and where."""
    for name in list(os.environ):
        if name.startswith(("BENCH_", "GITHUB_")):
            monkeypatch.delenv(name)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A configured folder; whatever a test leaves running is ended, and fails it."""
    made = Bench(tmp_path)
    made.configure()
    yield made
    left = made.processes()
    for process in left:
        process.send_signal(signal.SIGKILL)
    made.end()
    assert not left, f"left running: {left}"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this repository."""
    return Path(__file__).parents[1]


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_origin(tmp_path)


@pytest.fixture
def clone_named(origin: Path, tmp_path: Path) -> Callable[[str], Clone]:
    return lambda name: make_clone(origin, tmp_path / name)


@pytest.fixture
def clone(clone_named: Callable[[str], Clone]) -> Clone:
    return clone_named("mine")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests. Where there is none they are skipped and say so; on CI there has to be one."""
    try:
        with chromium() as found:
            yield found
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
