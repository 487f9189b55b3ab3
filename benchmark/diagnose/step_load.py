"""What `bench diagnose` does: a step load, measured, from the request to the finding and its words."""

import csv
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import psutil
import tomlkit
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.config import Config, check_plan, make_plan, read_config
from benchmark.diagnose.model import (
    MORE_THAN_ONE_CORE,
    Diagnosis,
    Level,
    Setting,
    Step,
    contradiction,
    declaration,
    declare,
)
from benchmark.diagnose.rules import diagnose
from benchmark.errors import InvalidRunError, UsageError
from benchmark.measure.machine import raise_open_file_limit
from benchmark.measure.prepare import prepared
from benchmark.measure.process import listening
from benchmark.measure.progress import climbing
from benchmark.measure.round import Job, Pause, RawRound, Watch, measure
from benchmark.measure.server import check_target
from benchmark.plan import Plan, Profile
from benchmark.service import MeasuredService
from benchmark.store import write_whole
from benchmark.summary import failure_kinds
from load.step_load import StepLoad

NAME = "diagnose"
BUDGET_S = 95.0  # with the start of server and generator, two minutes for an endpoint that responds within a second
SAMPLE_EVERY_S = 0.5
ENOUGH_USERS_PER_WORKER = 8
FEWEST_USERS = 8
MOST_FAILED = 0.01


def find_out(endpoint: str, wishes: Mapping[str, Any], config_file: Path, console: Console) -> Diagnosis:
    """Load one endpoint with 1, 2, 4, ... users and conclude how it is served. All errors of a round may occur."""
    plan = _plan(read_config(config_file), endpoint, wishes)
    home = config_file.resolve().parent
    check_plan(plan, home)
    raise_open_file_limit()
    (asked,) = plan.endpoints
    enough = ENOUGH_USERS_PER_WORKER * plan.target.workers  # until then some worker may hold no connection
    climb = StepLoad(plan.profile.users, min(enough, plan.profile.users), BUDGET_S)
    with (
        listening() as interrupt,
        tempfile.TemporaryDirectory() as directory,
        prepared(plan, home, interrupt.pause, console),
    ):
        plan = plan.model_copy(update={"target": check_target(plan, home, interrupt.pause)})
        job = Job(plan, asked, 1, (), Path(directory) / "ladder", home, climb, SAMPLE_EVERY_S)
        with climbing(console, asked.name) as watch:
            steps, raw = measure_step_load(job, interrupt.pause, watch)
    here = plan.target.url is None
    setting = Setting(
        endpoint=asked.name,
        workers=plan.target.workers if here else None,
        threads=plan.target.threads if here else None,
        cores=os.cpu_count() if here or _is_here(str(plan.target.url)) else None,
        replaced=raw.workers_replaced,
    )
    return diagnose(steps, raw.rows, setting)


def _is_here(url: str) -> bool:
    """Whether an app that was not started here runs on this machine all the same, as far as its address tells."""
    own = {address.address.partition("%")[0] for each in psutil.net_if_addrs().values() for address in each}
    host = urlsplit(url).hostname or ""
    with suppress(OSError):
        return any(str(found[4][0]) in own for found in socket.getaddrinfo(host, None))
    return False


def _plan(config: Config, endpoint: str, wishes: Mapping[str, Any]) -> Plan:
    if endpoint in config.mixes:
        each = f"bench diagnose {config.mixes[endpoint].names[0]}"
        message = f"{endpoint!r} is a mix, of which each endpoint is served in its own way"
        raise UsageError(f"{message}; diagnose them one by one: {each}")
    if endpoint not in config.endpoints:
        raise UsageError(f"there is no endpoint {endpoint!r}; there are: {', '.join(config.endpoints)}")
    if config.endpoints[endpoint].locustfile is not None:
        message = f"endpoint {endpoint!r} has a locustfile of its own, whose users may do anything"
        raise UsageError(f"{message}; give it a path alone")
    if config.endpoints[endpoint].login or config.endpoints[endpoint].data:
        message = f"endpoint {endpoint!r} is not the same for all users (data, login), which diagnose needs"
        raise UsageError(f"{message}; give it one path, and a token in a $VARIABLE")
    profile = Profile(
        name=NAME, users=1, spawn_rate_per_s=1, duration_s=BUDGET_S, timeout_s=2 * BUDGET_S, endpoints=(endpoint,)
    )
    extended = config.model_copy(update={"profiles": {NAME: profile}})
    try:
        plan = make_plan(extended, NAME, {**wishes, "endpoints": (endpoint,)})
    except UsageError as error:
        raise UsageError(str(error).replace("--users:", "--most-users:", 1)) from None
    if plan.profile.users < FEWEST_USERS:
        message = f"--most-users: {plan.profile.users} are too few to see what more users change"
        raise UsageError(f"{message}; at least {FEWEST_USERS}")
    return plan


def measure_step_load(job: Job, pause: Pause, watch: Watch) -> tuple[list[Step], RawRound]:
    """Measure one step load; gives its levels, and all that was measured.

    InvalidRunError, besides those of `measure`: nothing was answered, or more than one request in a hundred failed.
    """
    raw = measure(job, pause, watch)
    _require_answers(job, raw.rows)
    with (job.directory / "levels.csv").open(encoding="utf-8") as file:
        marks = [(float(time_s) - raw.window.start_s, int(users)) for time_s, users in csv.reader(file)]
    if marks[-1][1]:  # ended from outside
        marks.append((raw.window.stop_s - raw.window.start_s, 0))
    return [_step(raw, users, start_s, end_s) for (start_s, users), (end_s, _) in pairwise(marks)], raw


def _require_answers(job: Job, rows: pd.DataFrame) -> None:
    name = job.endpoint.name
    if rows.empty:
        message = f"endpoint {name!r} gave its only user no response in time"
        raise InvalidRunError(f"{message}; check that it responds at all, then diagnose again")
    kinds = failure_kinds(rows)
    failures = sum(kind.count for kind in kinds)
    if failures > MOST_FAILED * len(rows):
        said = f"{failures} of {len(rows)} requests to endpoint {name!r} failed, mostly with: {kinds[0].message}"
        raise InvalidRunError(f"{said}. Fix that, or [endpoints.{name}] expect, then diagnose again")


def _step(raw: RawRound, users: int, start_s: float, end_s: float) -> Step:
    samples = raw.samples.assign(time_s=raw.samples["time_s"] - raw.window.start_s)
    held = [name for name in samples.columns if name.endswith("_connections")]
    samples[held] = samples[held].ffill()  # in some seconds they were not counted
    workers = [f"worker{number}" for number in range(len(held))]
    upto = samples[samples["time_s"] <= end_s]
    last = (upto if len(upto) else samples).iloc[-1]
    first = samples.iloc[0]
    return Step(
        users=users,
        start_s=start_s,
        end_s=end_s,
        connections_per_worker=tuple(int(last[f"{name}_connections"]) for name in workers) or None,
        worker_cpu_percent=tuple(_used(samples, f"{name}_cpu_s", start_s, end_s) for name in workers) or None,
        threads_grown_per_worker=tuple(int(last[f"{name}_threads"] - first[f"{name}_threads"]) for name in workers)
        or None,
        generator_cpu_percent=_mean(samples, "generator_cpu_percent", start_s, end_s),
        machine_cpu_percent=_mean(samples, "machine_cpu_percent", start_s, end_s),
    )


def _used(samples: pd.DataFrame, column: str, start_s: float, end_s: float) -> float:
    """Processor time over a level, in percent of one core. Where a worker was replaced its clock began again."""
    times = samples["time_s"].to_numpy(dtype=np.float64)
    grown = samples[column].diff().fillna(0.0)
    spent_s = np.cumsum(grown.where(grown >= 0, samples[column]).to_numpy(dtype=np.float64))
    start, end = np.interp([start_s, end_s], times, spent_s)
    covered_s = min(end_s, times[-1]) - max(start_s, times[0])
    return round(100 * float(end - start) / covered_s, 1) if covered_s > 0 else 0.0


def _mean(samples: pd.DataFrame, column: str, start_s: float, end_s: float) -> float:
    """Mean over a level. A sample speaks of the time since the one before, which may reach over the border."""
    times = samples["time_s"].to_numpy(dtype=np.float64)
    spent = np.concatenate([[0.0], np.cumsum(np.diff(times) * samples[column].to_numpy(dtype=np.float64)[1:])])
    start, end = np.interp([start_s, end_s], times, spent)
    covered_s = min(end_s, times[-1]) - max(start_s, times[0])
    return round(float(end - start) / covered_s, 1) if covered_s > 0 else 0.0


def keep(found: Diagnosis, config_file: Path, *, write: bool) -> str:
    """Put what was found into benchmark.toml, or say what to put there; gives what to tell the user ("": nothing).

    The service time as it was measured goes into a file of its own that benchmark.toml names.
    """
    name = found.setting.endpoint
    endpoint = read_config(config_file).endpoints[name]
    differs = contradiction(found, endpoint)
    if differs is not None:
        return f"{differs}: nothing was written. If the measurement is right, change it there."
    if found.regime is not None and found.most_cores > MORE_THAN_ONE_CORE:
        used = f"a worker used {found.most_cores:.0%} of a core, so its threads compute at the same time"
        return f"Nothing to save for predictions, which know one request that computes in each worker: {used}."
    lacking, measured = declaration(found, endpoint), _measured_service(found) if found.regime else None
    if write and measured is not None:
        file = endpoint.service or f"diagnosed/{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[:60]}.json"
        _save_service(measured, config_file.parent / file)
        lacking |= {} if endpoint.service else {"service": file}
    if not lacking:
        saved = f"Saved the service time to {endpoint.service}."
        return "" if not write else saved if measured is not None else f"Nothing to save to {config_file.name}."
    if not write:
        where = f"[endpoints.{name}] of {config_file.name}"
        return f"To save it, use --keep, or add this to {where}:\n\n{tomlkit.dumps(lacking)}"
    declare(config_file, name, lacking)
    return f"Saved to {config_file.name}, [endpoints.{name}]:\n\n{tomlkit.dumps(lacking)}"


def _measured_service(found: Diagnosis) -> MeasuredService | None:
    if found.quantiles is None:
        return None
    cost_s = {"server_cpu_us": found.cpu_per_request_s, "generator_cpu_us": found.generator_cpu_s}
    return MeasuredService(
        endpoint=found.setting.endpoint,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        responses=max(1, found.unqueued),
        percent=found.quantiles.percent,
        latency_ms=found.quantiles.latency_ms,
        most_users=found.levels[-1].users,
        workers=found.setting.workers,
        **{name: None if value is None else round(1e6 * value, 1) for name, value in cost_s.items()},
    )


def _save_service(measured: MeasuredService, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file.resolve(), measured.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}); free it, then diagnose again") from None


def print_diagnosis(console: Console, found: Diagnosis) -> None:
    """Print the levels, the finding, what to change and what that would give."""
    table = Table(box=None, padding=(0, 2, 0, 0), title=None)
    for name in ("users", "req/s", "median (ms)", "busy slots", "worker CPU (%)", "connections"):
        table.add_column(name, justify="right", no_wrap=True)
    for level in found.levels:
        table.add_row(*_cells(level))
    console.print(table)
    console.print()
    change = f"Change: {found.change}" if found.change else ""
    gain = f"Expected gain: {found.gain}" if found.gain else ""
    console.print(Text(found.finding, style="bold"))
    for line in filter(None, (found.evidence, change, gain)):
        console.print(Text(line))


def _cells(level: Level) -> list[str]:
    median = "" if level.median_ms is None else f"{level.median_ms:,.1f}"
    cpu = " / ".join(f"{percent:.0f}" for percent in level.worker_cpu_percent or ())
    held = " / ".join(str(count) for count in level.connections_per_worker or ())
    return [str(level.users), f"{level.throughput_rps:,.1f}", median, f"{level.busy_seats:,.1f}", cpu, held]
