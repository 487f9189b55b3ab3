"""What is rendered, opened in a real Chromium: names from outside do nothing, and dark pages show the dark colours."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmark.config import MetricName
from benchmark.judge.history import Judged
from benchmark.judge.metrics import metric
from benchmark.judge.series import Series
from benchmark.pipeline import endpoint_result
from benchmark.record import Quantiles, Record
from benchmark.report.charts import sweep, trend
from benchmark.report.charts.registry import place, run_pictures, sweep_pictures, trend_pictures
from benchmark.report.charts.style import LARGE_LETTERS, WIDTH
from benchmark.report.charts.svg import Drawing, to_svg
from benchmark.report.index import render_run
from benchmark.report.report import render_report
from benchmark.store import save
from tests.support.browser import Visit, write_page
from tests.support.pictures import HOSTILE_NAMES, THROUGHPUT, busy_record, busy_result, some_trend, sweep_of
from tests.support.records import some_record

WIDTHS = (390, 1280)
SCIENTIFIC = re.compile(r"[0-9]e[+−-]?[0-9]")
OUTSIDE = """[...document.querySelectorAll("text")].filter(text => text.textContent).map(text => {
    const [frame, box] = [document.documentElement.viewBox.baseVal, text.getBBox()];
    const [here, there] = [text.getCTM(), document.documentElement.getCTM()];
    const at = there.inverse().multiply(here);
    const corners = [[box.x, box.y], [box.x + box.width, box.y + box.height]]
        .map(([x, y]) => [at.a * x + at.c * y + at.e, at.b * x + at.d * y + at.f]);
    const outside = corners.some(([x, y]) => x < 0 || y < 0 || x > frame.width || y > frame.height);
    return { words: text.textContent, outside, corners, size: getComputedStyle(text).fontSize };
})"""
"""Every text of a picture, and whether it lies outside of the picture's view box."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run all of whose names are hostile, with its report, a sweep and a trend."""
    folder = tmp_path_factory.mktemp("hostile")
    names = (*HOSTILE_NAMES[:6], HOSTILE_NAMES[7])
    record = busy_record(HOSTILE_NAMES, state="incomplete", reason=HOSTILE_NAMES[0], customised=HOSTILE_NAMES)
    trends = tuple(some_trend(endpoint=name, metric=replace(THROUGHPUT, title=name, unit=name)) for name in names)
    several = trend_pictures(Judged(trends=trends))["quick"]
    sweeps = [picture for name in names[:2] for picture in sweep_pictures(sweep_of(20, 500, name=name))]
    place(folder, [*run_pictures(record).values(), *several, *sweeps[:1]], b"hostile names")
    lines = [picture.markdown() for picture in (*several, *sweeps[:1])]
    (folder / "report.md").write_text("\n\n".join([render_report(record, ()), *lines]), encoding="utf-8")
    return folder


def test_hostile_names_do_nothing_in_any_picture(browser: Browser, hostile: Path) -> None:
    for path in sorted(hostile.glob("*.svg")):
        visit = Visit(browser)
        visit.open(path)
        assert visit.done == [], path.name
        assert visit.page.locator("text").count() > 2
        visit.page.close()


def test_hostile_names_do_nothing_in_the_texts_beside_the_pictures(browser: Browser, hostile: Path) -> None:
    page = write_page(hostile / "report.md", hostile / "page.html")
    visit = Visit(browser)
    visit.open(page)
    assert visit.done == []
    images = visit.page.locator("img")
    assert images.count() == len(list(hostile.glob("*.svg")))
    others = "article a:not([href='#why']):not([href='#caveats']):not([href='run.json'])"
    assert visit.page.locator(f"{others}, article script, article [onerror]").count() == 0
    assert all(images.nth(n).evaluate("image => image.naturalWidth") == WIDTH for n in range(images.count()))
    visit.page.close()


def of_size(record: Record, factor: float) -> Record:
    """The same run with all latencies and rates `factor` times as large."""
    results = []
    for result in record.endpoints:
        (measured,) = result.rounds
        course, grid = measured.timeline, measured.quantiles
        assert grid is not None
        scaled = {name: value * factor for name, value in measured if name.endswith(("_ms", "_rps")) and value}
        scaled["quantiles"] = Quantiles(percent=grid.percent, latency_ms=tuple(v * factor for v in grid.latency_ms))
        scaled["timeline"] = course.model_copy(
            update={
                name: tuple(value and value * factor for value in getattr(course, name))
                for name in ("median_ms", "max_ms")
            }
            | {"requests": tuple(round(number * factor) for number in course.requests)}
        )
        limit = result.limit and result.limit.model_copy(update={"seats_rps": 150.0 * factor})
        results.append(busy_result(result.name, measured.model_copy(update=scaled)).model_copy(update={"limit": limit}))
    return record.model_copy(update={"endpoints": tuple(results)})


def trend_of_size(largest: float, unit: MetricName) -> Series:
    """A trend around a value, with changes of level and a suspicion in its newest run."""
    shown = some_trend(60, "n" * 200, metric(unit))
    found = [
        replace(line, value=line.value and line.value / 122 * largest, baseline=None, stage="suspected")
        for line in shown.verdicts
    ]
    return replace(
        shown, verdicts=tuple(found), changes=tuple((shown.runs[n], shown.changes[0][1]) for n in (1, 20, 59))
    )


def drawings(size: float) -> Iterator[Drawing]:
    """Each chart with values up to about `size`, and names far too long."""
    record = of_size(busy_record(tuple(letter * 200 for letter in "nW")), size / 1000)
    yield from (picture.draw() for picture in run_pictures(record).values())
    units: tuple[MetricName, ...] = ("throughput_rps", "median_ms", "failure_ratio")
    yield trend.draw([trend_of_size(size, unit) for unit in units])
    for users in ((20, 100, 500), (1, 100, 10_000_000)):
        runs = [of_size_of_sweep(run, size / 500) for run in sweep_of(*users, name="n" * 200)]
        yield sweep.draw(runs)


def of_size_of_sweep(record: Record, factor: float) -> Record:
    (result,) = record.endpoints
    (measured,) = result.rounds
    values = {name: getattr(measured, name) * factor for name in ("throughput_rps", "avg_ms")}
    return record.model_copy(
        update={
            "endpoints": (
                endpoint_result(result.name, result.users, result.limit, (measured.model_copy(update=values),)),
            )
        }
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", [0.001, 1.0, 16_400.0, 10_000_000.0])
def test_no_text_leaves_its_picture(browser: Browser, tmp_path: Path, size: float, width: int) -> None:
    """Nor does a label of an axis say its number in scientific notation."""
    visit = Visit(browser, width=width)
    for number, drawing in enumerate(drawings(size)):
        file = tmp_path / f"{number}.svg"
        file.write_text(to_svg(drawing, "said"), encoding="utf-8")
        visit.open(file)
        texts = visit.page.evaluate(OUTSIDE)
        assert len(texts) > 5
        assert [text for text in texts if text["outside"]] == []
        assert not [text["words"] for text in texts if SCIENTIFIC.search(text["words"])]
        if width < WIDTH:
            assert {text["size"] for text in texts} == {f"{LARGE_LETTERS}px"}
    visit.page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_fits_the_width_of_a_phone_and_all_its_pictures_load(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    save(busy_record(id="run"), tmp_path / "run.json")
    render_run(tmp_path, ())
    visit = Visit(browser, width=width)
    visit.open(write_page(tmp_path / "report.md", tmp_path / "page.html"))
    assert visit.done == []
    images = visit.page.locator("img")
    assert images.count() == 3
    assert all(images.nth(n).evaluate("image => image.complete && image.naturalWidth > 0") for n in range(3))
    visit.page.close()


def test_a_picture_in_a_page_follows_its_reader_s_light_or_dark(browser: Browser, tmp_path: Path) -> None:
    save(some_record(id="run"), tmp_path / "run.json")
    render_run(tmp_path, ())
    (tmp_path / "page.html").write_text('<meta name="color-scheme" content="light dark"><img src="throughput.svg">')
    shots = []
    for scheme in ("light", "dark"):
        visit = Visit(browser, scheme)
        visit.open(tmp_path / "throughput.svg")
        color = visit.page.locator("text").first.evaluate("text => getComputedStyle(text).fill")
        visit.open(tmp_path / "page.html")
        shots.append((color, visit.page.locator("img").screenshot()))
        visit.page.close()
    assert [color for color, _ in shots] == ["rgb(89, 99, 110)", "rgb(145, 152, 161)"]
    assert shots[0][1] != shots[1][1]
