"""The way of a diagnosis, from wishes to a finding: what `bench diagnose` does."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.config import Config, check_plan, make_plan, read_config
from benchmark.diagnosis import Diagnosis, Setting
from benchmark.errors import UsageError
from benchmark.explain.diagnosis import diagnose
from benchmark.measure.interrupt import listening
from benchmark.measure.ladder import BUDGET_S, SAMPLE_EVERY_S, ladder, measure_ladder
from benchmark.measure.rounds import Job, raise_open_file_limit
from benchmark.measure.server import check_target
from benchmark.plan import Plan, Profile
from benchmark.show.console import reporting

NAME = "diagnose"


def find_out(endpoint: str, wishes: Mapping[str, Any], config_file: Path, console: Console) -> Diagnosis:
    """Load one endpoint with 1, 2, 4, ... users and conclude how it is served. All errors of a round may occur."""
    plan = ladder_plan(read_config(config_file), endpoint, wishes)
    home = config_file.resolve().parent
    check_plan(plan, home)
    check_target(plan, home)
    raise_open_file_limit()
    (asked,) = plan.endpoints
    with listening() as interrupt, tempfile.TemporaryDirectory() as directory:
        job = Job(plan, asked, 1, (), Path(directory) / "ladder", home, ladder(plan), SAMPLE_EVERY_S)
        with reporting(console, plan.profile, 1) as reporter:
            reporter.begin(1, asked.name, 1)
            steps, rows = measure_ladder(job, interrupt.pause, reporter.watch)
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
    return make_plan(extended, NAME, {**wishes, "endpoints": (endpoint,)})


def _setting(plan: Plan) -> Setting:
    (endpoint,) = plan.endpoints
    if plan.target.url is not None:
        return Setting(endpoint=endpoint.name, workers=None, threads=None, cores=None)
    return Setting(
        endpoint=endpoint.name, workers=plan.target.workers, threads=plan.target.threads, cores=os.cpu_count()
    )
