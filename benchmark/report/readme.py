"""The block of results in a README: what it shows, and how it gets between the markers and nowhere else."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.formatting import count, inert, rate, seconds, signed_percent
from benchmark.judge.history import Judged
from benchmark.judge.series import short_cpu
from benchmark.judge.validity import Validity
from benchmark.judge.verdict import Judgement, open_percent
from benchmark.record import Record
from benchmark.report import sentences, verdicts
from benchmark.report.published import Published, same_conditions
from benchmark.report.report import compact_table, picture_lines, rendered, results_table
from benchmark.store import Failure, write_changed

BEGIN = "<!-- benchmark:begin -->"
END = "<!-- benchmark:end -->"
FOLDER = "reports/"


def headline_run(records: Sequence[Record]) -> Record | None:
    """Choose the run that the README shows.

    The newest complete one of a headline profile as benchmark.toml has it; if there is none, the newest
    complete one of any profile.
    """
    newest_first = sorted(records, key=lambda record: (record.started_at, record.id), reverse=True)
    complete = [record for record in newest_first if record.state == "complete"]
    regular = [record for record in complete if record.profile.headline and not record.customised]
    return next(iter([*regular, *complete]), None)


def render_block(
    records: Sequence[Record],
    tables: tuple[Published, ...],
    judged: Judged | None = None,
    failures: Sequence[Failure] = (),
) -> str:
    """The block of the README, of the runs of this repository."""
    judged = judged or Judged()
    record = headline_run(records)
    if record is None:
        return rendered("readme_block.md.j2", record=None, troubles=_troubles(None, records, failures, judged.validity))
    published = same_conditions(record, tables)
    return rendered(
        "readme_block.md.j2",
        record=record,
        profile=record.profile,
        target=record.plan.target,
        report=f"{FOLDER}runs/{record.id}/report.md",
        published=published,
        caveats=len(sentences.caveats(record)),
        headline=sentences.headline(record),
        why=why(record),
        verdict=verdicts.in_one_line(verdicts.standings(judged)),
        machine=f"{short_cpu(record.environment.cpu.model)}, {record.environment.cpu.count} cores",
        versions=_versions(record),
        troubles=_troubles(record, records, failures, judged.validity),
        table=front_table(record, judged.verdicts.get(record.id, ())),
        results=results_table(record, published),
        picture=picture_lines(record, f"{FOLDER}runs/{record.id}/").get("throughput"),
    )


def why(record: Record) -> str:
    """What limits the slowest of the endpoints that are ranked, in a line; "" where that is not known."""
    ranked = sentences.ranking(record)
    slowest = record.result(ranked[-1][0]) if ranked else None
    limit = slowest.limit if slowest else None
    if slowest is None or limit is None or record.profile.rate_per_s is not None:
        return ""
    name, work = inert(slowest.name), seconds(limit.own_work_s)
    if slowest.refutes_limit:
        return f"{name} handled more than the {rate(limit.most_rps)} req/s that its declaration allows: correct it."
    if limit.processor_rps is not None and limit.processor_rps <= limit.most_rps:
        return f"The CPU limits {name}: at most {rate(limit.processor_rps)} req/s."
    if limit.seats is not None and limit.seats_rps is not None and limit.seats_rps < limit.users_rps:
        slots = f"{name} serves {count(limit.seats)} requests at a time, {work} each"
        return f"{slots}: at most {rate(limit.seats_rps)} req/s."
    think_s = record.profile.think_s(limit.own_work_s)
    think = f" and {seconds(think_s)} of think time" if think_s else ""
    users = f"{count(slowest.users)} users with responses of {work}{think}"
    return f"{name}: {users} send at most {rate(limit.users_rps)} req/s."


def _versions(record: Record) -> str:
    """Of what is measured; "" for an app that runs elsewhere."""
    if record.plan.target.import_path is None:
        return ""
    fastapi = record.environment.packages.get("fastapi")
    python = inert(record.environment.python.replace("CPython", "Python"))
    return f"FastAPI {inert(fastapi)}, {python}" if fastapi else python


def front_table(record: Record, said: Sequence[Judgement]) -> str:
    """The numbers that are asked for first, and by how much req/s differ from the runs before where that is known."""
    lines = compact_table(record, ("req/s", "p50", "p99")).split("\n")
    changes = {
        one.endpoint: one.change_percent if one.open_since is None else open_percent(one)
        for one in said
        if one.metric == "req/s"
    }
    if all(changes.get(endpoint.name) is None for endpoint in record.plan.endpoints):
        return "\n".join(lines)
    cells = ["trend", "--:"]
    for endpoint in record.plan.endpoints:
        change = changes.get(endpoint.name)
        state = verdicts.state_of([one for one in said if one.endpoint == endpoint.name])
        sign = f"{verdicts.SIGNS[state]} " if state in {"regressed", "suspected"} else ""
        cells.append("" if change is None else f"{sign}{signed_percent(change)}")
    return "\n".join(f"{line} {cell} |" for line, cell in zip(lines, cells, strict=True))


def _troubles(
    shown: Record | None, records: Sequence[Record], failures: Sequence[Failure], validity: Mapping[str, Validity]
) -> list[str]:
    """What a reader must know before the numbers: the run that is shown is in doubt, or a later one failed."""
    found = []
    doubt = validity.get(shown.id) if shown else None
    if doubt is not None and doubt.level != "usable":
        last = verdicts.last_usable(records, validity)
        where = f"Last usable run: {verdicts.linked(last, FOLDER)}." if last else "There is no usable run yet."
        found.append(f"**This table is from {_article(doubt.level)} run**: {inert(doubt.reasons[0].message)} {where}")
    later = verdicts.last_trouble(records, failures, validity, after=shown.started_at if shown else "", folder=FOLDER)
    return [*found, *([later] if later else [])]


def _article(level: str) -> str:
    return f"an {level}" if level == "invalid" else f"a {level}"


def has_place(readme: Path) -> bool:
    """Whether a README asks for the block: one that does not exist, or holds none of the markers, is left as it is."""
    return readme.exists() and any(marker.encode() in _read(readme) for marker in (BEGIN, END))


def with_block_of(readme: bytes, *others: bytes) -> bytes:
    """Give a README the block of the first of the others that has one, byte for byte. One without a place stays."""
    blocks = [parts[1] for other in others if (parts := _around_block(other))]
    around = _around_block(readme)
    return around[0] + blocks[0] + around[2] if around and blocks else readme


def _around_block(readme: bytes) -> tuple[bytes, bytes, bytes] | None:
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
    raise UsageError(f"{readme} cannot be read: {why}; name the README with --readme")


def update_block(readme: Path, block: str) -> None:
    """Put a block between the markers of a README that has some; line ends stay as they are there.

    UsageError: it cannot be read, is not UTF-8, or its markers are not one pair. UnwritableRunError: the disk is full.
    Then it is as it was.
    """
    if not has_place(readme):
        return
    try:
        old = _read(readme).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{readme.name} is not UTF-8, so nothing was written to it; save it as UTF-8") from None
    ends = "\r\n" if f"{BEGIN}\r\n" in old else "\n"
    write_changed(readme.resolve(), replace_block(old, block, ends), lasting=True)


def replace_block(readme: str, block: str, ends: str = "\n") -> str:
    """Put a block between the markers. UsageError unless both stand exactly once and in their order."""
    around = _around_block(readme.encode())
    if around is None:
        raise UsageError(f"README.md needs {BEGIN} and, after it, {END}, each exactly once; nothing was written to it")
    lines = ["", *block.strip().split("\n"), ""]
    return f"{around[0].decode()}{ends.join(lines)}{around[2].decode()}"
