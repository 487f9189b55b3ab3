"""Where the app of a folder is: what pyproject.toml says, then the files in which `fastapi run` looks, in their order.

Nothing is imported: an app is an assignment `app = FastAPI(...)`, or a function like `create_app`, of a module.
"""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAMES = ("main.py", "app.py", "api.py")
FOLDERS = ("", "app", "src", "src/app")
APPS = {"FastAPI", "Starlette", "Litestar", "Quart", "Flask"}
FACTORIES = ("create_app", "make_app", "get_app", "build_app", "app_factory")
PREFERRED = ("app", "api", "application")


@dataclass(frozen=True)
class Found:
    """An app as [app] names it, and the file that says so. `app_dir`: None where modules lie in the folder itself."""

    import_path: str
    app_dir: str | None
    file: Path


def find_apps(folder: Path) -> Iterator[Found]:
    """The apps of a folder, the likeliest first."""
    yield from _declared(folder)
    packages = sorted(path.parent.relative_to(folder) for path in folder.glob("src/*/__init__.py"))
    for place in (*map(Path, FOLDERS), *packages):
        for name in NAMES:
            file = folder / place / name
            if file.is_file() and (variable := app_of(file)) is not None:
                yield from _spelled(folder, place / name, variable)


def _declared(folder: Path) -> Iterator[Found]:
    """`[tool.fastapi] entrypoint` of pyproject.toml."""
    file = folder / "pyproject.toml"
    try:
        tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):
        return
    entry = tools.get("fastapi", {}).get("entrypoint")
    if isinstance(entry, str) and ":" in entry:
        top = entry.partition(":")[0].split(".")[0]
        below = (folder / "src" / top).is_dir() or (folder / "src" / f"{top}.py").is_file()
        yield Found(entry, "src" if below else None, file)


def app_of(file: Path) -> str | None:
    """Name of the app, or of the function that makes it, at the top of a module; None: there is none."""
    try:
        body = ast.parse(file.read_text(encoding="utf-8")).body
    except (OSError, ValueError, SyntaxError):
        return None
    apps = [
        target.id
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign) and _makes_app(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    functions = [node.name for node in body if isinstance(node, ast.FunctionDef) and node.name in FACTORIES]
    return next((name for name in PREFERRED if name in apps), next(iter([*apps, *functions]), None))


def _makes_app(value: ast.expr | None) -> bool:
    if not isinstance(value, ast.Call):
        return False
    made = value.func
    name = made.id if isinstance(made, ast.Name) else made.attr if isinstance(made, ast.Attribute) else ""
    return name in APPS or name in FACTORIES


def _spelled(folder: Path, file: Path, variable: str) -> Iterator[Found]:
    """Both ways in which a module may be imported: as a part of its packages, or from its own folder."""
    top = "src" if file.parts[0] == "src" else ""
    alone = file.parent != Path(top) and not (folder / file.parent / "__init__.py").is_file()
    roots = [top, str(file.parent)] if alone else [top]
    for root in roots:
        module = ".".join(file.relative_to(root).with_suffix("").parts)
        if all(part.isidentifier() for part in module.split(".")):
            yield Found(f"{module}:{variable}", root or None, folder / file)
