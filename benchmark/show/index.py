"""Everything that is derived from the records under `reports/`: each report.md, the index, the README block."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BenchmarkError, InvalidRunError, UnwritableRunError
from benchmark.failure import FOLDER as FAILURES
from benchmark.failure import Failure, read_failure
from benchmark.record import Record
from benchmark.record_file import FILE_NAME, read_record
from benchmark.show import sentences
from benchmark.show.published import Published, read_published
from benchmark.show.readme import render_block, replace_block
from benchmark.show.report import all_warnings, render_report, templates
from benchmark.show.standing import newest, standing

LONGEST_INDEX = 200
REPORT_NAME = "report.md"


@dataclass(frozen=True)
class History:
    """All records of a reports directory, newest first, and one line for each file that can not be read."""

    records: tuple[Record, ...]
    unreadable: tuple[str, ...]
    failures: tuple[Failure, ...] = ()


def read_history(reports: Path) -> History:
    """Read every run. A file that can not be read is named, never skipped, and never the end of the others."""
    records, failures, unreadable = [], [], []
    for path in sorted((reports / "runs").glob(f"*/{FILE_NAME}")):
        try:
            record = read_record(path)
            if record.id != path.parent.name:
                message = f"{path} holds the run {record.id}; rename its folder to that, or delete the copy"
                raise InvalidRunError(message)
        except BenchmarkError as error:
            unreadable.append(str(error).replace(f"{reports}/", ""))
        else:
            records.append(record)
    records.sort(key=lambda record: (record.started_at, record.id), reverse=True)
    for path in sorted((reports / FAILURES).glob("*.json")):
        try:
            failures.append(read_failure(path))
        except BenchmarkError as error:
            unreadable.append(str(error).replace(f"{reports}/", ""))
    return History(tuple(records), tuple(unreadable), tuple(failures))


def render_index(history: History) -> str:
    """The index of all runs as Markdown."""
    runs = [
        {
            "record": record,
            "best": next(iter(sentences.ranking(record)), None),
            "warnings": sum(finding.severity != "note" for _, finding in all_warnings(record)),
        }
        for record in history.records
    ]
    return (
        templates()
        .get_template("index.md.j2")
        .render(
            runs=runs[:LONGEST_INDEX],
            more=max(0, len(runs) - LONGEST_INDEX),
            standing=standing(history.records, history.failures),
            failures=newest(history.failures),
            all_failures=len(history.failures),
            unreadable=history.unreadable,
        )
    )


def render_all(reports: Path, readme: Path) -> History:
    """Render everything again; only files whose bytes change are written. Returns what was read.

    UsageError: the README has no place for the block; everything else was written nevertheless.
    """
    tables = read_published(reports / "published")
    history = read_history(reports)
    for record in history.records:
        _write(reports / "runs" / record.id / REPORT_NAME, render_report(record, tables))
    _write(reports / "README.md", render_index(history))
    if readme.exists():
        old = readme.read_text(encoding="utf-8")
        _write(readme, replace_block(old, render_block(history.records, tables)))
    return history


def render_run(directory: Path, tables: Sequence[Published]) -> Path:
    """Render the report of one run directory beside its record."""
    report = directory / REPORT_NAME
    _write(report, render_report(read_record(directory), tuple(tables)))
    return report


def _write(path: Path, content: str) -> None:
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        message = f"{path} can not be written: {error.strerror or error}"
        raise UnwritableRunError(message) from None
