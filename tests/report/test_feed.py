"""The feed: what a feed reader understands, under ids that stay, whatever names are in it."""

from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser  # type: ignore[import-untyped]
import pytest

from benchmark.judge.history import Judged, judged
from benchmark.record import Record
from benchmark.report.feed import LONGEST_FEED, render_feed
from benchmark.report.render import judge_of, render
from benchmark.site.build import build
from benchmark.store import FAILURES, Failure, save
from tests.support.histories import SLOWER, run_of_week, write_history
from tests.support.pictures import HOSTILE_NAMES
from tests.support.records import some_environment

ATOM = "{http://www.w3.org/2005/Atom}"


def weekly(*levels: float) -> list[Record]:
    return [run_of_week(week, level) for week, level in enumerate(levels)]


def failure(at: str = "2026-03-20T04:47:00Z", reason: str = "the app did not start") -> Failure:
    address = "https://github.com/own/er/actions/runs/1"
    return Failure(id=f"failed-{at[:10]}", at=at, reason=reason, trigger="schedule", run_url=address, commit=None)


def of(records: list[Record], *failures: Failure) -> feedparser.FeedParserDict:
    found = feedparser.parse(render_feed(records[::-1], failures, judged(records, None)))
    assert not found.bozo, found.get("bozo_exception")
    return found


def test_a_reader_sees_runs_failures_regressions_and_recoveries_the_newest_first() -> None:
    records = weekly(*SLOWER, 100.0, 100.0)
    found = of(records, failure("2026-05-01T04:47:00Z"))
    assert found.version == "atom10"
    kinds = [entry.tags[0].term for entry in found.entries]
    assert kinds[0] == "failure"
    assert (kinds.count("run"), kinds.count("regressed"), kinds.count("recovered")) == (14, 1, 1)
    regressed = next(entry for entry in found.entries if entry.tags[0].term == "regressed")
    assert regressed.title.startswith("computing (quick) regressed: req/s regressed since 2026-03-16: 100 → 80 (−20%")
    assert "p50 regressed since" in regressed.summary
    assert regressed.link.endswith(f"runs/{records[11].id}/report.md")
    assert found.entries[0].title == "Failed: the app did not start"
    assert [entry.updated for entry in found.entries] == sorted((one.updated for one in found.entries), reverse=True)


def test_what_was_said_keeps_its_id_and_words_when_more_comes() -> None:
    records = weekly(*SLOWER, 80.0, 81.0)
    before = {entry.id: (entry.title, entry.summary, entry.updated) for entry in of(records[:-1]).entries}
    after = {entry.id: (entry.title, entry.summary, entry.updated) for entry in of(records).entries}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


def test_ids_are_unique_and_name_no_machine() -> None:
    records = weekly(*SLOWER, *[100.0] * 3)
    ids = [entry.id for entry in of(records, failure(), failure("2026-03-21T04:47:00Z")).entries]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith("tag:bench.invalid,2026:") for one in ids)


def test_a_long_history_is_cut_and_an_empty_one_is_a_feed() -> None:
    assert len(of(weekly(*[100.0] * 70)).entries) == LONGEST_FEED
    assert of([]).entries == []


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, "\x1b[31mred", "##[error]x"])
def test_names_are_inert(name: str) -> None:
    record = run_of_week(0, 100.0)
    endpoint = record.plan.endpoints[0].model_copy(update={"name": name})
    plan = record.plan.model_copy(update={"endpoints": (endpoint,)})
    results = (record.endpoints[0].model_copy(update={"name": name}),)
    hostile = record.model_copy(update={"plan": plan, "endpoints": results})
    text = render_feed([hostile], [failure(reason=f"{name[:100]} failed")], Judged())
    assert len(feedparser.parse(text).entries) == 2
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert {one.tag.removeprefix(ATOM) for one in root.iter()} == {
        "feed", "id", "title", "updated", "author", "name", "link", "entry", "category", "summary",
    }  # fmt: skip
    for told in ("\x1b", "\u202e", "##[", "<script"):
        assert told not in text


def test_a_feed_is_known_by_its_repository_and_leaves_out_runs_of_others() -> None:
    ours = some_environment().model_copy(update={"run_url": "https://github.com/own/er/actions/runs/1"})
    theirs = some_environment().model_copy(update={"run_url": "https://github.com/else/where/actions/runs/1"})
    records = [run_of_week(0, 100.0, environment=ours), run_of_week(1, 100.0, environment=theirs)]
    found = judged(records, None, home="github.com/own/er")
    feed = feedparser.parse(render_feed(found.own(records), (), found))
    assert feed.feed.id == "tag:bench.invalid,2026:feed/github.com/own/er"
    assert len(feed.entries) == 1


def test_it_is_rendered_with_the_reports_linked_from_the_index_and_part_of_the_site(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    write_history(reports, weekly(*SLOWER))
    (reports / FAILURES).mkdir()
    save(failure(), reports / FAILURES / f"{failure().id}.json")
    render(reports, tmp_path / "no README", everything=True)
    feed = feedparser.parse((reports / "feed.atom").read_text("utf-8"))
    assert {entry.tags[0].term for entry in feed.entries} == {"run", "failure", "regressed"}
    assert "[the feed](feed.atom)" in (reports / "README.md").read_text("utf-8")
    build(reports, tmp_path / "site", judge_of(reports), with_scripts=False)
    assert 'type="application/atom+xml"' in (tmp_path / "site" / "index.html").read_text("utf-8")
    on_site = feedparser.parse((tmp_path / "site" / "feed.atom").read_text("utf-8"))
    assert [entry.id for entry in on_site.entries] == [entry.id for entry in feed.entries]
    for entry in on_site.entries:
        if "runs/" in entry.id:
            assert (tmp_path / "site" / entry.link).is_file()
