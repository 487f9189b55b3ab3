"""`bench overhead`: what this harness adds to a latency, beside what the published set-up adds."""

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Annotated

from rich.console import Console
from typer import Option

from benchmark.config import DEFAULT_FILE, make_plan, read_config
from benchmark.measure.environment import read_environment
from benchmark.measure.generator import ONE_PROCESS
from benchmark.measure.interrupt import listening
from benchmark.measure.overhead import SETUPS, STOCK, Excess, compare
from benchmark.measure.room import raise_open_file_limit
from benchmark.measure.rounds import jobs, utc_now
from benchmark.measure.server import check_target

FIGURES = ("mean_ms", "p50_ms", "p99_ms", "max_ms")


def overhead(
    users: Annotated[str, Option(help="Concurrent users.")] = "500",
    spawn_rate: Annotated[str, Option(help="Users started at each full second.")] = "50",
    duration: Annotated[str, Option(help="How long each round loads.")] = "30s",
    rounds: Annotated[str, Option(help="Rounds of each set-up, in turns.")] = "3",
    config: Annotated[Path, Option(help="The configuration to read.")] = DEFAULT_FILE,
) -> None:
    """Compare this harness with stock Locust (HttpUser) on an endpoint that waits one second.

    Excess is what a request took beyond that second. Prints a Markdown table of all rounds and of the medians.
    """
    wishes = {"users": users, "spawn_rate_per_s": spawn_rate, "duration_s": duration, "rounds": rounds}
    wishes |= {"task_seconds": "1"}
    plan = make_plan(read_config(config), "quick", {**wishes, **ONE_PROCESS, "endpoints": ("async_concurrent",)})
    home = config.resolve().parent
    check_target(plan, home)
    raise_open_file_limit()
    with listening() as interrupt, tempfile.TemporaryDirectory() as directory:
        console = Console(stderr=True)
        found = compare(jobs(plan, Path(directory), home), interrupt.pause, console.print)
    machine = read_environment(home)
    sys.stdout.write(f"{utc_now()}, {machine.cpu.model} x {machine.cpu.count}, {machine.python}\n\n{table(found)}")


def table(found: list[Excess]) -> str:
    """All rounds, then the medians of both set-ups and their ratio, as Markdown."""
    lines = ["| Set-up | Round | Requests | Mean (ms) | p50 (ms) | p99 (ms) | Max (ms) |", "| :-- |" + " --: |" * 6]
    for item in found:
        shown = " | ".join(f"{asdict(item)[name]:.1f}" for name in FIGURES)
        lines.append(f"| {item.setup} | {item.round} | {item.requests} | {shown} |")
    medians = {
        setup: [median(asdict(item)[name] for item in found if item.setup == setup) for name in FIGURES]
        for setup in SETUPS
    }
    for setup, values in medians.items():
        lines.append(f"| **{setup}** | median | | {' | '.join(f'{value:.1f}' for value in values)} |")
    for setup in SETUPS[1:]:
        ratios = [ours / stock for ours, stock in zip(medians[setup], medians[STOCK], strict=True)]
        lines.append(f"| **{setup} / stock** | | | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")
    return "\n".join(lines) + "\n"
