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
from benchmark.publish.publish import publish_to, reason_in
from benchmark.store import Failure, place
from scripts import options


def fail(
    reason: Annotated[str, Argument(help="Why it failed, in one line.")],
    results: Annotated[Path | None, Option(help="Take the reason from the incomplete run in here, if any.")] = None,
    local: options.Local = False,
    branch: Annotated[str | None, Option(envvar="BENCH_BRANCH", help="As for `bench publish`.")] = None,
    remote: Annotated[str, Option(help="Remote to push to.")] = "origin",
    reports: options.Reports = options.REPORTS,
    readme: options.Readme = options.README,
) -> None:
    """Publish a record of failure, so that readers of the index see why the newest run is old.

    Example: bench fail "the measurement did not end well" --results results
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
    title = f"Note the failed attempt {failure.id}"
    put = partial(place, failure)
    publish_to(put, title, local=local, branch=branch, remote=remote, reports=reports, readme=readme)
