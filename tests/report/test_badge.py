"""The badge: one line that is whole, and says what the records say."""

from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Browser

from benchmark.judge.history import judged
from benchmark.record import Record
from benchmark.report.badge import AMBER, GREEN, GREY, RED, badge
from benchmark.report.verdicts import standings
from tests.support.browser import Visit
from tests.support.histories import run_of_week


def weekly(*levels: float) -> list[Record]:
    return [run_of_week(week, level) for week, level in enumerate(levels)]


QUIET = [100.0] * 8


@pytest.mark.parametrize(
    ("levels", "text", "color"),
    [
        pytest.param(QUIET, "no regressions · 2026‑02‑23", GREEN, id="unchanged"),
        pytest.param([*QUIET, 80, 80], "1 regressed · 2026‑03‑09", RED, id="regressed"),
        pytest.param([*QUIET, 80], "1 may have regressed · 2026‑03‑02", AMBER, id="suspected"),
        pytest.param(QUIET[:2], "no verdict yet · 2026‑01‑12", GREY, id="young"),
        pytest.param([], "no runs yet", GREY, id="empty"),
    ],
)
def test_it_says_the_verdict_and_when_it_was_measured(levels: list[float], text: str, color: str) -> None:
    runs = weekly(*levels)
    svg = badge(runs, standings(judged(runs, None)))
    root = ET.fromstring(svg)  # noqa: S314 - our own
    assert root.attrib["aria-label"] == f"benchmark: {text}"
    assert [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")] == ["benchmark", text]
    assert color in svg


def test_no_text_of_it_is_cut_whatever_the_fonts(browser: Browser) -> None:
    runs = weekly(*QUIET, 80)
    visit = Visit(browser)
    visit.page.set_content(badge(runs, standings(judged(runs, None))))
    found = "[...document.querySelectorAll('rect:not(clipPath rect), text')]"
    boxes = visit.page.evaluate(f"{found}.map(one => one.getBoundingClientRect().toJSON())")
    left, right, label, text = boxes
    for frame, words in ((left, label), (right, text)):
        assert frame["left"] <= words["left"]
        assert words["right"] <= frame["right"]
    visit.page.close()
