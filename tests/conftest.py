"""Fixtures of all tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support import Bench

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
