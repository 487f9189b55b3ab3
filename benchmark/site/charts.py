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
    "share": ("share of the answers (%)", ".4~g"),
    "latency": ("no longer than (ms)", ",.1f"),
    "at": ("second", ",.1f"),
    "rps": ("answers per second", ",.2f"),
    "wait": ("median wait (s)", ",.3f"),
    "most": ("longest wait (s)", ",.3f"),
    "measured": ("measured (req/s)", ",.2f"),
    "theory": ("at most in theory (req/s)", ",.2f"),
    "predicted": ("predicted (req/s)", ",.2f"),
    "value": ("value", ",.4~g"),
}
"""How each field of the charts' data is called, and its format; a field that is not here is not shown."""

REACH = 220
"""Area (square px) around a corner of a line in which its numbers are shown."""

SILENT = ("text", "rect", "rule")
"""Marks that belong to no run and no answer: words, bands, borders."""

Data = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of the specification's data sets by their names."""


def with_hover(specification: Mapping[str, Any]) -> dict[str, Any]:
    """The same chart with a tooltip at every mark that has data; on lines at every corner, by marks nobody sees."""
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

HEIGHT = 190
WIDTH = 400


def calculator() -> dict[str, Any]:
    """Two panels one above the other, without data: Vega-Lite's words."""
    curves = style.CURVES[: len(WAYS)]
    colors = alt.Scale(domain=list(WAYS), range=[color for color, _ in curves])
    dashes = alt.Scale(domain=list(WAYS), range=[list(dash) for _, dash in curves])
    legend = alt.Legend(title=None, orient="top", columns=1, symbolType="stroke", symbolSize=900, labelLimit=0)
    x = alt.X("users:Q", title="users", scale=alt.Scale(nice=False))
    titles = {"rps": "req/s, at most", "seconds": "mean answer (s), at least"}
    tips = [
        alt.Tooltip("way:N", title="served"),
        alt.Tooltip("users:Q", format=",.0f"),
        alt.Tooltip("rps:Q", title=titles["rps"], format=",.2f"),
        alt.Tooltip("seconds:Q", title=titles["seconds"], format=",.3f"),
    ]
    panels = []
    for field, title in titles.items():
        y = alt.Y(f"{field}:Q", title=title, scale=alt.Scale(type="log"), axis=alt.Axis(tickCount=4, grid=False))
        base = {"x": x, "y": y, "color": alt.Color("way:N", scale=colors, legend=legend), "tooltip": tips}
        dashed = alt.StrokeDash("way:N", scale=dashes, legend=legend)
        line = alt.Chart(alt.NamedData(CURVE)).mark_line(strokeWidth=2.5).encode(**base, strokeDash=dashed)
        dots = alt.Chart(alt.NamedData(POINT)).mark_point(filled=True, size=90, opacity=1).encode(**base)
        panels.append(alt.layer(line, dots).properties(width=WIDTH, height=HEIGHT))
    spec: dict[str, Any] = alt.vconcat(*panels, spacing=18).resolve_scale(x="shared").to_dict()
    words = {"labelColor": style.MUTED, "titleColor": style.MUTED, "labelFontSize": style.SMALL_LETTERS}
    words |= {"titleFontSize": style.SMALL_LETTERS, "titleFontWeight": "normal"}
    axis = words | {"gridColor": style.GRID, "domainColor": style.GRID, "ticks": False}
    config = {"aria": False, "view": {"stroke": None}, "axis": axis, "legend": words}
    return spec | {"background": None, "config": config}
