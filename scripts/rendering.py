"""Renders the reports with what is said of each run beside the runs before it: what `report` and `publish` share."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from benchmark.config import DEFAULT_FILE, Config, read_config
from benchmark.errors import InvalidRunError, UsageError
from benchmark.judge.series import unknown_runs
from benchmark.record import Record
from benchmark.selftest import read_selftest
from benchmark.show.history import History, read_runs, run_files
from benchmark.show.index import Judge, render_all, render_run
from benchmark.show.published import Published
from benchmark.show.readme import BEGIN, END, has_place
from benchmark.trend import Judged
from scripts.judging import judged


def render(reports: Path, readme: Path, *, everything: bool) -> History:
    """Render reports, index and README block. Thresholds are those of the benchmark.toml where bench was called.

    One that is broken, or that accepts a change in a run that is not there, is said and stops nothing; so is a README
    without markers.
    """
    if readme.exists() and not has_place(readme):
        sys.stderr.write(
            f"{readme.name} is left as it is: the table goes between {BEGIN} and {END}, and it has neither\n"
        )
    return render_all(reports, readme, judge_of(reports), everything=everything)


def judge_of(reports: Path) -> Judge:
    """Judge the runs of a reports directory as `render` does; what stands in the way of that is said at once."""
    config, notes = _config(reports)
    for note in notes:
        sys.stderr.write(f"{note}\n")
    selftest = None
    with suppress(InvalidRunError):  # the index names what can not be read
        selftest = read_selftest(reports)

    def judge(records: Iterable[Record], *, trends: bool = True) -> Judged:
        return replace(judged(records, config, trends=trends), notes=notes, selftest=selftest)

    return judge


def render_run_of(directory: Path, tables: Sequence[Published]) -> Path:
    """Render the report of one run. One that lies in a reports directory is judged beside the others there."""
    place = directory.resolve()
    reports = place.parent.parent
    found = None
    if place.parent == reports / "runs":
        unreadable: list[str] = []
        runs = read_runs(run_files(reports), unreadable, timelines=False)
        found = judged(runs, _config(reports)[0], trends=False)
        say_unreadable(unreadable)
    return render_run(directory, tables, found)


def say_unreadable(problems: Iterable[str]) -> None:
    """Name the run files that were left out of a judgement: what it says may hang on them."""
    for problem in problems:
        sys.stderr.write(f"bench: left out: {problem}\n")


def _config(reports: Path) -> tuple[Config | None, tuple[str, ...]]:
    """What benchmark.toml says, and what has to be said about that."""
    try:
        config = read_config(DEFAULT_FILE) if DEFAULT_FILE.exists() else None
    except UsageError as error:
        return None, (f"judged with the default thresholds, and no change is accepted: {error}",)
    accepted = config.accepted if config else ()
    wrong = unknown_runs([path.name for path in (reports / "runs").glob("*")], accepted) if accepted else ()
    return config, tuple(
        f"{DEFAULT_FILE} accepts a change in the run {run}, which is not in the reports" for run in wrong
    )
