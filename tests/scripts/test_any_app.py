"""Apps as their owners start them: measured with the key that each needs; without it one line names the key."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.bench import Bench, assert_measured

WAITING = """
import asyncio, os
from fastapi import FastAPI

def create_app():
    app = FastAPI()

    @app.get("/q")
    async def q():
        await asyncio.sleep(0.02)
        return {"a": os.environ.get("GREETING", "1")}

    return app
"""
APP = f"{WAITING}\napp = create_app()\n"
CONFIG = """
[app]
{app}
[endpoints.q]
path = "{path}"
expect = {{ pointer = "/a" }}
[profiles.quick]
users = 8
spawn_rate = 8
duration = "2s"
reference = 0
endpoints = ["q"]
"""


def write(bench: Bench, app: str, files: dict[str, str], path: str = "/q") -> None:
    for name, content in files.items():
        (bench.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.folder / name).write_text(content)
    (bench.folder / "benchmark.toml").write_text(CONFIG.format(app=app, path=path))


def measured(bench: Bench, workers: int = 2) -> None:
    """A table, and every user's connection seen at one of the workers."""
    shutil.rmtree(bench.folder / "results", ignore_errors=True)
    done = bench.call("run")
    assert_measured(done)
    (found,) = bench.record().endpoints[0].rounds
    assert found.failures == 0
    assert found.connections_per_worker is not None
    assert len(found.connections_per_worker) == workers
    assert sum(found.connections_per_worker) == 8
    assert any(percent > 0 for percent in found.resources.worker_cpu_mean_percent or ())


def record_text(bench: Bench) -> str:
    return max((bench.folder / "results").glob("*/run.json")).read_text()


def refused(bench: Bench, *named: str) -> None:
    """Whatever is missing, the last line before the app's own lines names the key."""
    done = bench.call("run")
    assert done.returncode in {2, 4}, done.stderr
    first = next(line for line in done.stderr.splitlines() if line.startswith("bench: "))
    for text in named:
        assert text in first


SRC = {
    "src/shop/__init__.py": "",
    "src/shop/main.py": f"from .part import answer\nfrom shop import part\n{APP}",
    "src/shop/part.py": "answer = 1",
}
SETTINGS = f"""
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    model_config = {{"env_prefix": "shop_"}}
    database: str

settings = Settings()
{APP}"""


def test_a_src_layout(bench: Bench) -> None:
    write(bench, 'import = "shop.main:app"', SRC)
    refused(bench, 'app_dir = "src"')
    write(bench, 'import = "src.shop.main:app"', SRC)
    refused(bench, 'app_dir = "src"')
    write(bench, 'import = "shop.main:app"\napp_dir = "src"', SRC)
    measured(bench)


def test_an_app_dir_that_is_not_there(bench: Bench) -> None:
    write(bench, 'import = "shop.main:app"\napp_dir = "source"', SRC)
    refused(bench, "app_dir", "'source'")


BY_A_METHOD = f"import functools\n{WAITING}\nclass Shop:\n    make = functools.lru_cache(create_app)\n"


def test_a_cached_function_or_a_method_is_a_factory_too(bench: Bench) -> None:
    write(bench, 'import = "main:Shop.make"', {"main.py": BY_A_METHOD})
    measured(bench)


@pytest.mark.parametrize("server", ["uvicorn", "granian", "hypercorn", "gunicorn"])
def test_a_factory_tells_by_itself_that_it_is_one(bench: Bench, server: str) -> None:
    write(bench, f'import = "main:create_app"\nserver = "{server}"', {"main.py": WAITING})
    measured(bench)


def test_a_factory_is_written_without_brackets(bench: Bench) -> None:
    write(bench, 'import = "main:create_app()"', {"main.py": WAITING})
    refused(bench, "app.import", "'main:create_app'")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("server", ["granian", "hypercorn", "gunicorn"])
def test_another_server(bench: Bench, server: str, workers: int) -> None:
    write(bench, f'import = "main:app"\nserver = "{server}"\nworkers = {workers}', {"main.py": APP})
    measured(bench, workers)
    assert f"-m {server} " in str(bench.record().method.server_command)
    (report,) = (bench.folder / "results").glob("*/report.md")
    assert f", {server} {version(server)} ·" in report.read_text()


def test_arguments_of_the_server_and_an_ipv6_address(bench: Bench) -> None:
    app = 'import = "main:app"\nhost = "::1"\nserver_args = ["--header", "X-Served-By:us", "--backlog", "512"]'
    write(bench, app, {"main.py": APP})
    measured(bench)
    assert "--backlog 512" in str(bench.record().method.server_command)


def test_a_worker_that_is_recycled_is_replaced_in_what_is_measured(bench: Bench) -> None:
    app = 'import = "main:app"\nserver = "gunicorn"\nserver_args = ["--max-requests", "150"]'
    write(bench, app, {"main.py": APP})
    done = bench.call("run", "--duration", "6s")
    assert "died in the middle" not in done.stderr
    (found,) = bench.record().endpoints[0].rounds
    assert found.requests > 300
    assert (found.workers_replaced or 0) > 0
    assert "workers-replaced" in {item.kind for item in found.warnings}


def test_a_worker_that_is_recycled_unasked_leads_to_where_that_is_said(bench: Bench) -> None:
    files = {"main.py": APP, "gunicorn.conf.py": "max_requests = 100\n"}
    write(bench, 'import = "main:app"\nserver = "gunicorn"', files)
    done = bench.call("run", "--duration", "4s")
    assert done.returncode == 3
    assert "[app] server_args: --max-requests NUMBER" in done.stderr


def test_variables_of_the_app(bench: Bench) -> None:
    write(bench, 'import = "main:app"', {"main.py": SETTINGS})
    refused(bench, "SHOP_DATABASE", "env_file")
    write(bench, 'import = "main:app"', {"main.py": f"import os\nos.environ['GREETING']\n{APP}"})
    refused(bench, "GREETING", "env_file")
    write(bench, 'import = "main:app"\nenv_file = ".env"', {"main.py": SETTINGS})
    refused(bench, "app.env_file", ".env")
    late = WAITING.replace("    app = FastAPI()", "    os.environ['SHOP_KEY']\n    app = FastAPI()")
    write(bench, 'import = "main:create_app"', {"main.py": late})
    refused(bench, "SHOP_KEY", "env_file")


def test_no_value_of_the_environment_is_written_anywhere(bench: Bench) -> None:
    """The app prints and returns them; a request sends one; the others stand in benchmark.toml alone."""
    app = APP.replace('{"a": os.environ.get("GREETING", "1")}', '{"a": os.environ["SHOP_DATABASE"]}')
    loud = f"import os, sys\nprint(os.environ['SHOP_DATABASE'], os.environ['SHOP_KEY'], file=sys.stderr)\n{app}"
    env = '{ SHOP_KEY = "key-$SHOP_PART", PORT = 8123, DEBUG = false, MODE = "imported" }'  # words of ours, too
    keys = f'import = "main:app"\nenv_file = "local/.env"\nenv = {env}'
    bench.environment["SHOP_PART"] = "never-to-be-seen-2"
    write(bench, keys, {"main.py": loud, "local/.env": "# settings\nexport SHOP_DATABASE='never-to-be-seen-1'\n"})
    measured(bench)
    (bench.folder / "benchmark.toml").write_text(
        (bench.folder / "benchmark.toml").read_text().replace('pointer = "/a"', 'contains = "not this"')
    )
    assert bench.call("run").returncode == 4
    written = [file for file in (bench.folder / "results").rglob("*") if file.is_file()]
    assert written
    assert not [file for file in written if b"never-to-be-seen" in file.read_bytes()]
    assert '"SHOP_KEY": "$SHOP_KEY"' in record_text(bench)


def test_a_request_may_name_what_the_env_file_holds(bench: Bench) -> None:
    app = APP.replace("async def q():", "async def q(token: str):").replace('os.environ.get("GREETING", "1")', "token")
    write(
        bench, 'import = "main:app"\nenv_file = ".env"', {"main.py": app, ".env": "TOKEN=abcdef\n"}, "/q?token=$TOKEN"
    )
    measured(bench)
    assert "abcdef" not in record_text(bench)


@pytest.mark.parametrize(
    ("server", "path"), [("uvicorn", "/inner/q"), ("granian", "/api/inner/q"), ("hypercorn", "/api/inner/q")]
)
def test_a_sub_application_and_a_path_of_its_own(bench: Bench, server: str, path: str) -> None:
    """Uvicorn puts the prefix before the path that a proxy hands on; the others expect to be handed the whole one."""
    app = f"{APP}\ninner = app\napp = FastAPI()\napp.mount('/inner', inner)\n"
    write(bench, f'import = "main:app"\nroot_path = "/api"\nserver = "{server}"', {"main.py": app}, path)
    measured(bench)
    assert "-path /api" in str(bench.record().method.server_command).replace("-prefix", "")
    write(bench, 'import = "main:app"', {"main.py": app})
    refused(bench, "status 404", "prefix of a router or a sub-application", "root_path")


ROWS = """
import sqlite3
from fastapi import FastAPI
app = FastAPI()

@app.get("/q")
async def q():
    with sqlite3.connect("rows.db") as base:
        base.execute("insert into rows values (1)")
        return {"a": 1}
"""
RESET = """
import sqlite3
base = sqlite3.connect("rows.db")
with base:
    base.execute("create table if not exists rows (number int)")
    base.execute("create table if not exists seen (rows int)")
    base.execute("insert into seen select count(*) from rows")
    base.execute("delete from rows")
"""


def test_a_command_before_each_round_resets_the_state(bench: Bench) -> None:
    write(
        bench, f'import = "main:app"\nbefore_round = "{sys.executable} reset.py"', {"main.py": ROWS, "reset.py": RESET}
    )
    done = bench.call("run", "--rounds", "2", "--duration", "1s")
    assert bench.record().state == "complete", done.stderr
    base = sqlite3.connect(bench.folder / "rows.db")
    seen = [rows for (rows,) in base.execute("select rows from seen")]
    assert len(seen) == 2
    assert seen[0] == 0
    assert seen[1] > 0, "the second round began where the first had ended"


ONLY_ROW = """
import sqlite3
base = sqlite3.connect("rows.db")
base.execute("create table if not exists rows (number int)")
if base.execute("select count(*) from rows").fetchone() != (0,):
    raise SystemExit("rows are left")
"""


def test_rows_that_are_left_name_the_key_that_would_remove_them(bench: Bench) -> None:
    write(
        bench,
        'import = "main:app"\nworkers = 1',
        {"main.py": f"{ROWS}\n@app.on_event('startup')\ndef first():\n    import rows"},
    )
    (bench.folder / "rows.py").write_text(ONLY_ROW)
    done = bench.call("run", "--rounds", "2", "--duration", "1s")
    assert done.returncode == 4
    assert 'An earlier round went well: reset what it wrote, before_round = "python reset.py"' in done.stderr
    write(bench, 'import = "main:app"\nworkers = 1', {"main.py": ROWS.replace("rows.db", "other.db")})
    refused(bench, "status 500", "no such table", "before = ")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("nowhere migrate", "there is no program 'nowhere'"),
        (f"{sys.executable} -c 'print(4711); exit(3)'", "exit code 3"),
        (f"{sys.executable} -c 'import time; time.sleep(60)'", "longer than 1 s"),
        ("'", "quotes"),
    ],
)
@pytest.mark.parametrize("key", ["before", "before_round"])
def test_a_command_that_fails_ends_the_run_before_any_load(bench: Bench, key: str, command: str, said: str) -> None:
    app = f'import = "main:app"\n{key} = """{command}"""\nbefore_timeout = "1s"'
    write(bench, app, {"main.py": APP})
    done = bench.call("run")
    assert done.returncode == 4
    assert f"[app] {key}" in done.stderr
    assert said in done.stderr
    assert bench.processes() == []


INTERRUPTED, KILLED = 130, -signal.SIGKILL
SLOW_DOCKER = """#!/bin/sh
case "$*" in *" up "*) touch begun; sleep 60;; *" down") touch ended;; esac
"""


@pytest.mark.parametrize(
    ("key", "signals", "code"),
    [
        ("before", [signal.SIGINT], INTERRUPTED),
        ("before", [signal.SIGKILL], KILLED),
        ("before_round", [signal.SIGTERM, signal.SIGTERM], INTERRUPTED),
        ("compose", [signal.SIGINT, signal.SIGINT], INTERRUPTED),
        ("compose", [signal.SIGKILL], KILLED),
    ],
)
def test_a_run_that_is_ended_while_it_prepares_leaves_nothing(
    bench: Bench, key: str, signals: list[signal.Signals], code: int
) -> None:
    slow = "open('begun', 'w').close()\nimport time\ntime.sleep(60)\n"
    value = "compose.yaml" if key == "compose" else f"{sys.executable} slow.py"
    files = {"main.py": APP, "slow.py": slow, "compose.yaml": "", "bin/docker": SLOW_DOCKER}
    write(bench, f'import = "main:app"\n{key} = "{value}"', files)
    (bench.folder / "bin" / "docker").chmod(0o755)
    bench.environment["PATH"] = f"{bench.folder / 'bin'}:/usr/bin:/bin"
    ended = end(bench, bench.start("run"), (bench.folder / "begun").exists, signals)
    assert ended == code
    assert (bench.folder / "ended").exists() == (key == "compose"), "services are stopped where some were started"


@pytest.mark.parametrize(
    ("app", "signals", "code"),
    [
        ('import = "main:app"\nserver = "uvicorn"', [signal.SIGKILL], KILLED),
        ('import = "main:app"\nserver = "granian"', [signal.SIGINT, signal.SIGINT], INTERRUPTED),
        ('import = "main:app"\nserver = "hypercorn"', [signal.SIGTERM], INTERRUPTED),
        ('import = "main:app"\nserver = "gunicorn"', [signal.SIGKILL], KILLED),
        (f"command = '{sys.executable} -m uvicorn main:app --port {{port}}'", [signal.SIGTERM], INTERRUPTED),
    ],
)
def test_a_run_that_is_ended_under_load_leaves_no_server(
    bench: Bench, app: str, signals: list[signal.Signals], code: int
) -> None:
    write(bench, app, {"main.py": APP})
    running = bench.start("run", "--duration", "60s")
    assert end(bench, running, lambda: len(bench.commands("load/start.py")) > 0, signals) == code


def end(bench: Bench, running: "subprocess.Popen[str]", when: Callable[[], bool], signals: list[signal.Signals]) -> int:
    """Send signals to a run, wait for it, and then until no process of it is left; gives its exit code."""
    bench.wait_for(when)
    for number in signals:
        running.send_signal(number)
    code = running.wait(timeout=30)
    bench.wait_for(lambda: bench.processes() == [])
    return code


DOCKER = """#!/bin/sh
echo "$@" >> docker.calls
case "$*" in
  *" up "*) exit ${DOCKER_FAILS:-0};;
  *" logs "*) echo "database-1 | no space left, $POSTGRES_PASSWORD";;
  *) exit ${DOWN_FAILS:-0};;
esac
"""


def test_services_of_a_compose_file_are_started_before_and_stopped_after(bench: Bench) -> None:
    """Docker is a script that notes how it was called: there is no daemon in a test."""
    write(
        bench,
        'import = "main:app"\ncompose = "compose.yaml"\nenv = { POSTGRES_PASSWORD = "battery-staple" }',
        {"main.py": APP, "compose.yaml": "", "bin/docker": DOCKER},
    )
    (bench.folder / "bin" / "docker").chmod(0o755)
    bench.environment["PATH"] = f"{bench.folder / 'bin'}:/usr/bin:/bin"
    measured(bench)
    up, down = "compose --file compose.yaml up --wait --quiet-pull", "compose --file compose.yaml down"
    logs = "compose --file compose.yaml logs --no-color --tail 15"
    assert (bench.folder / "docker.calls").read_text().splitlines() == [up, down]
    bench.environment["DOCKER_FAILS"] = "1"
    failed = bench.call("run")
    assert failed.returncode == 4
    assert "[app] compose failed" in failed.stderr
    assert "exit code 1" in failed.stderr
    assert "| database-1 | no space left, [redacted]" in failed.stderr
    assert (bench.folder / "docker.calls").read_text().splitlines() == [up, down, up, logs, down]
    bench.environment |= {"DOCKER_FAILS": "0", "DOWN_FAILS": "1"}
    said = bench.call("run", "--duration", "1s").stderr
    assert "services may still run; stop them: docker compose --file compose.yaml down" in said
    bench.environment["PATH"] = str(bench.folder)
    refused(bench, "[app] compose", "docker", "not installed")


NODE = """
const server = require("http").createServer((request, response) => {
  setTimeout(() => { response.setHeader("content-type", "application/json"); response.end('{"a": 1}') }, 20);
});
server.listen(Number(process.argv[2]), process.argv[3]);
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_a_server_in_another_language_by_its_command(bench: Bench) -> None:
    write(bench, 'command = "node server.js {port} {host}"\nready = "/health"', {"server.js": NODE})
    measured(bench, workers=1)
    assert bench.record().method.server_command == "node server.js {port} {host}"
    (report,) = (bench.folder / "results").glob("*/report.md")
    above, _, _ = report.read_text().partition("Environment of the load generator")
    assert "FastAPI" not in above, "it is no server of ours whose versions are known"


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ('command = "nowhere --port {port}"', "no program 'nowhere'"),
        ('command = "node server.js"', "{port}"),
        ('command = "node {port}"\nfactory = true', "factory goes with import"),
        ('url = "http://127.0.0.1:9"\nenv = { A = "b" }', "env goes with import or command"),
        ('import = "main:app"\ncommand = "node {port}"', "exactly one of"),
        ('import = "main:app"\nserver = "granian"\nsockets = "per-worker"', "sockets"),
        ('import = "main:app"\nserver = "gunicorn"\nroot_path = "/a"', "root_path"),
        ('import = "main:app"\nenv = { "A B" = "b" }', "app.env"),
        ('import = "main:app"\nenv = { A = "$NOT_SET_ANYWHERE" }', "$NOT_SET_ANYWHERE"),
        ('import = "main:app"\nenv = { A = "5 $" }', '"$$"'),
    ],
)
def test_keys_that_do_not_go_together(bench: Bench, app: str, said: str) -> None:
    write(bench, app, {"main.py": APP})
    done = bench.call("run")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_path_that_tells_when_the_app_is_ready(bench: Bench) -> None:
    slow = f"{APP}\nimport time\nbegan = time.monotonic()\n"
    slow += '@app.get("/health")\nasync def health():\n    from fastapi import Response\n'
    slow += "    return Response(status_code=200 if time.monotonic() > began + 1 else 503)\n"
    write(bench, 'import = "main:app"\nworkers = 1\nready = "/health"', {"main.py": slow})
    measured(bench, workers=1)
    write(bench, 'import = "main:app"', {"main.py": slow.replace("+ 1", "+ 600")}, "/health")
    refused(bench, "status 503", 'ready = "/health"')
    write(bench, 'import = "main:app"\nready = "/nowhere"\nstartup_timeout = "8s"', {"main.py": APP})
    refused(bench, "startup_timeout", "GET /nowhere responds with 404")


def test_all_that_is_needed_is_made_in_the_order_of_the_profile(bench: Bench) -> None:
    app = """
from fastapi import FastAPI
app, rows = FastAPI(), []

@app.post("/rows", status_code=201)
async def add(): rows.append(1); return {"a": 1}

@app.get("/rows")
async def q(): return rows
"""
    write(bench, 'import = "main:app"\nworkers = 1', {"main.py": app}, "/rows")
    config = (bench.folder / "benchmark.toml").read_text().replace("/a", "/0").replace('["q"]', '["add", "q"]')
    post = '[endpoints.add]\nmethod = "POST"\npath = "/rows"\nexpect = { status = 201 }\n'
    (bench.folder / "benchmark.toml").write_text(f"{config}\n{post}")
    done = bench.call("run")
    assert "does not answer as expected" not in done.stderr
    reversed_order = (bench.folder / "benchmark.toml").read_text().replace('["add", "q"]', '["q", "add"]')
    (bench.folder / "benchmark.toml").write_text(reversed_order)
    assert bench.call("run").returncode == 4


def test_a_package_that_the_server_needs(bench: Bench, tmp_path: Path) -> None:
    """A Python that has all but one package of ours."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "app"], check=True)
    (site,) = (tmp_path / "app").glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(("httptools", "__pycache__")):
            (site / entry.name).symlink_to(entry)
    write(bench, f'import = "main:app"\npython = "{tmp_path}/app/bin/python"', {"main.py": APP})
    refused(bench, "httptools", "uvicorn[standard]")
    write(bench, f'import = "main:app"\npython = "{tmp_path}/app/bin/python"\nserver = "granian"', {"main.py": APP})
    measured(bench)
    for entry in site.glob("uvicorn*"):
        entry.unlink()
    write(bench, f'import = "main:app"\npython = "{tmp_path}/app/bin/python"', {"main.py": APP})
    refused(bench, "uvicorn", 'server = "granian", which is there')


def test_the_python_of_the_app_holds_for_every_command(bench: Bench, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "app"], check=True)
    (site,) = (tmp_path / "app").glob("lib/python*/site-packages")
    (site / "inherited.pth").write_text(sysconfig.get_paths()["purelib"])
    (site / "only_there.py").write_text("")
    write(bench, 'import = "main:app"', {"main.py": f"import only_there\n{APP}"})
    refused(bench, "only_there", "--python .venv/bin/python")
    python = str(tmp_path / "app" / "bin" / "python")
    flag = ("--python", python)
    assert_measured(bench.call("run", "--duration", "1s", *flag))
    assert f"--python {python}" in bench.record().command
    assert bench.call("diagnose", "q", "--most-users", "8", *flag).returncode == 0
    bench.environment["BENCH_PYTHON"] = python
    short = ("--most-users", "2", "--duration", "1s")
    assert bench.call("capacity", "q", "--p95-below", "5s", *short).returncode == 0
