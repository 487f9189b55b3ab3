"""Fixtures of the tests that execute workflows."""

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows.forge import ACT, Forge, compile_all, make_python


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Python makes of this repository's modules before it runs them."""
    return compile_all(tmp_path_factory.mktemp("bytecode"))


@pytest.fixture(scope="session")
def python_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where jobs find their Python."""
    return make_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def make_forge(tmp_path_factory: pytest.TempPathFactory, python_bin: Path, bytecode: Path) -> Callable[[], Forge]:
    """Make forges; skips, with the reason, where there is no act."""
    if not ACT.exists():
        pytest.skip(f"no workflow was executed: act is not there on {platform.system()} {platform.machine()}")
    return lambda: Forge(tmp_path_factory.mktemp("forge"), python_bin, bytecode)
