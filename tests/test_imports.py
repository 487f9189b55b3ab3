"""Imports go one way: core <- measure, theory, judge <- pipeline, report <- publish <- branches <- scripts."""

import ast
import sys
from pathlib import Path

CORE = {
    "errors",
    "fields",
    "service",
    "slo",
    "stages",
    "uploads",
    "streams",
    "plan",
    "cores",
    "toml_file",
    "handover",
    "traffic",
    "config",
    "record",
    "store",
    "summary",
    "formatting",
    "shell",
}
TRUNK = CORE | {"measure", "theory", "judge", "pipeline", "report", "publish"}
BRANCHES = {"audit", "capacity", "compare", "diagnose", "discover", "export", "github", "selftest", "site"}
LOWER = {"measure": CORE, "theory": CORE, "judge": CORE}
LOWER["pipeline"] = LOWER["report"] = CORE | {"measure", "theory", "judge"}
LOWER["publish"] = TRUNK
PURE_LOAD = {"load.spec", "load.arrivals", "load.step_load", "load.streams", "load.values", "load.forms"}
"""What `benchmark` shares with the processes that send requests: no gevent, and nothing that these cannot import."""
PURE_OF = {"os", "time", "pathlib", "subprocess", "datetime", "socket"}


def imported(file: Path) -> set[str]:
    """Modules and names that a file imports, with their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_parts_import_only_what_lies_below_them(repository: Path) -> None:
    for file in (repository / "benchmark").rglob("*.py"):
        part = file.relative_to(repository / "benchmark").parts[0].removesuffix(".py")
        allowed = LOWER.get(part, TRUNK if part in BRANCHES else CORE) | {part}
        parts = {name.split(".")[1] for name in imported(file) if name.startswith("benchmark.")}
        assert parts <= allowed, f"{file}: {parts - allowed}"


def test_app_load_and_benchmark_import_none_of_the_others_but_what_is_shared(repository: Path) -> None:
    for part in ("app", "load", "benchmark"):
        for file in (repository / part).rglob("*.py"):
            names = {name for name in imported(file) if part != "benchmark" or name.rpartition(".")[0] not in PURE_LOAD}
            tops = {name.split(".")[0] for name in names}
            assert not tops & ({"app", "load", "benchmark", "scripts", "experiments"} - {part}), file


def test_what_benchmark_shares_with_load_imports_the_standard_library_alone(repository: Path) -> None:
    for module in PURE_LOAD:
        names = imported(repository.joinpath(*module.split(".")).with_suffix(".py"))
        others = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
        assert {name.rpartition(".")[0] for name in others} <= PURE_LOAD, module


def test_theory_and_judge_touch_no_file_and_no_clock(repository: Path) -> None:
    for layer in ("theory", "judge"):
        for file in (repository / "benchmark" / layer).rglob("*.py"):
            assert not PURE_OF & {name.split(".")[0] for name in imported(file)}, file


def test_benchmark_holds_the_nouns_the_layers_and_the_branches(repository: Path) -> None:
    found = {path.name.removesuffix(".py") for path in (repository / "benchmark").iterdir()}
    assert TRUNK <= found - {"__init__", "__pycache__"} <= TRUNK | BRANCHES  # a branch can be deleted
