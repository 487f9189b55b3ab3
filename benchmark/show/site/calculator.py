"""The calculator's chart: users against answers per second and mean answer time, for each way of serving."""

from typing import Any

import altair as alt

from benchmark.show.charts import style

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


def specification() -> dict[str, Any]:
    """Two panels one above the other, without data: Vega-Lite's words."""
    colors = alt.Scale(domain=list(WAYS), range=[color for color, _ in style.CURVES[: len(WAYS)]])
    dashes = alt.Scale(domain=list(WAYS), range=[list(dash) for _, dash in style.CURVES[: len(WAYS)]])
    legend = alt.Legend(title=None, orient="top", columns=1, symbolType="stroke", symbolSize=900, labelLimit=0)
    x = alt.X("users:Q", title="users", scale=alt.Scale(nice=False))
    tips = [
        alt.Tooltip("way:N", title="served"),
        alt.Tooltip("users:Q", format=",.0f"),
        alt.Tooltip("rps:Q", title="req/s, at most", format=",.2f"),
        alt.Tooltip("seconds:Q", title="mean answer (s), at least", format=",.3f"),
    ]
    panels = []
    for field, title in (("rps", "req/s, at most"), ("seconds", "mean answer (s), at least")):
        y = alt.Y(f"{field}:Q", title=title, scale=alt.Scale(type="log"), axis=alt.Axis(tickCount=4, grid=False))
        base = {"x": x, "y": y, "color": alt.Color("way:N", scale=colors, legend=legend), "tooltip": tips}
        dashed = alt.StrokeDash("way:N", scale=dashes, legend=legend)
        line = alt.Chart(alt.NamedData(CURVE)).mark_line(strokeWidth=2.5).encode(**base, strokeDash=dashed)
        dots = alt.Chart(alt.NamedData(POINT)).mark_point(filled=True, size=90, opacity=1).encode(**base)
        panels.append(alt.layer(line, dots).properties(width=WIDTH, height=HEIGHT))
    spec: dict[str, Any] = alt.vconcat(*panels, spacing=18).resolve_scale(x="shared").to_dict()
    words = {"labelColor": style.MUTED, "titleColor": style.MUTED, "labelFontSize": style.SMALL_LETTERS}
    words |= {"titleFontSize": style.SMALL_LETTERS, "titleFontWeight": "normal"}
    spec["background"] = None
    spec["config"] = {
        "aria": False,
        "view": {"stroke": None},
        "axis": words | {"gridColor": style.GRID, "domainColor": style.GRID, "ticks": False},
        "legend": words,
    }
    return spec
