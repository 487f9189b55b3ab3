"""`bench publish`: put runs into the reports of a branch, render everything, commit, push."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.errors import PublishError
from benchmark.publish.artifact import read_runs
from benchmark.publish.place import place
from scripts.publishing import Where, publish_to

REPORTS = Path("reports")
README = Path("README.md")


def publish(
    run_dir: Annotated[Path, Argument(help="A directory that `bench run` wrote, or one that holds several (a sweep).")],
    local: Annotated[bool, Option("--local", help="Only write and render the files here; no git.")] = False,
    branch: Annotated[
        str | None, Option(envvar="BENCH_BRANCH", help="Branch to publish on; the one you are on by default.")
    ] = None,
    remote: Annotated[str, Option(help="Remote to push to.")] = "origin",
    reports: Annotated[Path, Option(help="The reports directory.")] = REPORTS,
    readme: Annotated[Path, Option(help="The README whose block is rendered.")] = README,
) -> None:
    """Put a run's record into reports/runs/ID/, render every report, the index and the README block, commit, push.

    Your own files, index and branches are not touched: fetch the result with git pull. Publishing the same run
    twice changes nothing. The directory is checked as if a stranger had written it; only its run.json is used.

    Examples: bench publish results/20261123T120000-quick-500-1a2b; bench publish results --branch data
    """
    found = read_runs(run_dir)
    names = ", ".join(record.id for record in found.records)
    if found.records and found.unfinished:
        sys.stderr.write(f"Left out, never finished: {', '.join(found.unfinished)}\n")
    if not found.records:
        message = f"{run_dir} is still being measured, or its measurement was killed; only finished runs are published"
        raise PublishError(message)

    def put(directory: Path) -> None:
        for record in found.records:
            place(record, directory)

    publish_to(Where(local, branch, remote, reports, readme), put, f"Publish {names}")
