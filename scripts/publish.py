"""`bench publish`: put runs into the reports of a branch, render everything, commit, push."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.errors import PublishError, one_line
from benchmark.publish.publish import publish_to
from benchmark.publish.untrusted import Found, read_runs
from benchmark.record import Record
from benchmark.report.render import try_out
from benchmark.report.verdicts import why_incomplete
from benchmark.store import place
from scripts import cli, options


def publish(
    run_dir: Annotated[Path, Argument(help="A directory that `bench run` wrote, or one that holds several (a sweep).")],
    local: options.Local = False,
    branch: Annotated[
        str | None, Option(envvar="BENCH_BRANCH", help="Branch to publish on; the one you are on by default.")
    ] = None,
    remote: Annotated[str, Option(help="Remote to push to.")] = "origin",
    reports: options.Reports = options.REPORTS,
    readme: options.Readme = options.README,
    incomplete: Annotated[bool, Option("--incomplete", help="Publish runs that miss rounds, too.")] = False,
) -> None:
    """Put a run's record into reports/runs/ID/, render every report, the index and the README block, commit, push.

    Your own files, index and branches are not touched: fetch the result with git pull. Publishing the same run
    twice changes nothing. The directory is checked as if a stranger had written it; only its run.json is used.
    A branch that the remote does not have is made, which is said and, at a terminal, asked first.

    Examples: bench publish results/20261123T120000-quick-500-1a2b; bench publish results --branch data
    """
    records = _to_publish(read_runs(run_dir, try_out_all), run_dir, incomplete=incomplete)

    def put(directory: Path) -> None:
        for record in records:
            place(record, directory)

    names = [record.id for record in records]
    title = f"Publish {', '.join(names)}"
    publish_to(put, title, names, local=local, branch=branch, remote=remote, reports=reports, readme=readme)


def try_out_all(record: Record) -> None:
    """Render everything that shows a run, the site included."""
    site = cli.branch("site")
    try_out(record, site.try_build if site else lambda *_: ())


def _to_publish(found: Found, run_dir: Path, *, incomplete: bool) -> list[Record]:
    """Choose the runs, and say which are left out. PublishError: none is left."""
    wanted = [record for record in found.records if incomplete or record.state == "complete"]
    lacking = [record for record in found.records if record not in wanted]
    if wanted and found.unfinished:
        sys.stderr.write(f"Left out, never finished: {', '.join(found.unfinished)}\n")
    if wanted and lacking:
        names = ", ".join(record.id for record in lacking)
        sys.stderr.write(f"Left out, incomplete: {names}; with --incomplete they are published, too\n")
    if not wanted and lacking:
        why = why_incomplete(lacking[0]) or "no reason was kept"
        message = f"{lacking[0].id} is incomplete ({why}); to publish it all the same: bench publish --incomplete"
        raise PublishError(one_line(message))
    if not wanted:
        message = f"{run_dir} is still being measured, or its measurement was killed; only finished runs are published"
        raise PublishError(message)
    return wanted
