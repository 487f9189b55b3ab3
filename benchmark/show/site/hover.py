"""What a page adds to a chart: the numbers behind a mark, shown when a pointer comes near it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

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

LINES = ("line", "area")
SILENT = ("text", "rect", "rule")
"""Marks that belong to no run and no answer: words, bands, borders."""

Rows = Sequence[Mapping[str, Any]]
Data = Mapping[str, Rows]
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
    tips = _tips(layer, data.get(layer["data"].get("name", ""), ()))
    if not tips:
        return [layer]
    if _kind(layer) not in LINES:
        layer["encoding"]["tooltip"] = tips
        return [layer]
    positions = {name: channel for name, channel in layer["encoding"].items() if name in {"x", "y"}}
    mark = {"type": "point", "filled": True, "size": REACH, "opacity": 0}
    return [layer, {"data": layer["data"], "mark": mark, "encoding": {**positions, "tooltip": tips}}]


def _kind(layer: Mapping[str, Any]) -> str:
    mark = layer.get("mark", "")
    return str(mark["type"] if isinstance(mark, dict) else mark)


def _tips(layer: Mapping[str, Any], rows: Rows) -> list[dict[str, str]]:
    if not rows or _kind(layer) in SILENT:
        return []
    tips = []
    for field in rows[0]:
        if field in SAID:
            title, form = SAID[field]
            kind = "nominal" if form is None else "quantitative"
            tips.append({"field": field, "type": kind, "title": title} | ({"format": form} if form else {}))
    return tips
