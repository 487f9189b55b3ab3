"""`bench watch`: tell GitHub what became worse."""

import os
import sys
from pathlib import Path
from typing import Annotated

from typer import Exit, Option

from benchmark.config import DEFAULT_FILE, read_config
from benchmark.errors import UsageError
from benchmark.publish.watch import Place, tell
from benchmark.show.history import read_history
from scripts.rendering import judged


def watch(
    dry_run: Annotated[bool, Option("--dry-run", help="Only say what would be done.")] = False,
    gate: Annotated[bool, Option("--gate", help="End with exit code 1 while a regression is open.")] = False,
    branch: Annotated[
        str | None, Option(envvar="BENCH_BRANCH", help="Branch that holds the reports; the one you are on by default.")
    ] = None,
    reports: Annotated[Path, Option(help="The reports directory.")] = Path("reports"),
) -> None:
    """Open one issue for each confirmed regression, keep it up to date, close it on recovery.

    What is only suspected, in a scheduled run, starts the workflow once more to confirm it. GitHub is asked through its
    program gh (in a workflow: env GH_TOKEN, permissions issues: write and actions: write). What counts as a regression:
    docs/judging.md. It never fails because something became slower, unless asked with --gate.
    """
    if not reports.is_dir():
        message = f"there is no directory {reports} here; go to the repository's folder, or name it with --reports"
        raise UsageError(message)
    history = read_history(reports)
    found = judged(history.records, read_config(DEFAULT_FILE) if DEFAULT_FILE.exists() else None)
    place = Place(Path.cwd(), _reports_url(branch, reports), branch)
    for line in tell(found, next(iter(history.records), None), place, only_say=dry_run):
        sys.stdout.write(f"{'would ' if dry_run else ''}{line}\n")
    still_open = [trend for trend in found.trends if trend.last.open_since is not None]
    sys.stdout.write(f"{len(still_open)} of {len(found.trends)} metrics regressed and have not recovered.\n")
    if gate and still_open:
        raise Exit(1)


def _reports_url(branch: str | None, reports: Path) -> str:
    """Where the reports are read on GitHub; outside of a workflow, their path in the repository."""
    server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    where = branch or os.environ.get("GITHUB_REF_NAME") or "HEAD"
    return f"{server}/{repository}/blob/{where}/{reports}" if server and repository else str(reports)
