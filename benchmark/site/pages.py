"""The pages of the site, and the page of a single run: what they list and compare, and Markdown as HTML."""

import json
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from benchmark import formatting as text
from benchmark.judge.history import Judged
from benchmark.judge.metrics import metric
from benchmark.judge.series import short_cpu
from benchmark.record import EndpointResult, Record
from benchmark.report import sentences
from benchmark.report.charts.registry import run_pictures
from benchmark.report.charts.svg import DARK_RULES
from benchmark.report.index import render_index, series_key
from benchmark.report.published import Published
from benchmark.report.readme import headline_run
from benchmark.report.report import compact_table, picture_lines, render_report
from benchmark.report.verdicts import SIGNS
from benchmark.store import CHARTS, FILE_NAME, History, to_json, write_changed

STATIC = files("benchmark.site") / "static"
SCRIPTS = ("charts.js", "format.js", "noise.js", "theory.js", "runs.js", "compare.js", "calculator.js")
GENERATOR = "bench site"
"""What every page names as its maker: by that a folder is known as one that may be written again."""

SITE = "FastAPI under load"
"""What every page calls the site."""

NO_MENTION = "<!-- -->"
"""What benchmark.formatting puts into a name so that GitHub notifies no user; no text that is read out has it."""


@dataclass(frozen=True)
class Column:
    """A number by which two runs are compared: of the summary by its `name`, and how it is shown (format.js).

    `better`: 1 where more is better, -1 where less is, 0 where neither. `up`, `down`: what a change is called.
    `smallest`: a smaller difference never counts. `main`: shown at once, not only on demand.
    """

    name: str
    title: str
    shown: str
    better: int
    up: str
    down: str
    smallest: float = 0.0
    main: bool = False


COLUMNS = (
    Column("throughput_rps", "req/s", "rate", 1, "higher", "lower", main=True),
    Column("median_ms", "p50", "latency", -1, "slower", "faster", main=True),
    Column("p95_ms", "p95", "latency", -1, "slower", "faster", main=True),
    Column("p99_ms", "p99", "latency", -1, "slower", "faster", main=True),
    Column("failures", "Failed", "count", -1, "more", "fewer", main=True),
    Column("max_ms", "Max", "latency", -1, "slower", "faster"),
    Column("avg_ms", "Mean", "latency", -1, "slower", "faster"),
    Column("excess_p50_ms", "Overhead p50", "latency", -1, "more", "less", metric("excess_p50_ms").smallest_difference),
    Column("requests", "Requests", "count", 0, "more", "fewer"),
)
"""What two runs are compared by."""

OVER_PREDICTED = Column("", "p50 ÷ predicted", "ratio", -1, "higher", "lower")
"""The median next to the prediction for the connections as they were distributed: it compares also where they were
distributed otherwise."""

SIGN_LOOKS = {
    SIGNS["regressed"]: "worse",
    SIGNS["suspected"]: "suspected",
    SIGNS["unchanged"]: "better",
    SIGNS["not judged"]: "unknown",
}
"""The look of each sign of a verdict; a word stands next to it."""

DIGITS = 9
MOST_SPLITS = 3
MOST_RATES = 5
MOST_NAMED = 2
DATA = "data:"
EXPORT = "bench export --as html"
NEWEST_LISTED = 5


@dataclass(frozen=True)
class Row:
    """One run in the list. `before`: the id of the run before it in its series, if any; `first`: why there is none."""

    record: Record
    series: str
    state: str
    before: str | None
    first: str

    @property
    def rates(self) -> list[tuple[str, float]]:
        """Requests per second of its endpoints, in the order of the plan; of many only the first."""
        measured = [(one.name, one.summary.throughput_rps) for one in self.record.endpoints if one.summary is not None]
        return [(name, rate) for name, rate in measured if rate is not None][:MOST_RATES]

    @property
    def unnamed(self) -> int:
        return max(0, len(self.record.endpoints) - MOST_RATES)

    @property
    def machine(self) -> str:
        cpu = self.record.environment.cpu
        return f"{short_cpu(cpu.model)}, {cpu.count} core{'s' if cpu.count != 1 else ''}"


def rows(records: Sequence[Record], judged: Judged) -> list[Row]:
    """Every run as it is listed, in the order of `records`, newest first."""
    keys = [(series_key(record), judged.strangers.get(record.id)) for record in records]
    found = []
    for number, (record, key) in enumerate(zip(records, keys, strict=True)):
        older = zip(records[number + 1 :], keys[number + 1 :], strict=True)
        before = next((other.id for other, its in older if its == key and other.state == "complete"), None)
        validity = judged.validity.get(record.id)
        state = record.state if record.state != "complete" or validity is None else validity.level
        first = "" if before else _why_first(record, records[number + 1 :])
        found.append(Row(record, _series_name(record), state, before, first))
    return found


def _why_first(record: Record, older: Sequence[Record]) -> str:
    """Why no run before this one compares with it: there is none of its profile, or what is different about that."""
    name = record.profile.name
    before = next((one for one in older if one.profile.name == name and one.state == "complete"), None)
    if before is None:
        return f"first run of {name}"
    was, now = facts(before), facts(record)
    names = [name for name in {**now, **was} if name not in ENVIRONMENT and was.get(name) != now.get(name)]
    shown = [f"{name.lower()} {was.get(name, 'none')} →\N{NO-BREAK SPACE}{now.get(name, 'none')}" for name in names]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"new series: {'; '.join(shown[:MOST_NAMED]) or 'other endpoints'}{more}"


def _series_name(record: Record) -> str:
    profile, target = record.profile, record.plan.target
    where = "app elsewhere" if target.url else f"{target.workers} worker{'s' if target.workers > 1 else ''}"
    changed = f" ({', '.join(record.customised)})" if record.customised else ""
    return f"{profile.name}: {profile.load}, {text.seconds(profile.duration_s)}, {where}{changed}"


def comparable(listed: Sequence[Row]) -> dict[str, Any]:
    """The numbers and the circumstances of all runs, small enough to be sent with the page that compares two."""
    packages: list[dict[str, str]] = []
    for row in listed:
        if row.record.environment.packages not in packages:
            packages.append(row.record.environment.packages)
    runs = [
        {
            "id": row.record.id,
            "short": text.plain(f"{text.when(row.record.started_at)[:-4]} · {row.record.profile.name}"),
            "label": f"{text.when(row.record.started_at)}, {text.plain(row.series)}",
            "before": row.before,
            "state": row.state,
            "facts": facts(row.record),
            "packages": packages.index(row.record.environment.packages),
            "commit": commit(row.record),
            "endpoints": [_endpoint(row.record, result) for result in row.record.endpoints],
        }
        for row in listed
    ]
    return {"columns": [asdict(column) for column in (*COLUMNS, OVER_PREDICTED)], "packages": packages, "runs": runs}


def facts(record: Record) -> dict[str, str]:
    """Under which circumstances a run was measured: what two runs must share for their numbers to compare.

    Not the software that is measured, which is what one compares: packages and commit are listed apart.
    """
    profile, target, environment = record.profile, record.plan.target, record.environment
    served = {
        "Workers": str(target.workers),
        "Threads per worker": str(target.threads),
        "Event loop": target.loop,
        "Sockets": target.sockets,
    }
    arrivals = profile.arrivals if profile.arrivals == "even" else f"{profile.arrivals}, seed {profile.seed}"
    sent_by = "one process" if profile.processes == 1 else f"{profile.processes} processes"
    return ({} if target.url else served) | {
        "Profile": text.plain(profile.name),
        "Users": str(profile.users),
        "Users started per second": f"{profile.spawn_rate_per_s:g}",
        "Start": profile.start,
        **({"Stages": ", ".join(profile.stages)} if profile.stages else {}),
        "Duration": text.seconds(profile.duration_s),
        "Rounds": str(profile.rounds),
        "Task": text.seconds(profile.task_seconds),
        "Think time": text.plain(profile.wait_as or "") or text.seconds(profile.wait_s),
        **({} if profile.pacing_s is None else {"Pacing": text.seconds(profile.pacing_s)}),
        "Client": f"{profile.client}, timeout {text.seconds(profile.timeout_s)}",
        "App": text.plain(target.name),
        **({} if profile.rate_per_s is None else {"Rate": profile.load, "Arrivals": arrivals}),
        "Load generator": f"{profile.load_workers} remote load workers" if profile.load_workers else sent_by,
        "Cores kept apart": record.method.pinning.counts if record.method.pinning else "no",
        "Method version": str(record.method.version),
        "Processor": f"{text.plain(environment.cpu.model)}, {environment.cpu.count} cores",
        "Image": text.plain(environment.os_image),
        "Kernel": text.plain(environment.kernel),
        "Python": text.plain(environment.python),
    }


ENVIRONMENT = {"Processor", "Image", "Kernel", "Python"}
"""Which of the facts describe the machine: another one ends no series."""


def commit(record: Record) -> str:
    """The commit that was measured; "" where it is unknown what the files held."""
    environment = record.environment
    return "" if environment.commit_dirty or environment.commit is None else environment.commit[:12]


def _endpoint(record: Record, result: EndpointResult) -> list[Any]:
    """Its name, the columns, connections per worker in each round as far as was seen, how it is requested."""
    seen = [item.connections_per_worker for item in result.rounds if item.connections_per_worker]
    shown = "; ".join(text.joined(item) for item in seen[:MOST_SPLITS])
    splits = f"{shown} …" if len(seen) > MOST_SPLITS else shown
    endpoint = next(endpoint for endpoint in record.plan.endpoints if endpoint.name == result.name)
    definition = text.plain(endpoint.model_dump_json(exclude_defaults=True, exclude={"name", "group"}))
    return [text.plain(result.name), _values(result), splits, definition]


def _values(result: EndpointResult) -> list[float | None]:
    """The columns and the measured median over the predicted one; None where something was not measured."""
    measured, predicted = result.summary, result.prediction
    if measured is None:
        return [None] * (len(COLUMNS) + 1)
    found = [(getattr(measured, column.name), column.shown) for column in COLUMNS]
    values = [value if value is None or shown == "count" else _rounded(value) for value, shown in found]
    if predicted is None or not measured.median_ms or not predicted.median_ms:
        return [*values, None]
    return [*values, _rounded(measured.median_ms / predicted.median_ms)]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def overview_page(
    reports: Path,
    history: History,
    judged: Judged,
    listed: list[Row],
    *,
    charts: Collection[str] = (),
    home: str | None = None,
) -> str:
    """The first page: the index with the newest numbers after its verdict, and the latest runs."""
    newest = headline_run(judged.own(history.records))
    drawn = _drawn(reports, {name: f"{CHARTS}/{name}" for name in charts})
    if newest is not None:
        drawn |= _drawn(reports, {"throughput.svg": f"runs/{newest.id}/throughput.svg"})
    markdown = render_index(history, judged, block=_numbers(newest) if newest else "", listing=False)
    links = {f"runs/{row.record.id}/report.md": f"runs/{row.record.id}/index.html" for row in listed}
    return render(
        "overview.html.j2",
        title="Overview",
        here="index.html",
        home=home,
        content=to_html(markdown, links=links, drawn=drawn),
        rows=listed[:NEWEST_LISTED],
        all_rows=len(listed),
        same=_same(listed[:NEWEST_LISTED]),
        charts=bool(drawn),
    )


def _numbers(record: Record) -> str:
    """What a run found, as Markdown: its headline, its numbers, its picture."""
    folder = f"runs/{record.id}/"
    measured = f"{text.inert(_series_name(record))}, {text.day(record.started_at)}"
    parts = [
        f"**{sentences.headline(record)}**",
        compact_table(record, ("req/s", "p50", "p99")),
        picture_lines(record, folder).get("throughput", ""),
        f"{measured}: [full report]({folder}report.md)",
    ]
    return "\n\n".join(filter(None, parts))


def _same(listed: Sequence[Row]) -> dict[str, str]:
    """What all of several runs have in common, series and machine, so that it is shown once."""
    kinds = {name: {getattr(row, name) for row in listed} for name in ("series", "machine")}
    return {name: found.pop() for name, found in kinds.items() if len(found) == 1 < len(listed)}


def runs_page(listed: list[Row], *, left_out: int = 0, home: str | None = None) -> str:
    """Every run, in a list that filters."""
    return render(
        "runs.html.j2",
        title="Runs",
        here="runs.html",
        home=home,
        rows=listed,
        same=_same(listed),
        series=sorted({row.series for row in listed}),
        left_out=left_out,
    )


def run_page(
    record: Record,
    tables: tuple[Published, ...],
    judged: Judged,
    source: Path,
    *,
    row: Row,
    charts: Collection[str],
    home: str | None = None,
) -> str:
    """The page of one run: its report. `source`: where its pictures are; `charts`: those that the page draws."""
    markdown = render_report(record, tables, judged, with_pictures=bool(charts))
    earlier = f"../{judged.before.get(record.id)}/"
    links = {f"{earlier}report.md": f"{earlier}index.html"}
    content = to_html(markdown, links=links, drawn=_drawn(source, {name: name for name in charts}))
    there = {"root": "../../", "here": "runs.html", "home": home}
    return _run_page(record, content, before=row.before, charts=bool(charts), **there)


def write_page_beside(report: Path, record: Record) -> Path:
    """Write report.html next to report.md. UnwritableRunError: the disk is full or gone."""
    page = report.with_suffix(".html")
    write_changed(page, _run_page(record, to_html(report.read_text(encoding="utf-8")), alone=True))
    return page


def whole_page(record: Record, tables: tuple[Published, ...], judged: Judged) -> str:
    """The report of one run as a single file that needs no other: its pictures and its record are in it."""
    judged = replace(judged, before={})  # no other run is there to lead to
    drawn = {one.file: _data("image/svg+xml", one.svg()) for one in run_pictures(record).values()}
    links = {FILE_NAME: _data("application/json", to_json(record)), **drawn}
    return _run_page(record, to_html(render_report(record, tables, judged), links=links), alone=True, maker=EXPORT)


def _data(kind: str, content: str) -> str:
    """An address that holds what it leads to."""
    return f"{DATA}{kind};base64,{b64encode(content.encode()).decode()}"


def _run_page(record: Record, content: Markup, *, before: str | None = None, charts: bool = False, **where: Any) -> str:
    title = f"{record.profile.name}, {text.when(record.started_at)}"
    return render("run.html.j2", title=title, content=content, record=record, before=before, charts=charts, **where)


def _drawn(folder: Path, pictures: Mapping[str, str]) -> dict[str, str]:
    """The chart that a page draws for each picture; "!": there is no picture to show until it is drawn."""
    return {name: f"{'' if (folder / file).exists() else '!'}{file}.js" for name, file in pictures.items()}


def to_html(markdown: str, *, links: Mapping[str, str] | None = None, drawn: Mapping[str, str] | None = None) -> Markup:
    """Render Markdown.

    `links`: where links and pictures lead instead, by the beginning of their address; the longest that fits counts.
    `drawn`: by the file name of a picture the file of the chart that the page draws in its place; a picture that has
    none stays a picture, and one whose chart begins with "!" has no file to fall back to, only its words.
    """
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("text", _words)
    parser.add_render_rule("heading_open", _heading)
    # A wide table scrolls by itself, by keyboard too, and does not push the page aside.
    parser.add_render_rule("table_open", lambda *_: '<div class="wide" tabindex="0"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return Markup(parser.render(markdown, {"links": links or {}, "drawn": drawn or {}}))  # noqa: S704 - names are inert


def led(address: str, links: Mapping[str, str]) -> str:
    """Where an address leads on the page."""
    fitting = max((begin for begin in links if address.startswith(begin)), key=len, default=None)
    return address if fitting is None else links[fitting] + address.removeprefix(fitting)


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    address = led(str(token.attrs["src"]), env["links"])
    said = renderer.renderInlineAsText(token.children, options, env).replace(NO_MENTION, "")
    spec = env["drawn"].get(address.rsplit("/", 1)[-1], "")
    picture = Markup('<img src="{}" alt="{}" loading="lazy">').format(address, said)
    if not spec:
        return str(picture)
    chart = Markup('<span class="chart" role="img" aria-label="{}" data-spec="{}">{}</span>')
    return str(chart.format(said, spec.removeprefix("!"), escape(said) if spec.startswith("!") else picture))


def _link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    address = token.attrs["href"] = led(str(token.attrs["href"]), env["links"])
    if address.startswith(DATA):
        token.attrs["download"] = FILE_NAME  # no browser opens such an address
    return renderer.renderToken(tokens, index, options, env)


def _words(_renderer: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """A text whose signs of verdicts are drawn by the page: not every system has letters for them."""
    shown = str(escape(tokens[index].content))
    for sign, look in SIGN_LOOKS.items():
        shown = shown.replace(sign, f'<span class="sign {look}" aria-hidden="true">●</span>')
    return shown


def _heading(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A heading with the address that GitHub gives it."""
    words = renderer.renderInlineAsText(tokens[index + 1].children, options, env).replace(NO_MENTION, "")
    kept = "".join(char for char in words.lower() if char.isalnum() or char in " -_")
    tokens[index].attrs["id"] = kept.strip().replace(" ", "-")
    return renderer.renderToken(tokens, index, options, env)


@cache
def templates() -> Environment:
    """Jinja, set up for HTML: everything is escaped, a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("benchmark.site"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters |= {"plain": text.plain, "rate": text.rate, "when": text.when}
    # Charts that the page draws become dark like the pictures of the reports.
    style = f"{_static('site.css')}@media (prefers-color-scheme: dark) {{ {DARK_RULES} }}\n"
    environment.globals |= {"generator": GENERATOR, "site": SITE, "style": Markup(style)}  # noqa: S704 - a file of ours
    return environment


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def scripts() -> Mapping[str, str]:
    """Every script of the site by its file name: our own, and Vega with Vega-Lite, which draws the charts."""
    # Within a function: the bundle's thousands of short names shall not meet ours.
    vega = f"(() => {{\n{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;')}\n}})();\n"
    return {name: _static(name) for name in SCRIPTS} | {"vega.js": vega}


def render(
    template: str,
    *,
    title: str,
    here: str = "",
    home: str | None = None,
    root: str = "",
    alone: bool = False,
    maker: str = "bench run --open",
    **values: Any,
) -> str:
    """One page.

    `here`: its place in the navigation, by file name. `home`: the repository that its head links to, as
    "github.com/owner/name". `root` leads from it to the folder of the overview: "" or "../../". `alone`: without the
    others.
    """
    template_of_page = templates().get_template(template)
    return template_of_page.render(title=title, here=here, home=home, root=root, alone=alone, maker=maker, **values)


def as_data(value: Mapping[str, Any] | Sequence[Any]) -> Markup:
    """JSON that may stand within a <script> element, whatever is in it."""
    dumped = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        dumped = dumped.replace(char, f"\\u{ord(char):04x}")
    return Markup(dumped)  # noqa: S704 - nothing in it ends the element
