"""Fixtures of the tests that execute workflows."""

import platform
from collections.abc import Callable

import pytest

from tests.workflows.forge import ACT, Forge


@pytest.fixture(scope="module")
def make_forge(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Forge]:
    """Make forges; skips, with the reason, where there is no act."""
    if not ACT.exists():
        pytest.skip(f"no workflow was executed: act is not there on {platform.system()} {platform.machine()}")
    return lambda: Forge(tmp_path_factory.mktemp("forge"), ACT.parent)
