"""The block of the README that shows the newest table. Nothing outside its two markers is ever touched."""

from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.files import write_changed
from benchmark.record import Record
from benchmark.show import sentences
from benchmark.show.published import Published, same_conditions
from benchmark.show.report import all_warnings, picture_lines, results_table, templates

BEGIN = "<!-- benchmark:begin -->"
END = "<!-- benchmark:end -->"


def headline_run(records: Sequence[Record]) -> Record | None:
    """Choose the run that the README shows.

    The newest complete one of a headline profile as benchmark.toml has it; if there is none, the newest
    complete one of any profile.
    """
    newest_first = sorted(records, key=lambda record: (record.started_at, record.id), reverse=True)
    complete = [record for record in newest_first if record.state == "complete"]
    regular = [record for record in complete if record.profile.headline and not record.customised]
    return next(iter([*regular, *complete]), None)


def render_block(records: Sequence[Record], tables: tuple[Published, ...]) -> str:
    """Markdown of the block, without its markers."""
    record = headline_run(records)
    if record is None:
        return templates().get_template("readme_block.md.j2").render(record=None)
    published = same_conditions(record, tables)
    return (
        templates()
        .get_template("readme_block.md.j2")
        .render(
            record=record,
            profile=record.profile,
            target=record.plan.target,
            environment=record.environment,
            published=published,
            warnings=sum(finding.severity != "note" for _, finding in all_warnings(record)),
            headline=sentences.headline(record),
            results=results_table(record, published),
            picture=picture_lines(record, f"reports/runs/{record.id}/").get("throughput"),
        )
    )


def has_place(readme: Path) -> bool:
    """Whether a README asks for the block: one that does not exist, or holds none of the markers, is left as it is."""
    return readme.exists() and any(marker.encode() in _read(readme) for marker in (BEGIN, END))


def with_block_of(readme: bytes, *others: bytes) -> bytes:
    """Give a README the block of the first of the others that has one, byte for byte. One without a place stays."""
    blocks = [parts[1] for other in others if (parts := _around_block(other))]
    around = _around_block(readme)
    return around[0] + blocks[0] + around[2] if around and blocks else readme


def _around_block(readme: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Split a README into what stands before, between and after its markers; None unless both stand once, in order."""
    begin, end = BEGIN.encode(), END.encode()
    if readme.count(begin) != 1 or readme.count(end) != 1 or readme.index(begin) > readme.index(end):
        return None
    start = readme.index(begin) + len(begin)
    return readme[:start], readme[start : readme.index(end)], readme[readme.index(end) :]


def _read(readme: Path) -> bytes:
    try:
        if readme.is_file():
            return readme.read_bytes()
        why = "it is no regular file"
    except OSError as error:
        why = error.strerror or str(error)
    message = f"{readme} can not be read: {why}; name the README with --readme"
    raise UsageError(message)


def update_block(readme: Path, block: str) -> None:
    """Put a block between the markers of a README that has some; line ends stay as they are there.

    UsageError: it can not be read, is not UTF-8, or its markers are not one pair. UnwritableRunError: the disk is full.
    Then it is as it was.
    """
    if not has_place(readme):
        return
    try:
        old = _read(readme).decode("utf-8")
    except UnicodeDecodeError:
        message = f"{readme.name} is not UTF-8, so nothing was written to it; save it as UTF-8"
        raise UsageError(message) from None
    ends = "\r\n" if f"{BEGIN}\r\n" in old else "\n"
    write_changed(readme.resolve(), replace_block(old, block, ends), lasting=True)


def replace_block(readme: str, block: str, ends: str = "\n") -> str:
    """Put a block between the markers. UsageError unless both stand exactly once and in their order."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        message = f"README.md needs {BEGIN} and, after it, {END}, each exactly once; nothing was written to it"
        raise UsageError(message)
    before, rest = readme.split(BEGIN)
    _old, after = rest.split(END)
    lines = [BEGIN, *block.strip().split("\n"), END]
    return f"{before}{ends.join(lines)}{after}"
