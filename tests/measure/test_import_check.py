"""The import check is silent about an app that lies elsewhere on purpose."""

import time
from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.measure.server import check_import
from benchmark.plan import Endpoint, Plan, Profile, Target


def check(folder: Path, import_path: str) -> None:
    """Check the app as `bench` does in its folder."""
    endpoint = Endpoint(name="any", path="/")
    profile = Profile(name="p", users=1, spawn_rate_per_s=1, duration_s=1, endpoints=("any",))
    plan = Plan(target=Target(import_path=import_path), profile=profile, endpoints=(endpoint,))
    check_import(plan, folder, time.sleep)


def package(place: Path) -> None:
    """A package `shop` with an app in it."""
    (place / "shop").mkdir(parents=True)
    (place / "shop" / "__init__.py").write_text("")
    (place / "shop" / "main.py").write_text("app = print")


@pytest.mark.parametrize("inside", ["src", "elsewhere/site-packages"])
def test_an_installed_app_without_such_a_folder_here_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    """An editable install is an entry of `sys.path`, too."""
    package(tmp_path / inside)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / inside))
    check(tmp_path, "shop.main:app")


def test_a_relative_pythonpath_starts_where_benchmark_toml_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path / "src")
    monkeypatch.setenv("PYTHONPATH", "src")
    check(tmp_path, "shop.main:app")


def test_a_folder_or_a_file_may_be_a_link(tmp_path: Path) -> None:
    package(tmp_path / "real")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "shop").symlink_to(tmp_path / "real" / "shop")
    (tmp_path / "home" / "single.py").symlink_to(tmp_path / "real" / "shop" / "main.py")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for folder in ("home", "link"):
        check(tmp_path / folder, "shop.main:app")
        check(tmp_path / folder, "single:app")


def test_this_repository_measures_its_own_apps(repository: Path) -> None:
    for import_path in ("app.main:app", "benchmark.measure.raw_app:app"):
        check(repository, import_path)


def test_a_folder_named_like_a_module_of_python_is_told_how_to_come_first(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "main.py").write_text("app = print")
    with pytest.raises(UsageError, match=r"Python finds .*/json/__init__\.py first; add json/__init__\.py"):
        check(tmp_path, "json.main:app")
