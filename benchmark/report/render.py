"""Renders the reports with what is said of each run beside the runs before it: what `report` and `publish` share."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.config import DEFAULT_FILE, Config, parse_config
from benchmark.errors import InvalidRunError, UsageError
from benchmark.formatting import say
from benchmark.judge.history import Judged, judged
from benchmark.judge.series import unknown_runs
from benchmark.record import Record
from benchmark.report.index import Judge, render_all, render_index, render_run
from benchmark.report.noise_floor import read_selftest
from benchmark.report.published import Published
from benchmark.report.readme import BEGIN, END, has_place
from benchmark.shell import repository_of
from benchmark.store import History, place, read_runs, run_files, without_timelines

ALIKE = 10  # runs next to which a new one is tried out: as many as trends and changes of level are looked for in


def render(reports: Path, readme: Path, *, everything: bool) -> History:
    """Render reports, index and README block. Thresholds are those of the benchmark.toml where bench was called.

    One that is broken, or that accepts a change in a run that is not there, is said and stops nothing; so is a README
    without markers.
    """
    if readme.is_file() and not has_place(readme):
        say(f"{readme.name} is left as it is: the table goes between {BEGIN} and {END}, and it has neither", sys.stderr)
    return render_all(reports, readme, judge_of(reports), everything=everything)


def judge_of(reports: Path) -> Judge:
    """Judge the runs of a reports directory as `render` does; what stands in the way of that is said at once."""
    config, notes = _config(reports)
    for note in notes:
        say(note, sys.stderr)
    selftest = None
    home = home_repository()
    with suppress(InvalidRunError):  # the index names what cannot be read
        selftest = read_selftest(reports)

    def judge(records: Iterable[Record], *, trends: bool = True) -> Judged:
        return replace(judged(records, config, trends=trends, home=home), notes=notes, selftest=selftest)

    return judge


def render_run_of(directory: Path, tables: Sequence[Published]) -> Path:
    """Render the report of one run. One that lies in a reports directory is judged beside the others there."""
    reports = _reports_around(directory)
    return render_run(directory, tables, _judged_in(reports) if reports else None)


def judge_next_to(directory: Path, record: Record, reports: Path) -> Judged:
    """Judge one run next to those of the reports directory it lies in, else next to those of `reports`."""
    around = _reports_around(directory)
    return _judged_in(around) if around else _judged_in(reports, record)


def _reports_around(directory: Path) -> Path | None:
    place = directory.resolve()
    reports = place.parent.parent
    return reports if place.parent == reports / "runs" else None


def _judged_in(reports: Path, *more: Record) -> Judged:
    unreadable: list[str] = []
    new = {record.id for record in more}
    runs = (run for run in read_runs(run_files(reports), unreadable, timelines=False) if run.id not in new)
    found = judged([*runs, *more] if more else runs, _config(reports)[0], trends=False, home=home_repository())
    say_unreadable(unreadable)
    return found


def home_repository(remote: str = "origin") -> str | None:
    """Whose history is rendered here: the repository of the workflow, else of the clone where bench was called."""
    server, name = os.environ.get("GITHUB_SERVER_URL", ""), os.environ.get("GITHUB_REPOSITORY")
    found = f"{server.partition('://')[2]}/{name}" if server and name else repository_of(Path.cwd(), remote)
    return found.lower() if found else None


Build = Callable[[Path, Path, Judge], tuple[str, ...]]
"""Builds the site of reports in a folder; gives what it could not read."""


def try_out(record: Record, build: Build) -> None:
    """Render everything that shows a run: alone, and among runs that are as it is.

    Verdicts, trends and sparklines come of several runs only. Whatever is raised would be raised for every later run.
    """
    from benchmark.report.charts.registry import sweep_pictures, trend_pictures  # noqa: PLC0415 - Altair costs 0.3 s

    with TemporaryDirectory(prefix="bench-check-") as folder:
        reports, readme = Path(folder, "reports"), Path(folder, "README.md")
        readme.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
        place(record, reports)
        judge = partial(judged, config=None)
        unreadable = render_all(reports, readme, judge).unreadable
        unreadable += build(reports, readme.with_name("site"), judge)
    if unreadable:
        raise InvalidRunError(unreadable[0])
    among = [_alike(record, number) for number in range(ALIKE, 0, -1)] + [record]
    found = judged(among, None)
    render_index(History(tuple(among), (), runs=len(among)), found)
    several = trend_pictures(found).values()
    for picture in (*(one for pictures in several for one in pictures), *sweep_pictures(among)):
        picture.specification()


def _alike(record: Record, number: int) -> Record:
    """A run some days later that scored the same, or, of a sweep, with more users."""
    began = datetime.fromisoformat(record.started_at) + timedelta(days=number)
    slim = without_timelines(record)
    results = tuple(result.model_copy(update={"users": result.users + number}) for result in slim.endpoints)
    another = {"id": f"alike-{number}", "started_at": f"{began:%Y-%m-%dT%H:%M:%SZ}", "endpoints": results}
    return record.model_copy(update=another)


def say_unreadable(problems: Iterable[str]) -> None:
    """Name the run files that were left out of a judgement: what it says may hang on them."""
    for problem in problems:
        say(f"bench: left out: {problem}", sys.stderr)


def _config(reports: Path) -> tuple[Config | None, tuple[str, ...]]:
    try:
        config = parse_config(DEFAULT_FILE) if DEFAULT_FILE.exists() else None
    except UsageError as error:
        return None, (f"judged with the default thresholds, and no change is accepted: {error}",)
    accepted = config.accepted if config else ()
    wrong = unknown_runs([path.name for path in (reports / "runs").glob("*")], accepted) if accepted else ()
    return config, tuple(
        f"{DEFAULT_FILE} accepts a change in the run {run}, which is not in the reports" for run in wrong
    )
