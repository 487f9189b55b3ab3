"""Imports go one way, so that each part can be understood without those above it."""

import ast
from pathlib import Path

GROUND_FLOOR = {
    "errors",
    "files",
    "units",
    "garbage",
    "model",
    "profile",
    "plan",
    "environment",
    "observed",
    "load_processes",
    "config",
    "limit",
    "method",
    "record",
    "record_file",
    "theory",
    "trend",
    "failure",
    "summary",
    "diagnosis",
    "declaration",
    "selftest",
    "comparison",
    "comparison_file",
    "capacity",
}
MAY_IMPORT = {
    "measure": {"measure"},
    "explain": {"explain"},
    "judge": {"judge"},
    "show": {"show"},
    "publish": {"publish", "show"},
}


def imported(file: Path) -> set[str]:
    """Modules that a file imports, with their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_app_load_and_benchmark_import_none_of_the_others(repository: Path) -> None:
    for part in ("app", "load", "benchmark"):
        for file in (repository / part).rglob("*.py"):
            tops = {name.split(".")[0] for name in imported(file)}
            assert not tops & ({"app", "load", "benchmark", "scripts"} - {part}), file


def test_each_wing_of_benchmark_stands_on_the_ground_floor_alone(repository: Path) -> None:
    for wing, allowed in MAY_IMPORT.items():
        for file in (repository / "benchmark" / wing).rglob("*.py"):
            parts = {name.split(".")[1] for name in imported(file) if name.startswith("benchmark.")}
            assert parts <= allowed | GROUND_FLOOR, file


def test_the_ground_floor_knows_nothing_above_it(repository: Path) -> None:
    for name in GROUND_FLOOR:
        parts = {
            i.split(".")[1] for i in imported(repository / "benchmark" / f"{name}.py") if i.startswith("benchmark.")
        }
        assert parts <= GROUND_FLOOR, name


def test_judging_and_explaining_touch_no_file_and_no_clock(repository: Path) -> None:
    for wing in ("explain", "judge"):
        for file in (repository / "benchmark" / wing).rglob("*.py"):
            tops = {name.split(".")[0] for name in imported(file)}
            assert not tops & {"os", "time", "pathlib", "subprocess", "datetime", "socket"}, file
