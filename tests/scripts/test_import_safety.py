"""What is measured is what benchmark.toml names, whatever this repository and other packages call their own."""

from pathlib import Path

import pytest

from tests.support.bench import Bench, assert_measured

NAMES = ("app", "benchmark", "load", "scripts", "tests")
"""Packages of this repository. A user may have some of the same names."""

MINE = """
import importlib.util, json
import benchmark.part, load.part, scripts.part

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    mine = all(module.V == "mine" for module in (benchmark.part, load.part, scripts.part))
    ours = [name for name in ("experiments", "tests") if importlib.util.find_spec(name)]
    body = json.dumps({"mine": mine, "ours": ours}).encode()
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
"""

LOCUSTFILE = """
from app.part import V as a
from benchmark.part import V as b
from load.part import V as c
from scripts.part import V as d
from locust import FastHttpUser, task

assert [a, b, c, d] == 4 * ["mine"], [a, b, c, d]

class Mine(FastHttpUser):
    @task
    def ask(self):
        from load.later import V
        self.client.get("/quick", name=V)
"""


def own_packages(folder: Path, *, regular: bool) -> None:
    """Make packages with the names of this repository's; they have an `__init__.py` only if `regular`."""
    for name in NAMES[:-1]:
        (folder / name).mkdir()
        for module in ("part", "later"):
            (folder / name / f"{module}.py").write_text('V = "mine"')
        if regular:
            (folder / name / "__init__.py").write_text("")


def name_app(bench: Bench, import_path: str) -> None:
    """Have benchmark.toml name another app."""
    file = bench.folder / "benchmark.toml"
    file.write_text(file.read_text().replace("app_under_test:app", import_path))


def refusal(bench: Bench) -> str:
    """Run, and require that nothing was started; gives the one line that says why."""
    done = bench.call("run")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert not (bench.folder / "results").exists()
    return str(done.stderr)


def assert_all_right(bench: Bench) -> None:
    """Require that there were responses, and that all were as expected."""
    ((measured,),) = [endpoint.rounds for endpoint in bench.record().endpoints]
    assert measured.requests > 0
    assert measured.failures == 0


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("workers = 1", id="one worker"),
        pytest.param("workers = 2", id="two workers"),
        pytest.param('sockets = "per-worker"', id="own sockets"),
    ],
)
def test_the_app_and_its_packages_are_the_user_s_though_they_bear_our_names(bench: Bench, target: str) -> None:
    bench.configure(target=target, endpoint='expect = { contains = "\\"mine\\": true, \\"ours\\": []" }')
    name_app(bench, "app.main:app")
    own_packages(bench.folder, regular=False)
    (bench.folder / "app" / "main.py").write_text(MINE)
    done = bench.call("run")
    assert_measured(done)
    assert_all_right(bench)


@pytest.mark.parametrize(("processes", "regular"), [("1", True), ("2", False)])
def test_a_user_s_locustfile_imports_the_user_s_packages_though_they_bear_our_names(
    bench: Bench, processes: str, *, regular: bool
) -> None:
    bench.configure(endpoint='locustfile = "lf.py"', duration="3s")
    own_packages(bench.folder, regular=regular)
    (bench.folder / "lf.py").write_text(LOCUSTFILE)
    done = bench.call("run", "--processes", processes)
    assert_measured(done)
    assert_all_right(bench)


@pytest.mark.parametrize("files", [("__init__", "main"), ("__init__",)], ids=["with the module", "without it"])
def test_an_installed_package_that_hides_the_user_s_is_named_with_the_remedy(
    bench: Bench, files: tuple[str, ...]
) -> None:
    bench.configure()
    name_app(bench, "app.main:app")
    for place, names in ((bench.folder / "app", ("main",)), (bench.folder / "installed" / "app", files)):
        place.mkdir(parents=True)
        for name in names:
            (place / f"{name}.py").write_text("app = print" if name == "main" else "")
    bench.environment["PYTHONPATH"] = str(bench.folder / "installed")
    said = refusal(bench)
    assert "is not app/main.py of " in said
    assert f"installed/app/{files[-1]}.py first; add app/__init__.py" in said
    (bench.folder / "app" / "__init__.py").write_text("")
    (bench.folder / "app" / "main.py").write_text((bench.folder / "app_under_test.py").read_text())
    done = bench.call("run")
    assert_measured(done)


def test_a_file_of_this_repository_is_never_taken_for_the_user_s_app(bench: Bench) -> None:
    """It is out of reach. Where something brought it in early, as an import hook can, it is refused."""
    bench.configure()
    name_app(bench, "app.main:app")
    assert "app 'app.main:app' does not exist in" in refusal(bench)
    hooks = bench.folder / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text("import sys\nif '--import' in sys.orig_argv: import app.main")
    bench.environment["PYTHONPATH"] = str(hooks)
    assert "app/main.py of this benchmark instead. Check [app] import." in refusal(bench)
