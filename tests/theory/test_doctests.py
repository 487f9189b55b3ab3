"""Every figure that a docstring or docs/explanation.md works out is worked out again."""

import doctest
from pathlib import Path

import pytest

from benchmark.theory import bounds, demand
from benchmark.theory import predict as open_model


@pytest.mark.parametrize("module", [bounds, demand, open_model])
def test_examples_in_docstrings_hold(module: object) -> None:
    done = doctest.testmod(module)  # type: ignore[arg-type]
    assert done.attempted > 0
    assert done.failed == 0


def test_every_figure_of_the_worked_example_holds(repository: Path) -> None:
    done = doctest.testfile(str(repository / "docs" / "explanation.md"), module_relative=False)
    assert done.attempted > 10
    assert done.failed == 0
