"""The badge: one line that is whole, and says what the records say."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Browser

from benchmark.judge.history import judged
from benchmark.record import Record
from benchmark.report.badge import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    RED,
    badge,
    endpoint_badges,
    place_badges,
    stale_since,
)
from benchmark.report.render import render
from benchmark.report.verdicts import standings
from benchmark.store import Failure
from tests.support.browser import Visit
from tests.support.histories import run_of_week, write_history
from tests.support.pictures import HOSTILE_NAMES
from tests.support.records import some_record, some_result, some_round


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


def failed_at(week: int) -> Failure:
    moment = run_of_week(week, 100.0).started_at
    return Failure(id=f"f-{week}", at=moment, reason="it failed", trigger="schedule", run_url=None, commit=None)


@pytest.mark.parametrize(
    ("later", "stale"),
    [
        pytest.param([], False, id="nothing was attempted since"),
        pytest.param([failed_at(8)], False, id="one attempt failed"),
        pytest.param([failed_at(8), failed_at(9), failed_at(10)], True, id="they go on failing"),
        pytest.param([run_of_week(10, 100.0, state="incomplete")], True, id="runs stay incomplete"),
        pytest.param([failed_at(9), run_of_week(10, 100.0)], False, id="the newest worked again"),
    ],
)
def test_badges_are_grey_when_attempts_went_on_and_gave_nothing(later: list[Record | Failure], *, stale: bool) -> None:
    runs = [*weekly(*QUIET), *(one for one in later if isinstance(one, Record))]
    found = judged(runs, None)
    since = stale_since(runs, [one for one in later if isinstance(one, Failure)], found)
    svg = badge(runs, standings(found), since)
    assert (GREY in svg) == stale
    assert ("no usable run since 2026‑02‑23" in svg) == stale
    (text,) = endpoint_badges(runs, found, since).values()
    shown = json.loads(text)
    assert (shown["color"] == GREY[1:]) == stale
    assert ("stale since 2026-02-23" in shown["message"]) == stale


def test_each_endpoint_of_the_run_that_the_readme_shows_has_one_that_shields_io_takes() -> None:
    runs = weekly(*QUIET, 80, 80)
    found = endpoint_badges(runs, judged(runs, None))
    assert list(found) == ["computing.json"]
    assert json.loads(found["computing.json"]) == {
        "schemaVersion": 1,
        "label": "computing",
        "message": "80.0 req/s · p95 250 ms · 2026-03-09",
        "color": RED[1:],
    }


def test_the_color_of_a_number_is_its_verdict_and_what_failed_stands_next_to_it() -> None:
    quiet = weekly(*QUIET)
    assert json.loads(endpoint_badges(quiet, judged(quiet, None))["computing.json"])["color"] == GREEN[1:]
    young = endpoint_badges(quiet[:2], judged(quiet[:2], None))
    assert json.loads(young["computing.json"])["color"] == BLUE[1:]
    one = some_record(endpoints=(some_result("pooled", some_round(failures=100)),))
    found = endpoint_badges([one], judged([one], None))
    assert "10% failed" in json.loads(found["pooled.json"])["message"]
    assert json.loads(found["awaiting.json"])["message"].startswith("not measured")


def test_no_name_of_an_endpoint_leaves_its_folder_or_hides_another(tmp_path: Path) -> None:
    names = ("../../x", "a/b", "con ", "A", "a", "", "é" * 300, "x" * 300, ".hidden", "ok-1", *HOSTILE_NAMES)
    record = some_record(endpoints=())
    endpoint = record.plan.endpoints[0]
    endpoints = tuple(endpoint.model_copy(update={"name": name}) for name in names)
    hostile = record.model_copy(update={"plan": record.plan.model_copy(update={"endpoints": endpoints})})
    found = endpoint_badges([hostile], judged([hostile], None))
    assert len({name.lower() for name in found}) == len(names)
    assert "ok-1.json" in found
    for name in found:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,90}\.json", name), name
    place_badges(tmp_path, found)
    assert sorted(path.name for path in (tmp_path / "badge").iterdir()) == sorted(found)


def test_those_of_endpoints_that_are_gone_go_and_files_of_others_stay(tmp_path: Path) -> None:
    write_history(tmp_path, weekly(*QUIET))
    folder = tmp_path / "badge"
    folder.mkdir()
    (folder / "gone.json").write_text('{"schemaVersion": 1, "label": "gone", "message": "1 req/s", "color": "fff"}\n')
    (folder / "own.json").write_text('{"schemaVersion": 1, "label": "own", "message": "mine", "namedLogo": "x"}\n')
    render(tmp_path, tmp_path / "no README", everything=True)
    assert sorted(path.name for path in folder.iterdir()) == ["computing.json", "own.json"]
