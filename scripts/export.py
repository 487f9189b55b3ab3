"""`bench export`: a run in the formats that other programs read."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.errors import UsageError, one_line
from benchmark.export.junit import to_junit
from benchmark.export.numbers import doubts, to_bencher, to_csv, to_github_action_benchmark, to_openmetrics
from benchmark.formatting import say
from benchmark.record import Record
from benchmark.report.published import read_published
from benchmark.report.render import judge_next_to
from benchmark.report.step_summary import run_directories
from benchmark.store import FILE_NAME, read_record, run_files, write_whole, writing
from scripts import cli, options

RESULTS = Path("results")
NUMBERS: dict[str, Callable[[Record], str]] = {
    "github-action-benchmark": to_github_action_benchmark,
    "bencher": to_bencher,
    "openmetrics": to_openmetrics,
    "csv": to_csv,
}
FORMATS = ("junit", *NUMBERS, "html")


def export(
    run: Annotated[
        str | None,
        Argument(help="A run: its directory or its id.", show_default="the newest of results/, else of reports/"),
    ] = None,
    *,
    form: Annotated[str, Option("--as", metavar="<format>", help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")],
    out: Annotated[Path | None, Option(metavar="<file>", help="File to write.", show_default="standard output")] = None,
    bigger: Annotated[
        bool,
        Option(
            "--bigger-is-better",
            help="With github-action-benchmark: requests per second, for its tool customBiggerIsBetter; "
            "without, latencies for customSmallerIsBetter.",
        ),
    ] = False,
    reports: options.Reports = options.REPORTS,
) -> None:
    """Write a run for a CI, a dashboard, a spreadsheet, or as one HTML file that holds everything.

    junit: an XML report with a case for each endpoint and each metric that is judged next to the runs before. bencher:
    Bencher Metric Format. openmetrics: for Prometheus. html: report, charts, prediction, method and record in one file.
    Numbers are medians over the rounds, as in the report.

    Examples:
        bench export --as junit --out junit.xml
        bench export results/20261123T120000-quick-500-1a2b --as html --out r.html
        bench export --as github-action-benchmark --bigger-is-better --out rps.json

    """
    if form not in FORMATS:
        raise UsageError(f"--as: there is no format {one_line(form)!r}; there are: {', '.join(FORMATS)}")
    if bigger and form != "github-action-benchmark":
        raise UsageError(f"--bigger-is-better goes with --as github-action-benchmark, not with {form}")
    directory = _directory(run, reports)
    record = read_record(directory)
    text = _text(form, record, directory, reports, bigger=bigger)
    if form in NUMBERS:
        for doubt in doubts(record):
            say(f"warning: {one_line(doubt)}", sys.stderr)
    if out is None:
        sys.stdout.write(text)
        return
    with writing(out):
        write_whole(out, text)
    say(f"Wrote {record.id} to {out}", sys.stderr)


def _text(form: str, record: Record, directory: Path, reports: Path, *, bigger: bool) -> str:
    if form in NUMBERS:
        write = partial(to_github_action_benchmark, bigger=True) if bigger else NUMBERS[form]
        return write(record)
    judged = judge_next_to(directory, record, reports)
    if form == "junit":
        return to_junit(record, judged)
    site = cli.branch("site")
    if site is None:
        raise UsageError("--as html needs the command `site`, which was removed from this clone; use another format")
    return str(site.whole_page(record, read_published(reports / "published"), judged))


def _directory(run: str | None, reports: Path) -> Path:
    """The directory of a run that is named, or of the newest one. UsageError: there is none."""
    if run is not None:
        places = (Path(run), RESULTS / run, reports / "runs" / run)
        return next((place for place in places if (place / FILE_NAME).is_file()), Path(run))
    found = [*run_directories(RESULTS)[-1:], *(file.parent for file in run_files(reports)[:1])]
    if not found:
        raise UsageError(
            f"there is no run in {RESULTS} or {reports}; measure one with bench run, or name its directory"
        )
    say(f"Exporting {found[0]}", sys.stderr)
    return found[0]
