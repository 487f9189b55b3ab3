"""How far one load generator goes on a small machine.md.

What a request costs the generator, recorded and checked, next to stock Locust without a log; ten thousand users of a
response that takes a second, the generator on one core and the server on the other; the excess of 2,000 such users
next to that of stock Locust; and ten thousand users on the app of this repository, which shares two cores with the
generator, as it is and with Python's garbage collection kept to young objects in the server, too.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import psutil

from benchmark.config import make_plan, read_config
from benchmark.measure.load_test import load_environment, module_file
from benchmark.measure.machine import raise_open_file_limit, read_environment
from benchmark.measure.process import listening
from benchmark.measure.round import jobs, utc_now
from benchmark.record import Round
from benchmark.store import parse_record
from benchmark.summary import quantiles_ms
from experiments.overhead import SETUPS, STOCK, compare, null_server, say

REPOSITORY = Path(__file__).resolve().parents[1]
TURNS = 3
CROWD_S = 20

CROWD_APPS = {
    "the app as it is": "from example.main import app as app",
    "old objects not collected in the app": """
import gc
from example.main import app as app

gc.freeze()
gc.set_threshold(50_000, 1000, 1000)
""",
}
CROWD_CONFIG = """
schema_version = 1
[app]
import = "crowd:app"
[endpoints.async_concurrent]
path = "/async_concurrent"
work_tasks = 1
served = "event loop"
[profiles.crowd]
users = 10000
spawn_rate = 1000
duration = "60s"
task_seconds = 5
start = "spread"
endpoints = ["async_concurrent"]
"""

RAW_APP = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
"""
RAW_CONFIG = """
schema_version = 1
[app]
import = "raw:app"
[endpoints.raw]
path = "/"
work = "1s"
served = "event loop"
[profiles.raw]
users = 2000
spawn_rate = 2000
duration = "20s"
rounds = 3
reference = 0
endpoints = ["raw"]
"""


def ten_thousand() -> str:
    """One round of ten thousand users for each kind of app; gives a table."""
    columns = [_crowd(source) for source in CROWD_APPS.values()]
    lines = [f"| 10,000 users, 5 s of waiting each | {' | '.join(CROWD_APPS)} |"]
    lines += ["| :-- |" + " --: |" * len(columns)]
    lines += [f"| {name} | {' | '.join(str(column[name]) for column in columns)} |" for name in columns[0]]
    return "\n".join(lines)


def _crowd(source: str) -> dict[str, Any]:
    """What one round of ten thousand users on this app measures, by name."""
    say("10,000 users, for a minute")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(REPOSITORY / "app", Path(folder) / "example")
        for file in (Path(folder) / "example").glob("*.py"):
            file.write_text(file.read_text().replace("from app.", "from example."))
        (Path(folder) / "crowd.py").write_text(source)
        (Path(folder) / "app").symlink_to(REPOSITORY / "app")  # an app finds what lies in its folder, not ours
        (Path(folder) / "benchmark.toml").write_text(CROWD_CONFIG)
        command = [sys.executable, str(REPOSITORY / "scripts"), "run", "--profile", "crowd", "--json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(done.stderr)
    found: Round = parse_record(done.stdout, "bench run").endpoints[0].rounds[0]
    used, predicted, steady = found.resources, found.prediction, found.steady
    promised_rps = predicted.throughput_rps if predicted else None
    return {
        "failures": found.failures,
        "req/s, measured": found.throughput_rps,
        "req/s, predicted": promised_rps,
        "difference": f"{100 * ((found.throughput_rps or 0.0) / promised_rps - 1):+.1f}%" if promised_rps else None,
        "p50 excess (ms)": found.excess_p50_ms,
        "p99 excess (ms)": found.excess_p99_ms,
        "p99 excess, steady part (ms)": steady.excess_p99_ms if steady else None,
        "generator, most memory (MiB)": round((used.generator_rss_peak_bytes or 0) / 2**20),
        "generator, mean CPU (% of a core)": used.generator_cpu_mean_percent,
        "workers, mean CPU (% of a core)": " / ".join(f"{one:g}" for one in used.worker_cpu_mean_percent or ()),
    }


def excess() -> str:
    """Three interleaved rounds of 2,000 users on a bare answer after 1 s, beside stock Locust; gives a table."""
    with tempfile.TemporaryDirectory() as folder, listening() as interrupt:
        home = Path(folder)
        (home / "raw.py").write_text(RAW_APP)
        (home / "benchmark.toml").write_text(RAW_CONFIG)
        plan = make_plan(read_config(home / "benchmark.toml"), "raw", {})
        found = compare(jobs(plan, home / "rounds", home), interrupt.pause, stock_client="fast")
    lines = ["| 2,000 users, a bare answer after 1 s | p99 excess (ms), each round | Median | Of stock's |"]
    lines += ["| :-- | --: | --: | --: |"]
    medians = {name: median(item.p99_ms for item in found if item.setup == name) for name in SETUPS}
    for name in SETUPS:
        each = ", ".join(f"{item.p99_ms:.1f}" for item in found if item.setup == name)
        title = "stock FastHttpUser" if name == STOCK else f'this harness, start = "{name}"'
        lines.append(f"| {title} | {each} | {medians[name]:.1f} | {medians[name] / medians[STOCK]:.2f} |")
    return "\n".join(lines)


def cost() -> str:
    """What a request costs the generator in processor time, in interleaved rounds; gives the medians."""
    stock, ours = [], []
    with null_server() as (_, url), tempfile.TemporaryDirectory() as folder:
        for turn in range(1, TURNS + 1):
            say(f"cost per request: round {turn} of {TURNS}")
            bare = {"BENCH_STOCK_PATH": "/", "BENCH_STOCK_CLIENT": "fast"}
            stock.append(_cpu_us("experiments.stock_locustfile", url, bare))
            ours.append(_cpu_us("load.locustfile", url, _spec(url, Path(folder))))
    lines = ["| 50 users, a null server | CPU per request (us), each round | Median | Requests/s of one core |"]
    lines += ["| :-- | --: | --: | --: |"]
    for title, values in (
        ("stock FastHttpUser, no request log, nothing checked", stock),
        ("this repository, every request recorded and its body checked", ours),
    ):
        each = ", ".join(f"{value:.1f}" for value in values)
        lines.append(f"| {title} | {each} | {median(values):.1f} | {1e6 / median(values):,.0f} |")
    ratio = median(mine / theirs for mine, theirs in zip(ours, stock, strict=True))
    lines += ["", f"Round by round a request cost {ratio:.2f} times as much as stock Locust's (median)."]
    return "\n".join(lines)


def crowd_of_a_second() -> str:
    """Ten thousand users of a response that takes a second: server and generator have a core each; gives a table."""
    rounds = []
    for turn in range(1, TURNS + 1):
        say(f"10,000 users of a second: round {turn} of {TURNS}")
        with null_server(delay_s=1.0) as (server, url), tempfile.TemporaryDirectory() as folder:
            psutil.Process(server.pid).cpu_affinity([0])
            crowd = {"users": 10_000, "start": "spread", "spread_s": 1.0}
            variables = _spec(url, Path(folder), **crowd)
            command = [*locust_command("load.locustfile", url, 10_000, 5_000), "--run-time", f"{CROWD_S}s"]
            with subprocess.Popen(
                command,
                env=os.environ | load_environment() | variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as generator:
                psutil.Process(generator.pid).cpu_affinity([1])
                generator.wait()
            rounds.append(_crowd_figures(Path(folder)))
    lines = ["| 10,000 users of a second, a core for the generator | each round | Median |", "| :-- | --: | --: |"]
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        lines.append(f"| {name} | {', '.join(f'{value:,.1f}' for value in values)} | {median(values):,.1f} |")
    return "\n".join(lines)


def _crowd_figures(folder: Path) -> dict[str, float]:
    """All requests count, also those of the first second; what comes while the load is stopped counts as waiting."""
    window = json.loads((folder / "window.json").read_text())
    rows = pd.read_csv(folder / "requests.csv", keep_default_na=False)
    latency_ms = (rows["end_s"] - rows["sent_s"]) * 1000
    ended = rows["end_s"] <= window["stop_s"]
    (p99_ms,) = quantiles_ms(latency_ms[ended].to_numpy(), (99.0,))
    return {
        "requests that users began": window["begun"],
        "right responses": int(((rows["exception"] == "") & ended).sum()),
        "failures": int((rows["exception"] != "").sum()),
        "waiting at the end, or begun after it": window["begun"] - int(ended.sum()),
        "mean (ms)": float(latency_ms[ended].mean()),
        "p99 excess (ms)": float(p99_ms) - 1000,
        "CPU per request (us)": 1e6 * window["generator_cpu_s"] / int(ended.sum()),
    }


def _spec(url: str, folder: Path, **load: Any) -> dict[str, str]:
    request = {"name": "null", "path": "/", "contains": "{}"}
    spec: dict[str, Any] = {"base_url": url, "output_directory": str(folder), "request": request, **load}
    file = folder / "load.json"
    file.write_text(json.dumps(spec))
    return {"BENCH_LOAD_SPEC": str(file)}


def locust_command(locustfile: str, url: str, users: int, spawn_rate: int) -> list[str]:
    """Locust, headless."""
    command = [sys.executable, "-m", "locust", "-f", module_file(locustfile), "--headless", "--only-summary"]
    return [*command, "--host", url, "--users", f"{users}", "--spawn-rate", f"{spawn_rate}", "--stop-timeout", "0"]


def _cpu_us(locustfile: str, url: str, variables: dict[str, str]) -> float:
    """Processor time of a load per request (us): the difference of a long and a short one, which start alike."""
    command = locust_command(locustfile, url, 50, 50)
    environment = load_environment() | variables
    short_s, few = _cpu_s([*command, "--run-time", "1s"], environment)
    long_s, many = _cpu_s([*command, "--run-time", "9s"], environment)
    return (long_s - short_s) / (many - few) * 1e6


def _cpu_s(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Processor time (s) and requests of one load."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent_s, int(re.findall(r"Aggregated\s+(\d+)", done.stdout + done.stderr)[0])


def main() -> None:
    """Print the tables."""
    raise_open_file_limit(10_000)
    environment = read_environment(REPOSITORY)
    machine = f"{environment.cpu.model}, {environment.cpu.count} cores, {environment.python}"
    for part in (cost, crowd_of_a_second, excess, ten_thousand):
        sys.stdout.write(part() + "\n\n")
        sys.stdout.flush()
    sys.stdout.write(f"{utc_now()[:10]}, {machine}: `make experiment NAME=scale`\n")


if __name__ == "__main__":
    main()
