"""`bench comment`: say the result of a comparison under its pull request."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.compare.model import read_newest
from benchmark.compare.wording import render_comparison
from benchmark.github.comment import comment as write_comment
from benchmark.shell import repository_of


def comment(
    results: Annotated[Path, Argument(help="Where `bench compare` wrote its result: its --out.")],
    owner: Annotated[str, Option(envvar="BENCH_HEAD_OWNER", help="Whose repository the pull request comes from.")],
    branch: Annotated[str, Option(envvar="BENCH_HEAD_BRANCH", help="Branch that the pull request comes from.")],
    commit: Annotated[str, Option(envvar="BENCH_HEAD_COMMIT", help="Newest commit of the pull request.")],
    remote: Annotated[str, Option(help="Remote whose repository has the pull request.")] = "origin",
) -> None:
    """Write the result of a comparison under its pull request, or renew what was written there before.

    For the workflow that runs after one of a stranger's pull request: what is in RESULTS is checked and rendered anew.
    GitHub is asked through its program gh (env GH_TOKEN, permission pull-requests: write).
    """
    found = read_newest(results)
    home = Path.cwd()
    where = repository_of(home, remote)
    done = write_comment(render_comparison(found), home, owner=owner, branch=branch, commit=commit, repository=where)
    sys.stdout.write(f"{done}\n")
