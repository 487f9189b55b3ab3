"""The app with a Python of its own: its packages stay apart from those of the harness."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.bench import GOOD_APP, Bench, assert_measured

APP = f"import only_there\n{GOOD_APP}"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A virtual environment that holds nothing but Python; gives its folder for packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "app"], check=True)
    (site,) = (tmp_path / "app").glob("lib/python*/site-packages")
    return site


def _python(site: Path) -> str:
    return str(site.parents[2] / "bin" / "python")


def test_the_app_is_served_with_the_packages_of_its_own_python_and_the_record_says_which(
    bench: Bench, bare: Path
) -> None:
    """Here it has all that the tests have, a module more, and another FastAPI by name."""
    (bare / "inherited.pth").write_text(sysconfig.get_paths()["purelib"])
    (bare / "only_there.py").write_text("")
    (bare / "fastapi-99.0.dist-info").mkdir()
    (bare / "fastapi-99.0.dist-info" / "METADATA").write_text("Name: fastapi\nVersion: 99.0\n")
    bench.configure(APP, duration="1s")
    assert bench.call("run").returncode == 4, "the app found a module that only its own Python has"
    done = bench.call("run", "--python", _python(bare))
    assert_measured(done)
    packages = bench.record().environment.packages
    assert packages["fastapi"] == "99.0"
    assert packages["locust"] != "99.0"


def test_a_python_that_can_not_serve_is_refused_before_anything_is_started(bench: Bench, bare: Path) -> None:
    bench.configure()
    without = bench.call("run", "--python", _python(bare))
    assert (without.returncode, without.stderr.count("\n")) == (2, 1)
    assert 'pip install "uvicorn[standard]"' in without.stderr
    nowhere = bench.call("run", "--python", "no/such/python")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
    assert bench.records() == []


def test_a_python_that_prints_a_line_at_its_start_is_a_python(bench: Bench, bare: Path) -> None:
    (bare / "inherited.pth").write_text(sysconfig.get_paths()["purelib"])
    (bare / "sitecustomize.py").write_text("print('welcome', flush=True)\nimport sys; print('[1, 2]', file=sys.stderr)")
    bench.configure(duration="1s")
    done = bench.call("run", "--python", _python(bare))
    assert_measured(done)
    assert "fastapi" in bench.record().environment.packages


def test_bench_is_called_by_its_path_in_a_folder_that_holds_modules_of_the_same_names(
    tmp_path: Path, repository: Path
) -> None:
    for name in ("scripts", "benchmark", "load"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError")
    done = subprocess.run(
        [sys.executable, repository / "scripts", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert_measured(done)
    assert "Measure endpoints under load." in done.stdout
