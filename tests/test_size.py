"""Small pieces: what is too long to be read at once is too long."""

import ast
from collections.abc import Iterator
from pathlib import Path

LONGEST_FUNCTION = 40
LONGEST_MODULE = 500
LONGEST_TEST_MODULE = 500


def modules(repository: Path) -> Iterator[Path]:
    """Every Python file of ours."""
    for part in ("app", "load", "benchmark", "scripts", "experiments", "tests"):
        yield from (repository / part).rglob("*.py")


def test_no_module_is_longer_than_one_can_keep_in_mind(repository: Path) -> None:
    for path in modules(repository):
        most = LONGEST_TEST_MODULE if "tests" in path.parts else LONGEST_MODULE
        assert len(path.read_text().splitlines()) <= most, path


def test_no_function_s_body_is_longer_than_a_screen(repository: Path) -> None:
    for path in modules(repository):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                assert lines <= LONGEST_FUNCTION, f"{path}: {node.name}"
