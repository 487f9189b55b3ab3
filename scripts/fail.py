"""`bench fail`: publish that an attempt failed, and why."""

import secrets
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import ValidationError
from typer import Argument, Option

from benchmark.errors import UsageError
from benchmark.measure.machine import read_environment
from benchmark.publish.publish import Place, publish_to, reason_in
from benchmark.store import Failure, place
from scripts import options


def fail(
    reason: Annotated[str, Argument(help="Reason for the failure, in one line.")],
    results: Annotated[
        Path | None,
        Option(metavar="<folder>", help="Take the reason from the newest incomplete run in this folder, if any."),
    ] = None,
    local: options.Local = False,
    branch: options.Branch = None,
    remote: options.Remote = "origin",
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    reports: options.Reports = options.REPORTS,
    readme: options.Readme = options.README,
) -> None:
    """Publish a record of a failed attempt, so that the index shows why the newest run is old.

    Examples:
        bench fail "the measurement failed" --results results

    """
    environment = read_environment(Path.cwd())
    now = datetime.now(UTC)
    try:
        failure = Failure(
            id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
            at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            reason=reason_in(results) or reason,
            trigger=environment.trigger,
            run_url=environment.run_url,
            commit=environment.commit,
        )
    except ValidationError as error:
        raise UsageError(f"REASON: {error.errors()[0]['msg']}") from None
    there = Place(branch, remote, reports, readme, local, yes, dry_run)
    publish_to(there, partial(place, failure), f"Note the failed attempt {failure.id}")
