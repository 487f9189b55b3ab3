"""What the site adds to charts: the numbers behind a mark, and the calculator's curve."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import altair as alt

from benchmark.report.charts import style

SAID = {
    "endpoint": ("endpoint", None),
    "date": ("date", None),
    "users": ("users", ",.0f"),
    "share": ("share of responses (%)", ",.4~f"),
    "latency": ("no longer than (ms)", ",.1f"),
    "at": ("second", ",.1f"),
    "rps": ("responses per second", ",.2f"),
    "median": ("median response time (ms)", ",.1f"),
    "most": ("longest response time (ms)", ",.1f"),
    "measured": ("measured (req/s)", ",.2f"),
    "theory": ("theoretical maximum (req/s)", ",.2f"),
    "predicted": ("predicted", ",.2f"),
    "value": ("value", ",.4~f"),
}
"""How each field of the charts' data is called, and its format; a field that is not here is not shown."""

REACH = 220
"""Area (square px) around a corner of a line in which its numbers are shown."""

SILENT = ("text", "rect", "rule")
"""Marks that belong to no run and no response: words, bands, borders."""

Data = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of the specification's data sets by their names."""


def with_hover(specification: Mapping[str, Any]) -> dict[str, Any]:
    """The same chart with a tooltip at every mark that has data; on lines at every corner, by invisible marks."""
    spec = deepcopy(dict(specification))
    _visit(spec, spec.get("datasets", {}))
    return spec


def _visit(part: dict[str, Any], data: Data) -> None:
    for key in ("vconcat", "concat"):
        for panel in part.get(key, ()):
            _visit(panel, data)
    shared = part.get("data", {})  # what all layers of a panel are drawn from stands there once
    if "layer" in part:
        part["layer"] = [one for layer in part["layer"] for one in _hovering({"data": shared} | layer, data)]


def _hovering(layer: dict[str, Any], data: Data) -> list[dict[str, Any]]:
    mark = layer.get("mark", "")
    kind = mark["type"] if isinstance(mark, dict) else mark
    rows = data.get(layer["data"].get("name", ""), ())
    if not rows or kind in SILENT or not (tips := [_tip(field) for field in rows[0] if field in SAID]):
        return [layer]
    if kind not in {"line", "area"}:
        layer["encoding"]["tooltip"] = tips
        return [layer]
    positions = {name: channel for name, channel in layer["encoding"].items() if name in {"x", "y"}}
    unseen = {"type": "point", "filled": True, "size": REACH, "opacity": 0}
    return [layer, {"data": layer["data"], "mark": unseen, "encoding": {**positions, "tooltip": tips}}]


def _tip(field: str) -> dict[str, str]:
    title, form = SAID[field]
    if form is None:
        return {"field": field, "type": "nominal", "title": title}
    return {"field": field, "type": "quantitative", "title": title, "format": form}


WAYS = (
    "def: in the thread pool",
    "async def: awaited one by one",
    "async def: asyncio.gather",
    "async def that blocks",
)
"""Ways of serving the same tasks, in the order of theory.js; a test holds both together."""

CURVE, POINT = "curve", "point"
"""Names of the data that the page puts in: rows of way, users, rps and seconds."""

HEIGHT = 180
WIDTH = 340
SHORT = "replace(datum.label, 'async def: ', '')"
"""A way in the legend, which has two columns on a phone."""

PLAIN = ",.9~f"
"""A number as a tick shows it: never in scientific notation."""

TITLES = {"rps": "Max. requests per second", "seconds": "Min. mean response (s)"}


def calculator() -> dict[str, Any]:
    """Two panels one above the other, without data: Vega-Lite's words."""
    panels = alt.vconcat(*(_panel(field) for field in TITLES), spacing=14)
    spec: dict[str, Any] = panels.resolve_scale(color="independent", strokeDash="independent").to_dict()
    words = {"labelColor": style.MUTED, "titleColor": style.MUTED, "labelFontSize": style.SMALL_LETTERS}
    words |= {"titleFontSize": style.SMALL_LETTERS, "titleFontWeight": "normal"}
    axis = words | {"gridColor": style.GRID, "domainColor": style.GRID, "ticks": False}
    title = {"color": style.MUTED, "fontSize": style.LETTERS, "anchor": "start", "frame": "group", "offset": 6}
    config = {"aria": False, "view": {"stroke": None}, "axis": axis, "legend": words, "title": title}
    return spec | {"background": None, "config": config}


def _panel(field: str) -> alt.LayerChart | alt.FacetChart:
    """One quantity of every way against the number of users, under its name and a legend of its own."""
    curves = style.CURVES[: len(WAYS)]
    colors = alt.Scale(domain=list(WAYS), range=[color for color, _ in curves])
    dashes = alt.Scale(domain=list(WAYS), range=[list(dash) for _, dash in curves])
    legend = alt.Legend(
        title=None,
        orient="top",
        columns=2,
        symbolType="stroke",
        symbolSize=500,
        labelLimit=0,
        offset=6,
        labelExpr=SHORT,
    )
    tips = [
        alt.Tooltip("way:N", title="endpoint"),
        alt.Tooltip("users:Q", format=",.0f"),
        alt.Tooltip("rps:Q", title=TITLES["rps"], format=",.2f"),
        alt.Tooltip("seconds:Q", title=TITLES["seconds"], format=",.3f"),
    ]
    x = alt.X("users:Q", title="users", scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=5, format=PLAIN))
    y = alt.Y(f"{field}:Q", title=None, scale=alt.Scale(type="log"), axis=alt.Axis(tickCount=4, format=PLAIN))
    base = {"x": x, "y": y, "color": alt.Color("way:N", scale=colors, legend=legend), "tooltip": tips}
    dashed = alt.StrokeDash("way:N", scale=dashes, legend=legend)
    line = alt.Chart(alt.NamedData(CURVE)).mark_line(strokeWidth=2.5).encode(**base, strokeDash=dashed)
    dots = alt.Chart(alt.NamedData(POINT)).mark_point(filled=True, size=90, opacity=1).encode(**base)
    title = f"{TITLES[field]}, logarithmic scale"
    return alt.layer(line, dots, width=WIDTH, height=HEIGHT, title=title)
