"""What is rendered, opened in a real Chromium: names from outside do nothing, and dark pages show the dark colours."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmark.judge.history import Judged
from benchmark.report.charts.registry import place, run_pictures, sweep_pictures, trend_pictures
from benchmark.report.index import render_run
from benchmark.report.report import render_report
from benchmark.store import save
from tests.support.browser import Visit, write_page
from tests.support.pictures import HOSTILE_NAMES, THROUGHPUT, busy_record, some_trend, sweep_of
from tests.support.records import some_record

WIDTHS = (390, 1280)


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
    assert all(images.nth(n).evaluate("image => image.naturalWidth") == 520 for n in range(images.count()))
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
