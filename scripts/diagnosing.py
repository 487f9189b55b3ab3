"""The way of a diagnosis, from wishes to a finding: what `bench diagnose` does."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.config import Config, check_plan, make_plan, read_config
from benchmark.declaration import as_toml, contradiction, declaration, declare
from benchmark.diagnosis import Diagnosis, Setting
from benchmark.errors import UsageError
from benchmark.explain.diagnosis import diagnose
from benchmark.measure.interrupt import listening
from benchmark.measure.ladder import BUDGET_S, SAMPLE_EVERY_S, ladder, measure_ladder
from benchmark.measure.room import raise_open_file_limit
from benchmark.measure.rounds import Job
from benchmark.measure.server import check_target
from benchmark.plan import Plan
from benchmark.profile import Profile
from benchmark.show.diagnosis import climbing

NAME = "diagnose"
FEWEST_USERS = 8


def find_out(endpoint: str, wishes: Mapping[str, Any], config_file: Path, console: Console) -> Diagnosis:
    """Load one endpoint with 1, 2, 4, ... users and conclude how it is served. All errors of a round may occur."""
    plan = ladder_plan(read_config(config_file), endpoint, wishes)
    home = config_file.resolve().parent
    check_plan(plan, home)
    raise_open_file_limit()
    (asked,) = plan.endpoints
    with listening() as interrupt, tempfile.TemporaryDirectory() as directory:
        check_target(plan, home, interrupt.pause)
        job = Job(plan, asked, 1, (), Path(directory) / "ladder", home, ladder(plan), SAMPLE_EVERY_S)
        with climbing(console, asked.name) as watch:
            steps, rows = measure_ladder(job, interrupt.pause, watch)
    return diagnose(steps, rows, _setting(plan))


def ladder_plan(config: Config, endpoint: str, wishes: Mapping[str, Any]) -> Plan:
    """Plan a climb to `wishes["users"]` users. UsageError: no such endpoint, a bad value, a locustfile of its own."""
    if endpoint not in config.endpoints:
        message = f"there is no endpoint {endpoint!r}; there are: {', '.join(config.endpoints)}"
        raise UsageError(message)
    if config.endpoints[endpoint].locustfile is not None:
        message = (
            f"endpoint {endpoint!r} has a locustfile of its own, whose users may do anything; give it a path alone"
        )
        raise UsageError(message)
    climb = Profile(
        name=NAME, users=1, spawn_rate_per_s=1, duration_s=BUDGET_S, timeout_s=2 * BUDGET_S, endpoints=(endpoint,)
    )
    extended = config.model_copy(update={"profiles": {NAME: climb}})
    try:
        plan = make_plan(extended, NAME, {**wishes, "endpoints": (endpoint,)})
    except UsageError as error:
        raise UsageError(str(error).replace("--users:", "--most-users:", 1)) from None
    if plan.profile.users < FEWEST_USERS:
        message = (
            f"--most-users: {plan.profile.users} are too few to see what more users change; at least {FEWEST_USERS}"
        )
        raise UsageError(message)
    return plan


def _setting(plan: Plan) -> Setting:
    (endpoint,) = plan.endpoints
    if plan.target.url is not None:
        return Setting(endpoint=endpoint.name, workers=None, threads=None, cores=None)
    return Setting(
        endpoint=endpoint.name, workers=plan.target.workers, threads=plan.target.threads, cores=os.cpu_count()
    )


def keep(found: Diagnosis, config_file: Path, *, write: bool) -> str:
    """Put what was found into benchmark.toml, or say what to put there; gives what to tell the user ("": nothing)."""
    name = found.setting.endpoint
    endpoint = read_config(config_file).endpoints[name]
    differs = contradiction(found, endpoint)
    if differs is not None:
        return f"{differs}: nothing was written. If the measurement is right, change it there."
    lacking = declaration(found, endpoint)
    if not lacking:
        return f"Nothing to keep in {config_file.name}." if write else ""
    if not write:
        return f"To keep it (or --keep), under [endpoints.{name}] of {config_file.name}:\n\n{as_toml(lacking)}"
    declare(config_file, name, lacking)
    return f"Kept in {config_file.name}, [endpoints.{name}]:\n\n{as_toml(lacking)}"
