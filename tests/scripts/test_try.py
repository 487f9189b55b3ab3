"""A first number without configuration, and a benchmark.toml that is written."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.config import read_config
from tests.scripts.test_any_app import APP
from tests.support.bench import Bench, assert_measured

SHOP = f"""
{APP}
@app.get("/q/{{number}}")
async def read(number: int): ...

@app.post("/rows", status_code=201)
async def add(row: dict): ...
"""


@pytest.fixture
def folder(bench: Bench) -> Path:
    (bench.folder / "benchmark.toml").unlink()
    (bench.folder / "main.py").write_text(SHOP)
    return bench.folder


def test_the_app_of_a_folder_is_found_loaded_and_written_down(bench: Bench, folder: Path) -> None:
    tried = bench.call("try", "--python", sys.executable)
    assert_measured(tried)
    assert "20 users" in tried.stderr
    assert "q: 20 users" in tried.stdout
    assert f"`bench init --python {sys.executable}` writes benchmark.toml" in tried.stdout
    assert sorted(file.name for file in folder.iterdir() if file.suffix != ".py") in ([], ["__pycache__"])
    written = bench.call("init")
    assert written.returncode == 0, written.stderr
    assert "with 2 endpoints to load, and 1 more commented out" in written.stdout
    assert "Tried once: 2 of 2 responded as expected." in written.stdout
    config = read_config(folder / "benchmark.toml")
    assert [endpoint.path for endpoint in config.endpoints.values()] == ["/q", "/q/1"]
    assert config.profiles["quick"].endpoints == ("q", "read")
    assert_measured(bench.call("run", "--duration", "1s", "--users", "4"))
    text = (folder / "benchmark.toml").read_text()
    assert '# [endpoints.add]\n# method = "POST"\n# path = "/rows"\n# json = {}\n' in text
    again = bench.call("init")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert (folder / "benchmark.toml").read_text() == text


def test_what_benchmark_toml_says_of_the_start_holds_before_there_are_endpoints(bench: Bench, folder: Path) -> None:
    (folder / "main.py").rename(folder / "server.py")
    start = f'[app]\ncommand = "{sys.executable} -m uvicorn server:app --port {{port}}"\nbefore = "touch made"\n'
    (folder / "benchmark.toml").write_text(start)
    tried = bench.call("try")
    assert_measured(tried)
    assert "q: 20 users" in tried.stdout
    added = bench.call("init")
    assert added.returncode == 0, added.stderr
    assert "Added to benchmark.toml: 2 endpoints to load" in added.stdout
    assert (folder / "made").exists()
    text = (folder / "benchmark.toml").read_text()
    assert text.startswith(start)
    (folder / "benchmark.toml").write_text(text.replace("profiles.quick", "profiles.mine"))
    assert_measured(bench.call("run", "--duration", "1s", "--users", "4"))  # the only profile needs no name


@pytest.mark.parametrize(
    ("app", "reason"),
    [('comand = "x"', "app.comand: unknown key"), ('import = "gone:app"', "gone")],
    ids=["key", "app"],
)
def test_a_start_that_is_wrong_leaves_benchmark_toml_as_it_is(
    bench: Bench, folder: Path, app: str, reason: str
) -> None:
    (folder / "benchmark.toml").write_text(f"[app]\n{app}\n")
    done = bench.call("init")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert reason in done.stderr
    assert (folder / "benchmark.toml").read_text() == f"[app]\n{app}\n"


def test_an_app_that_runs_is_tried_by_its_address(bench: Bench, folder: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            line = next(line for line in server.stderr if "running on" in line)
            url = line.partition("running on ")[2].split(" ")[0]
            one = bench.call("try", f"{url}/q?x=1")
            assert_measured(one)
            assert "endpoint: 20 users" in one.stdout
            written = bench.call("init", url)
            assert written.returncode == 0, written.stderr
            assert read_config(folder / "benchmark.toml").app.url == url
        finally:
            server.kill()


def test_where_nothing_is_found_one_line_says_where_it_was_looked_for(bench: Bench, folder: Path) -> None:
    (folder / "main.py").unlink()
    for command in ("try", "init"):
        done = bench.call(command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "main.py" in done.stderr
        assert "package.module:app" in done.stderr
        assert '[app] command = "PROGRAM {port}"' in done.stderr
    assert bench.call("try", "ftp://nowhere").returncode == 2
