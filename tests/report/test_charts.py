"""Pictures: small, the same bytes everywhere, true of the record, legible on light and dark pages, and no more."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.config import MetricName
from benchmark.judge.history import Judged
from benchmark.judge.metrics import metric
from benchmark.record import Record
from benchmark.report.charts import registry as pictures
from benchmark.report.charts import style, sweep, throughput, timeline, trend
from benchmark.report.charts.latency import spread_out
from benchmark.report.charts.registry import place, run_pictures, sweep_pictures, trend_pictures
from benchmark.report.charts.svg import fingerprint, to_svg
from benchmark.store import to_json
from tests.support.pictures import HOSTILE_NAMES, busy_record, some_trend, sweep_of
from tests.support.records import some_record, some_result, some_round

MOST_BYTES = 40_000
MOST_PICTURES = 4
ALLOWED_TAGS = {"svg", "title", "style", "g", "path", "line", "rect", "text", "circle"}


@pytest.mark.parametrize("unit", ["throughput_rps", "median_ms"])
@given(low=st.floats(min_value=0.001, max_value=1e7), ratio=st.floats(min_value=1.01, max_value=3.0))
@settings(max_examples=40)
def test_no_value_of_a_trend_is_in_scientific_notation_or_wider_than_its_place(
    unit: MetricName, low: float, ratio: float
) -> None:
    """As wide as seven letters, which is what the left margin holds."""
    shown = some_trend(10, metric=metric(unit))
    values = [low, low * ratio]
    points = tuple(replace(point, value=values[n % 2]) for n, point in enumerate(shown.points))
    lines = tuple(
        replace(line, baseline=None, value=point.value) for line, point in zip(shown.verdicts, points, strict=True)
    )
    svg = to_svg(trend.draw([replace(shown, points=points, verdicts=lines, changes=())]), "said")
    ticks = re.findall(r'text-anchor="end" transform="translate\(-5[^>]*>([^<]*)<', svg)
    assert len(ticks) == 2, svg
    assert all(re.fullmatch(r"-?[0-9][0-9,]*(\.[0-9]+)?[kM]?( s)?", tick) for tick in ticks), ticks
    assert all(len(tick) <= 7 for tick in ticks), ticks


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
        "awaiting answered most: 60.00 requests per second, 3.0 times as many as pooled (20.00). Answers per second, "
        "measured and at most in theory: pooled 20.00 of at most 66.70; awaiting 60.00 of at most 66.70."
    )
    svg = all_svgs(record, tmp_path)["throughput.svg"]
    root = ET.fromstring(svg)  # noqa: S314 - it is ours
    assert root.attrib["aria-label"] == said
    assert root.findtext("{http://www.w3.org/2000/svg}title") == said


def test_wrong_answers_are_no_part_of_the_bar() -> None:
    failing = some_result("pooled", some_round(throughput_rps=50.0, failures_rps=20.0, failures=400))
    record = some_record(endpoints=(failing,))
    (bar,) = throughput.shown(record)
    assert (bar.right_rps, bar.measured_rps) == (30.0, 50.0)
    assert "pooled 50.00 of at most 66.70, 20.00 failed" in throughput.said(record, str)


def test_a_run_in_which_nothing_was_answered_has_no_picture_and_one_without_a_course_has_no_timeline() -> None:
    assert run_pictures(some_record(endpoints=())) == {}
    assert set(run_pictures(some_record())) == {"throughput"}


def test_rounds_follow_each_other_and_steps_are_put_together_where_there_are_many() -> None:
    record = busy_record(("one",), rounds=3)
    course = timeline.steps(record.endpoints[0], 1)
    assert len(course) <= timeline.MOST_STEPS
    assert course[0].start_s == 0.0
    assert course[-1].end_s == 3 * 300.0
    answers = sum(step.answers_rps * (step.end_s - step.start_s) for step in course)
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
    assert (pictures.DRAWING, fingerprint(*drawn)) == (4, "56665accb82dff49")


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


def test_a_sweep_is_drawn_with_its_knee_and_its_bounds(tmp_path: Path) -> None:
    records = sweep_of(500, 20, 100)
    (picture,) = sweep_pictures([*records, *(record.model_copy(update={"sweep": None}) for record in records)])
    assert "pooled gave 129.33 in 156 ms to 20 users and 517.33 in 975 ms to 500 users, with the knee at 80" in (
        picture.said(str)
    )
    place(tmp_path, [picture])
    assert "knee 80" in (tmp_path / picture.file).read_text()
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
    assert said == "req/s over the runs: pooled unchanged: +0.1 %, its level changed on 2026-01-21."
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
    places = spread_out([100.0, 100.0, 228.0, 229.0, 101.0], 17, 230)
    ordered = sorted(places)
    assert all(after - before >= 17 for before, after in pairwise(ordered))
    assert ordered[-1] <= 230


@pytest.mark.parametrize(
    ("highest", "steps"), [(105.0, [0, 50, 100]), (0.0, [0.0]), (3.0, [0, 1, 2, 3]), (0.7, [0, 0.2, 0.4, 0.6])]
)
def test_axes_have_round_steps(highest: float, steps: list[float]) -> None:
    assert style.round_steps(highest) == steps
