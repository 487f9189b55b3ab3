"""`bench variables`: what benchmark.toml needs from its environment, for the jobs of a workflow."""

import os
import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from benchmark.config import DEFAULT_FILE
from benchmark.formatting import say
from benchmark.github.variables import needed_variables
from benchmark.handover import handed_over
from scripts import options

LEAST_HIDDEN = 8  # characters: hiding "true" would spoil every log, and a runner drops outputs that hold what it hides


def variables(
    *,
    profile: Annotated[str | None, Option(metavar="<profile>", help="Only what this profile needs.")] = None,
    mask: Annotated[bool, Option("--mask", help="In a workflow: hide the values of BENCH_SECRETS in its log.")] = False,
    config: options.ConfigFile = DEFAULT_FILE,
) -> None:
    """List what benchmark.toml needs from its environment, and whether it is there. Shows no values.

    In a workflow, the step gets two outputs: `missing`, what is not there, and `handed_over`, the names that
    BENCH_SECRETS holds. The exit code is 0 also if something is missing; `bench run` refuses to start without it.

    Examples:
        bench variables
        bench variables --profile smoke

    """
    if mask and os.environ.get("GITHUB_ACTIONS") == "true":
        _mask(handed_over())
    needed = needed_variables(config, profile)
    for one in needed:
        say(f"{'set' if one.is_there else 'missing':8}{one.name}: {one.by}", sys.stdout)
    if not needed:
        say(f"{config} needs no variables.", sys.stdout)
    missing = [one.name for one in needed if not one.is_there]
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a", encoding="utf-8") as outputs:
            outputs.write(f"missing={','.join(missing)}\nhanded_over={','.join(handed_over())}\n")


def _mask(names: tuple[str, ...]) -> None:
    """Have the runner hide values: it knows BENCH_SECRETS as a whole only. It shows nothing of these lines itself.

    Where the output goes to a file, they would be kept there: so this is asked for, and for nothing else.
    """
    lines = {line.strip() for name in names for line in os.environ.get(name, "").splitlines()}
    for line in sorted(line for line in lines if len(line) >= LEAST_HIDDEN):
        os.write(1, f"::add-mask::{line.replace('%', '%25')}\n".encode())
