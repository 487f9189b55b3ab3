"""Pictures: small, the same bytes everywhere, true of the record, legible on light and dark pages, and no more."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.config import MetricName
from benchmark.judge.history import Judged
from benchmark.judge.metrics import metric
from benchmark.judge.series import Series
from benchmark.record import Record
from benchmark.report import sentences
from benchmark.report.charts import latency, style, sweep, throughput, timeline, trend
from benchmark.report.charts import registry as pictures
from benchmark.report.charts.latency import spread_out
from benchmark.report.charts.registry import place, run_pictures, sweep_pictures, trend_pictures
from benchmark.report.charts.svg import fingerprint, to_svg
from benchmark.store import to_json
from tests.support.pictures import HOSTILE_NAMES, busy_record, busy_result, some_trend, sweep_of
from tests.support.records import some_record, some_result, some_round

MOST_BYTES = 40_000
MOST_PICTURES = 4
ALLOWED_TAGS = {"svg", "title", "style", "g", "path", "line", "rect", "text", "circle"}


NUMBER = re.compile(r"−?[0-9][0-9,]*(\.[0-9]+)?M?( ms| s)?")
sizes = st.floats(min_value=0.001, max_value=1e7)


def is_plain(label: str, most_letters: int) -> bool:
    return NUMBER.fullmatch(label) is not None and len(label) <= most_letters


@given(value=sizes, sign=st.sampled_from([1, -1]))
def test_no_number_of_a_picture_is_in_scientific_notation_nor_long(value: float, sign: int) -> None:
    assert is_plain(style.short(sign * value), 8)
    assert is_plain(style.exact(sign * value), 8)
    assert float(style.short(value).replace(",", "").replace("M", "e6")) == pytest.approx(value, rel=0.006)


@given(highest=sizes, most=st.integers(2, 5))
def test_ticks_from_zero_are_plain_round_and_tell_apart(highest: float, most: int) -> None:
    for ticks in (style.round_steps(highest, most), style.steps_beyond(highest, most)):
        for labels in ([style.short(tick) for tick in ticks], style.times(ticks)):
            assert all(is_plain(label, 10) for label in labels), labels
            assert len(set(labels)) == len(ticks) <= most + 2
    assert style.steps_beyond(highest, most)[-1] >= highest * 0.999


@given(low=sizes, ratio=st.floats(min_value=1.2, max_value=1000.0), negative=st.booleans())
def test_ticks_between_two_values_are_plain_round_and_tell_apart(low: float, ratio: float, *, negative: bool) -> None:
    """A panel of a trend reaches at least a fifth of its level."""
    begin, end = (-low * ratio, -low) if negative else (low, low * ratio)
    ticks = style.steps_within(begin, end)
    for labels in ([style.short(tick) for tick in ticks], style.times(ticks)):
        assert all(is_plain(label, 12) for label in labels), labels
        assert len(set(labels)) == len(ticks) >= 2
    assert begin - abs(begin) / 1e6 <= min(ticks) <= max(ticks) <= end + abs(end) / 1e6


@given(low_ms=sizes, ratio=st.floats(min_value=3.0, max_value=1e7))
def test_ticks_of_the_logarithmic_axis_are_plain(low_ms: float, ratio: float) -> None:
    labels = style.times_each(latency.Axis(low_ms, low_ms * ratio).ticks())
    assert all(is_plain(label, 12) for label in labels), labels
    assert len(set(labels)) == len(labels)


def labels_of(svg: str) -> list[str]:
    """The labels of all vertical axes."""
    return re.findall(r'text-anchor="end" transform="translate\(-5[^>]*>([^<]*)<', svg)


@pytest.mark.parametrize("unit", ["throughput_rps", "median_ms"])
@given(low=sizes, ratio=st.floats(min_value=1.01, max_value=3.0))
@settings(max_examples=25)
def test_every_panel_of_a_trend_has_round_ticks_and_its_level_in_the_middle(
    unit: MetricName, low: float, ratio: float
) -> None:
    """At least a tenth of the level either way: noise of 1% must not look like a regression."""
    several = trend_of([low, low * ratio], unit)
    axis = trend.Axis.of(several)
    assert axis.high - axis.low >= 0.2 * low
    labels = labels_of(to_svg(trend.draw([several]), "said"))
    assert labels == axis.labels
    assert len(labels) >= 2
    assert all(is_plain(label, 10) for label in labels), labels


def trend_of(values: Sequence[float], unit: MetricName = "throughput_rps", **last: Any) -> Series:
    """Ten runs that take turns with some values; `last`: of the newest judgement."""
    shown = some_trend(10, metric=metric(unit))
    points = tuple(replace(point, value=values[n % len(values)]) for n, point in enumerate(shown.points))
    verdicts = [
        replace(line, baseline=None, value=point.value) for line, point in zip(shown.verdicts, points, strict=True)
    ]
    verdicts[-1] = replace(verdicts[-1], **last)
    return replace(shown, points=points, verdicts=tuple(verdicts), changes=())


def test_a_suspected_point_has_a_ring_its_value_and_an_explanation() -> None:
    drawn = {
        stage: to_svg(trend.draw([trend_of([100.0, 97.9], stage=stage)]), "said") for stage in ("steady", "suspected")
    }
    assert "to be confirmed" in drawn["suspected"]
    assert "to be confirmed" not in drawn["steady"]
    assert all(">97.9<" in svg for svg in drawn.values())


def test_a_new_level_says_how_much_and_the_noise_band_begins_there() -> None:
    layers = trend.draw([some_trend()]).specification()["vconcat"][1]["layer"]
    datasets = trend.draw([some_trend()]).specification()["datasets"]
    rows = [datasets[layer["data"]["name"]] for layer in layers]
    assert ({"text": "+20%"},) in rows
    (band,) = [found[0] for found in rows if "top" in found[0]]
    assert (band["place"], band["to"]) == (19.5, 39.5)


def test_of_changes_that_are_close_the_newest_is_labelled() -> None:
    shown = some_trend(100)
    change = shown.changes[0][1]
    changes = tuple((shown.runs[n], change.model_copy(update={"percent": float(n)})) for n in (50, 52, 54, 99))
    drawn = to_svg(trend.draw([replace(shown, changes=changes)]), "said")
    assert re.findall(r">(\+[0-9]+%)<", drawn) == ["+99%", "+54%"]


def all_svgs(record: Record, folder: Path) -> dict[str, str]:
    """Every picture of a run by its file."""
    place(folder, list(run_pictures(record).values()), to_json(record).encode())
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.svg")}


LARGEST: dict[str, Callable[[], Record]] = {
    "six busy endpoints": lambda: busy_record(tuple(f"endpoint_{n}" for n in range(6))),
    "five rounds": lambda: busy_record(rounds=5),
    "forty endpoints": lambda: busy_record(tuple(f"endpoint_{n}" for n in range(40))),
    "hostile names": lambda: busy_record(HOSTILE_NAMES),
}


@pytest.mark.parametrize("record", LARGEST.values(), ids=LARGEST)
def test_a_picture_is_small_and_holds_nothing_but_marks_and_texts(record: Callable[[], Record], tmp_path: Path) -> None:
    svgs = all_svgs(record(), tmp_path)
    assert 3 <= len(svgs) <= MOST_PICTURES
    for name, svg in svgs.items():
        assert len(svg.encode()) < MOST_BYTES, name
        elements = list(ET.fromstring(svg).iter())  # noqa: S314 - it is ours
        assert {element.tag.split("}")[1] for element in elements} <= ALLOWED_TAGS
        names = {attribute for element in elements for attribute in element.attrib}
        assert not [attribute for attribute in names if attribute.startswith("on") or "href" in attribute]
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069\u200b]", svg)


def test_what_a_picture_says_in_words_is_what_the_record_holds(tmp_path: Path) -> None:
    record = some_record()
    said = run_pictures(record)["throughput"].said(str)
    assert said == (
        f"{sentences.headline(record, str)} Requests per second and median response time: "
        "pooled 20.00 (30% of the theoretical maximum), 152 ms; "
        "awaiting 60.00 (90% of the theoretical maximum), 152 ms."
    )
    svg = all_svgs(record, tmp_path)["throughput.svg"]
    root = ET.fromstring(svg)  # noqa: S314 - it is ours
    assert root.attrib["aria-label"] == said
    assert root.findtext("{http://www.w3.org/2000/svg}title") == said


def test_a_prediction_is_drawn_only_where_it_can_be_seen(tmp_path: Path) -> None:
    """In `some_record` that of one endpoint is 0.5% off, that of the other 10%."""
    record = some_record()
    both = all_svgs(record, tmp_path / "both")["throughput.svg"]
    near = record.model_copy(update={"endpoints": record.endpoints[:1]})
    assert ">predicted, if over 3% off<" in both
    assert "predicted" not in all_svgs(near, tmp_path / "near")["throughput.svg"]


def test_curves_that_are_alike_share_one_line_and_one_label() -> None:
    record = busy_record(("one", "two", "three"))
    one, two, three = record.endpoints
    same = two.model_copy(update={"rounds": one.rounds})
    shared, third = latency.curves(record.model_copy(update={"endpoints": (one, same, three)}))
    assert [[result.name for result in curve.results] for curve in (shared, third)] == [["one", "two"], ["three"]]


def test_the_axis_of_latencies_spreads_the_slowest_as_far_as_there_are_requests() -> None:
    assert [latency.Tail(nines).labels[1:] for nines in (1, 3)] == [
        ["50", "90", "max"],
        ["50", "90", "99", "99.9", "max"],
    ]
    places = [latency.Tail(3).place(percent) for percent in (0, 50, 90, 99, 99.9, 100)]
    assert places[0] == 0
    assert all(after - before >= 1 for before, after in pairwise(places))


def test_only_endpoints_whose_median_moves_are_drawn_and_the_others_are_named() -> None:
    record = busy_record(("moving", "flat"))
    flat = record.endpoints[1].rounds[0]
    still = flat.timeline.model_copy(update={"median_ms": tuple(100.0 + n % 9 for n in range(150))})
    results = (record.endpoints[0], busy_result("flat", flat.model_copy(update={"timeline": still})))
    record = record.model_copy(update={"endpoints": results})
    assert [result.name for result in timeline.shown(record)] == ["moving"]
    assert "The median of flat moved by at most 10%." in timeline.said(record, str)
    assert "timeline" not in run_pictures(record.model_copy(update={"endpoints": results[1:]}))


def test_wrong_responses_are_no_part_of_the_bar() -> None:
    failing = some_result("pooled", some_round(throughput_rps=50.0, failures_rps=20.0, failures=400))
    record = some_record(endpoints=(failing,))
    (bar,) = throughput.shown(record)
    assert (bar.right_rps, bar.measured_rps) == (30.0, 50.0)
    assert "pooled 50.00 (75% of the theoretical maximum), 20.00 of them failed, 152 ms" in throughput.said(record, str)


def test_a_run_in_which_nothing_was_answered_has_no_picture_and_one_without_a_course_has_no_timeline() -> None:
    assert run_pictures(some_record(endpoints=())) == {}
    assert set(run_pictures(some_record())) == {"throughput"}


def test_rounds_follow_each_other_and_steps_are_put_together_where_there_are_many() -> None:
    record = busy_record(("one",), rounds=3)
    course = timeline.steps(record.endpoints[0], 1)
    assert len(course) <= timeline.MOST_STEPS
    assert course[0].start_s == 0.0
    assert course[-1].end_s == 3 * 300.0
    answers = sum(step.responses_rps * (step.end_s - step.start_s) for step in course)
    assert answers == pytest.approx(sum(sum(item.timeline.requests) for item in record.endpoints[0].rounds))


def test_fonts_and_folders_of_a_machine_change_no_byte(tmp_path: Path, repository: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.support.pictures import HOSTILE_NAMES, busy_record;"
        "from benchmark.report.charts.registry import place, run_pictures;"
        "from benchmark.store import to_json; record = busy_record(HOSTILE_NAMES[:2]);"
        "place(Path(sys.argv[1]), list(run_pictures(record).values()), to_json(record).encode())"
    )
    bare = {"FONTCONFIG_FILE": os.devnull, "HOME": str(tmp_path), "LC_ALL": "C", "TZ": "Asia/Tokyo", "PATH": ""}
    command = [sys.executable, "-c", script, str(tmp_path / "bare")]
    subprocess.run(command, cwd=repository, env=bare, check=True, timeout=60)
    here = all_svgs(busy_record(HOSTILE_NAMES[:2]), tmp_path / "here")
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "bare").iterdir()} == here


def test_who_changes_how_a_picture_looks_raises_its_version() -> None:
    """Else pictures that are drawn already would stay as they are.

    Pins the bytes across machines, too, and holds each specification against Vega-Lite's schema.
    """
    items = [*run_pictures(busy_record()).values(), *sweep_pictures(sweep_of(20, 100, 500))]
    drawings = [*(item.draw() for item in items), trend.draw([some_trend()])]
    for drawing in drawings:
        drawing.chart.to_dict(validate=True)
    drawn = [to_svg(drawing, "said") for drawing in drawings]
    assert (pictures.DRAWING, fingerprint(*drawn)) == (5, "a82be0090f8d80f1")


def test_only_pictures_that_were_drawn_here_are_removed(tmp_path: Path) -> None:
    drawn, outside = all_svgs(some_record(), tmp_path)["throughput.svg"], tmp_path / "outside.svg.txt"
    outside.write_text(drawn)
    (tmp_path / "linked.svg").symlink_to(outside)
    (tmp_path / "folder.svg").mkdir()
    for name, content in (("mine.svg", "<svg/>"), ("empty.svg", ""), ("old.svg", drawn), ("changed.svg", f"{drawn}\n")):
        (tmp_path / name).write_text(content)
    place(tmp_path, [])
    assert {path.name for path in tmp_path.glob("*.svg")} == {"mine.svg", "empty.svg", "linked.svg", "folder.svg"}
    assert outside.read_text() == drawn


def test_a_picture_is_drawn_again_only_when_it_is_missing_or_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = all_svgs(some_record(), tmp_path)
    (tmp_path / "old.svg").write_text(first["throughput.svg"])
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "_drawn", None)
        assert all_svgs(some_record(), tmp_path) == first
        with pytest.raises(TypeError):
            place(tmp_path, list(run_pictures(some_record()).values()), b"another record")
    file = tmp_path / "throughput.svg"
    file.write_text(first["throughput.svg"].replace("20.00", "99.00"))
    assert all_svgs(some_record(), tmp_path) == first
    file.unlink()
    assert all_svgs(some_record(), tmp_path) == first


def test_a_sweep_is_drawn_with_its_bounds_and_where_they_are_reached(tmp_path: Path) -> None:
    records = sweep_of(500, 20, 100)
    (picture,) = sweep_pictures([*records, *(record.model_copy(update={"sweep": None}) for record in records)])
    assert "pooled 129.33 in 156 ms with 20 users and 517.33 in 975 ms with 500 users, limit reached at 80 users" in (
        picture.said(str)
    )
    place(tmp_path, [picture])
    drawn = (tmp_path / picture.file).read_text()
    assert all(
        f">{text}<" in drawn for text in ("limit reached", "at 80 users", "pooled: requests/s", "pooled: mean time")
    )
    (curve,) = sweep.curves(records)
    most_rps, least_s = (sweep.bound(curve, seconds=seconds) for seconds in (False, True))
    assert [corner["users"] for corner in most_rps] == [0, 80, 500]
    assert [corner["value"] for corner in most_rps] == pytest.approx([0, 80 / 0.15, 80 / 0.15])
    assert [corner["value"] for corner in least_s] == pytest.approx([0.15, 0.15, 500 * 0.15 / 80])
    assert sweep_pictures(records[:1]) == []


def test_a_trend_is_drawn_by_profile_and_metric_and_a_short_one_is_not(tmp_path: Path) -> None:
    long, other = some_trend(), some_trend(metric=metric("p95_ms"))
    found = trend_pictures(Judged(trends=(long, other, some_trend(2, profile="new"))))
    assert [picture.title for picture in found["quick"]] == ["req/s", "p95"]
    assert set(found) == {"quick"}
    said = found["quick"][0].said(str)
    assert said == "req/s over the runs: pooled unchanged: +0.1 %, its level changed on 2026-01-21 (+20%)."
    place(tmp_path, found["quick"])
    assert all(path.stat().st_size < MOST_BYTES for path in tmp_path.iterdir())


def test_the_largest_trend_is_small() -> None:
    trends = [some_trend(1000, f"endpoint {n}", machine=lambda number: f"cpu {number}") for n in range(20)]
    assert len(to_svg(trend.draw(trends), "said")) < MOST_BYTES


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.1), from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("color", [color for color in style.DARK if color != style.GRID])
def test_colours_can_be_read_on_light_and_dark_and_even_when_the_page_is_of_the_other_kind(color: str) -> None:
    white, black = "#ffffff", "#0d1117"
    assert contrast(color, white) > 4.5
    assert contrast(style.DARK[color], black) > 4.5
    assert contrast(color, black) > 2.4
    assert contrast(style.DARK[color], white) > 2.4


def test_names_beside_curves_never_cover_each_other() -> None:
    places = spread_out([100.0, 100.0, 228.0, 229.0, 101.0], [17, 34, 17, 17, 17], 230)
    ordered = sorted(places)
    assert all(after - before >= 17 for before, after in pairwise(ordered))
    assert min(abs(places[1] - place) for n, place in enumerate(places) if n != 1) >= 25.5
    assert ordered[-1] <= 221.5


@pytest.mark.parametrize(
    ("highest", "steps"), [(105.0, [0, 50, 100]), (0.0, [0.0]), (3.0, [0, 1, 2, 3]), (0.7, [0, 0.2, 0.4, 0.6])]
)
def test_axes_have_round_steps(highest: float, steps: list[float]) -> None:
    assert style.round_steps(highest) == steps
