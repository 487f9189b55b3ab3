"""Most that one load generator process gets out of a bare response; half a minute.

50 users of the server of the reference workload, on as many workers as benchmark.toml says.
"""

import sys
import tempfile
from pathlib import Path

from benchmark.config import read_config
from benchmark.judge.findings import warnings
from benchmark.judge.validity import level_of
from benchmark.measure.load_test import ROOT
from benchmark.measure.machine import raise_open_file_limit, read_environment
from benchmark.measure.process import Interrupt, listening
from benchmark.measure.round import Job, measure, utc_now
from benchmark.measure.summarize import summarize
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import Round

USERS = 50
LOAD_S = 3.0


def plan(endpoint: Endpoint, import_path: str, users: int, duration_s: float) -> Plan:
    """A load whose users all connect at once and begin spread: what is seen is not their own crowd."""
    app = read_config(ROOT / "benchmark.toml").app
    profile = Profile(
        name="experiment",
        users=users,
        spawn_rate_per_s=users,
        duration_s=duration_s,
        start="spread",
        endpoints=(endpoint.name,),
    )
    target = Target(import_path=import_path, workers=app.workers, threads=app.threads, loop=app.loop)
    return Plan(target=target, profile=profile, endpoints=(endpoint,))


def measured(plan: Plan, directory: Path, home: Path, interrupt: Interrupt) -> tuple[Round, str]:
    """One round, and why its figures can be doubted ("": they cannot)."""
    (endpoint,) = plan.endpoints
    raw = measure(Job(plan, endpoint, 1, (endpoint,), directory, home), interrupt.pause, lambda *_: None)
    found = summarize(raw, endpoint, plan.profile)
    doubts = [one.message for one in warnings(found, endpoint, plan) if level_of(one)]
    return found, doubts[0] if doubts else ""


def conditions(name: str) -> str:
    """When, where and how it was measured."""
    machine = read_environment(ROOT)
    where = f"{machine.cpu.model}, {machine.cpu.count} cores, {machine.python}"
    return f"{utc_now()[:10]}, {where}: `make experiment NAME={name}`\n"


def main() -> None:
    """Print one sentence."""
    raise_open_file_limit()
    bare = plan(Endpoint(name="bare", path="/"), "benchmark.measure.raw_app:app", USERS, LOAD_S)
    with listening() as interrupt, tempfile.TemporaryDirectory() as folder:
        found, doubt = measured(bare, Path(folder) / "bare", ROOT, interrupt)
    workers = " / ".join(f"{used:.0f}%" for used in found.resources.worker_cpu_mean_percent or ())
    sys.stdout.write(
        f"One load generator and a bare answer: {found.throughput_rps:.2f} req/s to {USERS} users, with "
        f"{found.resources.generator_cpu_mean_percent:.0f}% of a core for the generator and {workers} for the workers."
        f" {doubt}\n\n{conditions('ceiling')}"
    )


if __name__ == "__main__":
    main()
