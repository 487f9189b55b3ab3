"""`bench doctor`: say what would stop the repository from working, before it does."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

from typer import Exit, Option

from benchmark.errors import BenchmarkError
from benchmark.formatting import say
from benchmark.github.doctor import README, examine, examine_github
from benchmark.handover import handed_over
from benchmark.publish.publish import find_destination
from benchmark.shell import repository_of
from scripts import options

REMEDY_AT = 13


def doctor(
    branch: options.Branch = None,
    remote: options.Remote = "origin",
    as_json: Annotated[bool, Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check this checkout, this machine and, through `gh`, the settings of the remote's repository.

    Changes nothing. Checks that could not be made are listed. Exit code: 2 if a problem blocks the benchmark.

    Examples:
        bench doctor
        bench doctor --branch data

    """
    home = Path.cwd()
    for name in handed_over():  # to another job of the workflow: that it has them is all there is to know
        os.environ[name] = os.environ.get(name) or "set"
    found = examine(home, remote, branch)
    found |= examine_github(home, _branch(remote, branch), repository_of(home, remote))
    blocking = [answer for answer in found.values() if answer.state == "blocks"]
    if as_json:
        checks = [{"check": name, **answer._asdict()} for name, answer in found.items()]
        printed = {"schema_version": 1, "blocked": bool(blocking), "checks": checks}
        sys.stdout.write(json.dumps(printed, indent=1) + "\n")
    else:
        for name, answer in found.items():
            say(f"{answer.state:11}  {name}: {answer.message}", sys.stdout, REMEDY_AT)
            if answer.remedy:
                say(f"{'':{REMEDY_AT}}do: {answer.remedy}", sys.stdout)
        unmade = sum(answer.state == "not checked" for answer in found.values())
        left = f"; {unmade} could not be made" if unmade else ""
        say(f"{len(blocking)} of {len(found)} checks found a blocking problem{left}.", sys.stdout)
    if blocking:
        raise Exit(2)


def _branch(remote: str, branch: str | None) -> str | None:
    try:
        return find_destination(Path("reports"), README, remote, branch).branch
    except BenchmarkError:
        return None
