"""An origin and clones of it for every test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clones import Clone, make_clone, make_origin


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_origin(tmp_path)


@pytest.fixture
def clone_named(origin: Path, tmp_path: Path) -> Callable[[str], Clone]:
    return lambda name: make_clone(origin, tmp_path / name)


@pytest.fixture
def clone(clone_named: Callable[[str], Clone]) -> Clone:
    return clone_named("mine")
