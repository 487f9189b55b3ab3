"""`bench publish`: put runs into the reports of a branch, render everything, commit, push."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.errors import PublishError, one_line
from benchmark.formatting import say
from benchmark.judge.validity import run_validity
from benchmark.publish.publish import Place, publish_to
from benchmark.publish.untrusted import Found, read_runs
from benchmark.record import Record
from benchmark.report.render import try_out
from benchmark.report.verdicts import why_incomplete
from benchmark.store import place
from scripts import cli, options


def publish(
    run_dir: Annotated[Path, Argument(help="Directory of one run, e.g. results/ID, or one that holds several.")],
    local: options.Local = False,
    branch: options.Branch = None,
    remote: options.Remote = "origin",
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    reports: options.Reports = options.REPORTS,
    readme: options.Readme = options.README,
    incomplete: Annotated[bool, Option("--incomplete", help="Also publish runs with missing rounds.")] = False,
) -> None:
    """Copy each run's record to reports/runs/ID/, render reports, index and README block, commit and push.

    Your files, index and branches are not touched; get the result with git pull. Publishing a run twice changes
    nothing. Only run.json is used, and it is checked like input from a stranger. Runs that are noisy or invalid are
    published with a warning. Before a new branch is created at the remote you are asked; scripts need --yes.

    Examples:
        bench publish results/20261123T120000-quick-500-1a2b
        bench publish results --branch data --dry-run

    """
    records = _to_publish(read_runs(run_dir, try_out_all), run_dir, incomplete=incomplete)

    def put(directory: Path) -> None:
        for record in records:
            place(record, directory)

    names = [record.id for record in records]
    title = f"Publish {', '.join(names)}"
    for record in records:
        _warn(record)
    publish_to(Place(branch, remote, reports, readme, local, yes, dry_run), put, title, names)


def _warn(record: Record) -> None:
    """Say why a run that is published cannot be fully trusted."""
    found = run_validity(record)
    if found.level != "usable":
        more = f" (and {len(found.reasons) - 1} more)" if len(found.reasons) > 1 else ""
        why = one_line(f"{found.reasons[0].message.rstrip('.')}{more}")
        say(f"warning: {record.id} is {found.level} and will not be a baseline: {why}.", sys.stderr)


def try_out_all(record: Record) -> None:
    """Render everything that shows a run, the site included."""
    site = cli.branch("site")
    try_out(record, site.try_build if site else lambda *_: ())


def _to_publish(found: Found, run_dir: Path, *, incomplete: bool) -> list[Record]:
    """Choose the runs, and say which are left out. PublishError: none is left."""
    wanted = [record for record in found.records if incomplete or record.state == "complete"]
    lacking = [record for record in found.records if record not in wanted]
    if wanted and found.unfinished:
        say(f"Left out, never finished: {', '.join(found.unfinished)}", sys.stderr)
    if wanted and lacking:
        names = ", ".join(record.id for record in lacking)
        say(f"Left out, incomplete: {names}; add --incomplete to publish them as well", sys.stderr)
    if not wanted and lacking:
        why = why_incomplete(lacking[0]) or "no reason was kept"
        message = f"{lacking[0].id} is incomplete ({why}); add --incomplete to publish it anyway"
        raise PublishError(one_line(message))
    if not wanted:
        message = f"{run_dir} is still being measured, or its measurement was killed; only finished runs are published"
        raise PublishError(message)
    return wanted
