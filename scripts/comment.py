"""`bench comment`: say the result of a comparison under its pull request."""

import re
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.compare.model import read_newest
from benchmark.compare.wording import render_comparison
from benchmark.errors import UsageError
from benchmark.formatting import say
from benchmark.github.comment import MARK, Head
from benchmark.github.comment import comment as write_comment
from benchmark.record import RUN_URL
from benchmark.shell import repository_of
from scripts.compare import PROFILE

TITLE = re.compile(r"Compare pull request #([1-9]\d{0,9})")


def comment(
    results: Annotated[Path, Argument(help="The --out folder of `bench compare`.")],
    owner: Annotated[
        str, Option(envvar="BENCH_HEAD_OWNER", metavar="<owner>", help="Owner of the pull request's repository.")
    ],
    branch: Annotated[str, Option(envvar="BENCH_HEAD_BRANCH", metavar="<branch>", help="Branch of the pull request.")],
    commit: Annotated[
        str, Option(envvar="BENCH_HEAD_COMMIT", metavar="<commit>", help="Newest commit of the pull request.")
    ],
    title: Annotated[
        str,
        Option(
            envvar="BENCH_RUN_TITLE",
            metavar="<text>",
            help="Title of the workflow run; one that names a pull request counts more than branch and commit.",
        ),
    ] = "",
    log: Annotated[
        str | None, Option(envvar="BENCH_RUN_URL", metavar="<url>", help="Workflow run to link below the result.")
    ] = None,
    remote: Annotated[str, Option(metavar="<remote>", help="Remote whose repository has the pull request.")] = "origin",
) -> None:
    """Post the result of a comparison on its pull request, or update the earlier comment.

    For the workflow that runs after the one of a pull request from a fork: the results are checked and rendered again.
    Uses GitHub's program gh (env GH_TOKEN, permission pull-requests: write).

    Examples:
        bench comment results --owner OWNER --branch my-change --commit 1a2b3c4

    """
    found = read_newest(results)
    if log is not None and not re.fullmatch(RUN_URL, log):
        raise UsageError(f"--log: {log!r} is not the address of a workflow run")
    home = Path.cwd()
    named = TITLE.fullmatch(title)
    if title and named is None:
        raise UsageError(f"--title: {title!r} names no pull request; it would be like: Compare pull request #7")
    where = int(named[1]) if named else Head(owner, branch, commit)
    profile = found.plan.profile.name
    mark = MARK if profile == PROFILE else MARK.replace(" -->", f" {re.sub(r'[^a-zA-Z0-9_.]', '_', profile)} -->")
    text = render_comparison(found, log)
    say(write_comment(text, home, where, mark=mark, repository=repository_of(home, remote)), sys.stdout)
