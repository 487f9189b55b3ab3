"""`bench answer`: start the comparison that a comment under a pull request asks for."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from benchmark.compare.compare import ComparisonRequest, comparable
from benchmark.config import DEFAULT_FILE, read_config
from benchmark.errors import UsageError
from benchmark.formatting import say
from benchmark.github.command import answer as answer_comment
from benchmark.github.command import read_comment
from benchmark.shell import repository_of
from scripts import options
from scripts.compare import PROFILE


def answer(
    pull_request: Annotated[
        str, Option(envvar="BENCH_PULL_REQUEST", metavar="<number>", help="Number of the pull request.")
    ],
    author: Annotated[str, Option(envvar="BENCH_COMMENT_AUTHOR", metavar="<user>", help="Who wrote the comment.")],
    body: Annotated[str, Option(envvar="BENCH_COMMENT", metavar="<text>", help="The comment.")],
    config: options.ConfigFile = DEFAULT_FILE,
    remote: Annotated[str, Option(metavar="<remote>", help="Remote whose repository has the pull request.")] = "origin",
) -> None:
    """Start the comparison that a comment asks for: /benchmark, or /benchmark PROFILE, by someone who may write.

    Uses GitHub's program gh (env GH_TOKEN, permissions actions: write and pull-requests: write).

    Examples:
        bench answer --pull-request 7 --author OWNER --body "/benchmark quick"

    """
    asked = read_comment(pull_request, author, body)
    if asked is None:
        say("The comment does not ask for a comparison; it would be /benchmark, or /benchmark PROFILE.", sys.stdout)
        return
    problem = None
    try:
        request = ComparisonRequest({"base": "", "head": ""}, {"base": (), "head": ()}, asked.profile or PROFILE, {})
        comparable(read_config(config), request)
    except UsageError as error:
        problem = error.message.removeprefix("--profile: ")
    home = Path.cwd()
    say(answer_comment(asked, problem, home, repository=repository_of(home, remote)), sys.stdout)
