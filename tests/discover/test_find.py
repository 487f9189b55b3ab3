"""The app of a folder is found where `fastapi run` would find it, without importing anything."""

from pathlib import Path

import pytest

from benchmark.discover.find import find_apps

APP = "from fastapi import FastAPI\napp = FastAPI()\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"main.py": APP}, ("main:app", None), id="main.py"),
        pytest.param({"main.py": "import x\nx = 1", "api.py": APP}, ("api:app", None), id="the next one"),
        pytest.param({"app.py": "import fastapi\nserver: object = fastapi.FastAPI()"}, ("app:server", None), id="name"),
        pytest.param({"main.py": f"{APP}\nother = FastAPI()"}, ("main:app", None), id="app before others"),
        pytest.param({"main.py": "def create_app():\n    return 1"}, ("main:create_app", None), id="factory"),
        pytest.param({"main.py": "from x import create_app\napp = create_app()"}, ("main:app", None), id="made by one"),
        pytest.param({"app/__init__.py": "", "app/main.py": APP}, ("app.main:app", None), id="package"),
        pytest.param({"src/app/__init__.py": "", "src/app/main.py": APP}, ("app.main:app", "src"), id="src/app"),
        pytest.param({"src/shop/__init__.py": "", "src/shop/api.py": APP}, ("shop.api:app", "src"), id="src package"),
        pytest.param({"src/main.py": APP}, ("main:app", "src"), id="src alone"),
        pytest.param(
            {"pyproject.toml": '[tool.fastapi]\nentrypoint = "web.server:api"\n', "main.py": APP},
            ("web.server:api", None),
            id="pyproject.toml",
        ),
        pytest.param(
            {"pyproject.toml": '[tool.fastapi]\nentrypoint = "web:api"\n', "src/web.py": APP},
            ("web:api", "src"),
            id="both",
        ),
    ],
)
def test_the_likeliest_app_comes_first(tmp_path: Path, files: dict[str, str], expected: tuple[str, str | None]) -> None:
    write(tmp_path, files)
    found = next(find_apps(tmp_path))
    assert (found.import_path, found.app_dir) == expected


def test_a_folder_without_packages_is_tried_in_both_ways(tmp_path: Path) -> None:
    write(tmp_path, {"app/main.py": APP})
    assert [(found.import_path, found.app_dir) for found in find_apps(tmp_path)] == [
        ("app.main:app", None),
        ("main:app", "app"),
    ]


@pytest.mark.parametrize("content", ["", "app = (", "\udcff", "app = 1", "class app: pass"])
def test_what_is_no_app_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "main.py").write_text(content, errors="surrogateescape")
    (tmp_path / "pyproject.toml").write_text("[tool")
    assert list(find_apps(tmp_path)) == []
