"""The site as files: what is written, what is left alone, how large it gets."""

import json
import re
from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.judge.history import Judged
from benchmark.record import Record
from benchmark.report.render import judge_of
from benchmark.site.build import build
from benchmark.site.charts import with_hover
from benchmark.site.pages import (
    COLUMNS,
    NEWEST_LISTED,
    as_data,
    commit,
    comparable,
    facts,
    led,
    overview_page,
    rows,
    runs_page,
    scripts,
    to_html,
)
from benchmark.store import read_history
from tests.support.bench import Bench
from tests.support.histories import write_history
from tests.support.pictures import busy_record, some_trend
from tests.support.records import some_environment, some_plan, some_record, some_result, some_round

MOST_BYTES = 1_500_000
"""Of a page with all that it loads."""


def week(number: int, **changes: object) -> Record:
    """One of many weekly runs."""
    day = f"{2020 + number // 336}-{1 + number // 28 % 12:02}-{1 + number % 28:02}"
    return some_record(id=f"run-{number:03}", started_at=f"{day}T04:47:00Z", **changes)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_run_has_a_page_with_its_report_its_record_and_its_pictures(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    write_history(reports, [week(1), week(2)])
    (reports / "runs" / "run-002" / "throughput.svg").write_text("<svg/>")
    built = build(reports, tmp_path / "site")
    assert (built.pages, built.left_out, built.unreadable) == (6, 0, ())
    pages = files(tmp_path / "site")
    assert {"index.html", "runs.html", "compare.html", "calculator.html", *scripts()} <= set(pages)
    assert pages["runs/run-001/run.json"] == (reports / "runs" / "run-001" / "run.json").read_bytes()
    assert b'<img src="throughput.svg"' in pages["runs/run-002/index.html"]
    assert b"<img" not in pages["runs/run-001/index.html"], "a picture that is not there is drawn, not looked for"
    assert b'data-spec="throughput.svg.js"' in pages["runs/run-001/index.html"]
    assert pages["runs/run-001/throughput.svg.js"].startswith(b"chartIs({")


def test_the_same_reports_give_the_same_bytes_and_what_is_gone_from_them_is_gone_from_the_site(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    write_history(reports, [week(1), week(2)])
    build(reports, tmp_path / "site")
    build(reports, tmp_path / "again")
    assert files(tmp_path / "site") == files(tmp_path / "again")
    (reports / "runs" / "run-001" / "run.json").unlink()
    build(reports, tmp_path / "site")
    assert not (tmp_path / "site" / "runs" / "run-001").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_holds_something_else_stays_as_it_is(tmp_path: Path) -> None:
    write_history(tmp_path / "reports", [week(1)])
    precious = tmp_path / "site"
    precious.mkdir()
    (precious / "index.html").write_text("<h1>mine</h1>")
    with pytest.raises(UsageError, match="was not made by bench site, so it stays as it is; choose another"):
        build(tmp_path / "reports", precious)
    assert files(precious) == {"index.html": b"<h1>mine</h1>"}


def test_a_run_that_can_not_be_read_is_named_and_the_others_have_their_pages(tmp_path: Path) -> None:
    write_history(tmp_path / "reports", [week(1), week(2)])
    (tmp_path / "reports" / "runs" / "run-001" / "run.json").write_text("{")
    built = build(tmp_path / "reports", tmp_path / "site")
    (problem,) = built.unreadable
    assert "run-001" in problem
    assert (tmp_path / "site" / "runs" / "run-002" / "index.html").exists()
    assert "run-001" in (tmp_path / "site" / "index.html").read_text()


def test_without_any_run_the_site_says_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    build(tmp_path / "reports", tmp_path / "site")
    for name in ("index.html", "runs.html"):
        assert "No run has been published yet" in (tmp_path / "site" / name).read_text()


def test_with_500_runs_each_page_with_all_that_it_loads_is_below_a_megabyte_and_a_half(tmp_path: Path) -> None:
    (tmp_path / "reports" / "runs").mkdir(parents=True)
    records = [week(number) for number in range(500, 0, -1)]
    history = read_history(tmp_path / "reports")
    history = type(history)(tuple(records), (), (), len(records))
    listed = rows(records, Judged())
    overview, all_runs = overview_page(tmp_path / "reports", history, Judged(), listed), runs_page(listed)
    loaded = scripts()
    assert (overview.count("<li data-series"), all_runs.count("<li data-series")) == (NEWEST_LISTED, 500)
    assert "chartIs" not in overview, "a chart is loaded when it comes into view"
    for texts in ((overview, loaded["charts.js"], loaded["vega.js"]), (all_runs, loaded["runs.js"])):
        assert sum(len(text.encode()) for text in texts) < MOST_BYTES
    assert len(json.dumps(comparable(listed))) < MOST_BYTES


def test_each_run_is_compared_with_the_one_before_it_in_its_series() -> None:
    other = some_plan(users=20)
    records = [week(5), week(4, plan=other), week(3, state="incomplete"), week(2), week(1, plan=other)]
    assert [row.before for row in rows(records, Judged())] == ["run-002", "run-001", "run-002", None, None]


def test_the_first_run_of_a_series_says_what_is_different_from_the_last_run_of_its_profile() -> None:
    newer = some_record().method.model_copy(update={"version": some_record().method.version + 1})
    grouped = some_plan()
    endpoints = tuple(one.model_copy(update={"group": "login"}) for one in grouped.endpoints)
    records = [
        week(7, plan=some_plan(users=30), method=newer),
        week(6, plan=grouped.model_copy(update={"endpoints": endpoints}), method=newer),  # a group changes no number
        week(5, method=newer),
        week(4, plan=some_plan(endpoints=("pooled",))),
        week(3, environment=some_environment().model_copy(update={"kernel": "6.9"})),  # another machine ends no series
        week(2),
    ]
    version = newer.version
    assert [row.first or row.before for row in rows(records, Judged())] == [
        "new series: users 10 →\N{NO-BREAK SPACE}30",
        "run-005",
        f"new series: method version {version - 1} →\N{NO-BREAK SPACE}{version}",
        "new series: other endpoints",
        "run-002",
        "first run of quick",
    ]


def test_what_all_listed_runs_have_in_common_is_shown_once() -> None:
    series = "quick: 10 users, 30 s, 2 workers"
    alike = runs_page(rows([week(2), week(1)], Judged()))
    assert f"All of them: {series}; Example 3000, 2 cores." in alike
    assert f"<div>{series}" not in alike
    other = runs_page(rows([week(2, plan=some_plan(users=20)), week(1)], Judged()))
    assert other.count(f"<div>{series}") == 1
    assert "All of them: Example 3000, 2 cores." in other


def test_signs_of_verdicts_are_drawn_by_the_page_and_nothing_else_is_changed() -> None:
    shown = to_html("- \N{LARGE GREEN CIRCLE} unchanged: a<b, ![\N{LARGE RED CIRCLE}](x.svg)")
    assert '<span class="sign better" aria-hidden="true">●</span> unchanged: a&lt;b, ' in shown
    assert 'alt="\N{LARGE RED CIRCLE}"' in shown


def test_every_page_names_the_site_and_its_place_in_it_and_leads_home_where_that_is_known(tmp_path: Path) -> None:
    write_history(tmp_path / "reports", [week(1)])
    build(tmp_path / "reports", tmp_path / "site", home="github.com/someone/thing")
    pages = {name: (tmp_path / "site" / name).read_text() for name in ("index.html", "runs.html", "compare.html")}
    for name, page in pages.items():
        assert page.count(f'<a href="{name}" aria-current="page">') == page.count('aria-current="page"') == 1
        assert '<a class="brand" href="index.html">FastAPI under load</a>' in page
        assert '<a class="home" href="https://github.com/someone/thing">Repository</a>' in page
    run = (tmp_path / "site" / "runs" / "run-001" / "index.html").read_text()
    assert '<a class="brand" href="../../index.html">' in run
    assert "https://github.com/someone/thing" in run


@pytest.mark.parametrize("home", [None, "work/someone/thing"])
def test_a_repository_that_has_no_known_address_is_not_linked(tmp_path: Path, home: str | None) -> None:
    write_history(tmp_path / "reports", [week(1)])
    build(tmp_path / "reports", tmp_path / "site", home=home)
    assert ">Repository<" not in (tmp_path / "site" / "index.html").read_text()


def test_numbers_of_requests_stay_whole() -> None:
    measured = some_round(requests=1_234_567, throughput_rps=12_345.678)
    (listed,) = rows([week(1, endpoints=(some_result("pooled", measured),))], Judged())
    values = dict(
        zip((column.name for column in COLUMNS), comparable([listed])["runs"][0]["endpoints"][0][1], strict=False)
    )
    assert (values["requests"], values["throughput_rps"]) == (1_234_567, 12_345.678)


def test_another_path_time_out_or_client_is_another_circumstance() -> None:
    plan = some_plan()
    (one,) = comparable(rows([week(1)], Judged()))["runs"]
    moved = plan.model_copy(
        update={"endpoints": tuple(endpoint.model_copy(update={"path": "/other"}) for endpoint in plan.endpoints)}
    )
    (other,) = comparable(rows([week(1, plan=moved)], Judged()))["runs"]
    assert [each[3] for each in one["endpoints"]] != [each[3] for each in other["endpoints"]]
    assert facts(week(1)) != facts(week(1, plan=some_plan(timeout_s=1)))
    assert facts(week(1)) != facts(week(1, plan=some_plan(client="requests")))


def test_what_nobody_knows_of_a_commit_is_not_called_equal() -> None:
    dirty = some_environment().model_copy(update={"commit_dirty": True})
    assert (commit(week(1)), commit(week(1, environment=dirty))) == ("1" * 12, "")


def test_a_git_checkout_is_not_replaced(tmp_path: Path) -> None:
    write_history(tmp_path / "reports", [week(1)])
    build(tmp_path / "reports", tmp_path / "site")
    (tmp_path / "site" / ".git").mkdir()
    with pytest.raises(UsageError, match="is a git checkout, which would be lost"):
        build(tmp_path / "reports", tmp_path / "site")


def test_packages_of_many_runs_are_sent_once() -> None:
    newer = some_environment().model_copy(update={"packages": {"fastapi": "0.166.0"}})
    found = comparable(rows([week(3, environment=newer), week(2), week(1)], Judged()))
    assert found["packages"] == [{"fastapi": "0.166.0"}, {"fastapi": "0.165.0"}]
    assert [run["packages"] for run in found["runs"]] == [0, 1, 1]


def test_data_within_a_page_ends_no_element_whatever_it_holds() -> None:
    hostile = {"name": "</script><script>window.hit=1</script><!-- & \u2028"}
    text = as_data(hostile)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == hostile


def test_links_of_a_report_lead_to_pages_and_the_longest_that_fits_counts() -> None:
    links = {"runs/": "all#", "runs/a/": "page/"}
    assert [led(address, links) for address in ("runs/a/x.md", "runs/b", "else")] == ["page/x.md", "all#b", "else"]
    assert '<a href="page/x.md">' in to_html("[a](runs/a/x.md)", links=links)


def test_links_within_a_report_lead_to_its_headings_and_to_the_page_of_the_run_before(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    write_history(reports, [week(1), week(2)])
    build(reports, tmp_path / "site", judge_of(reports))
    page = (tmp_path / "site" / "runs" / "run-002" / "index.html").read_text()
    assert 'href="../run-001/index.html"' in page
    within = set(re.findall(r'href="#([^"]+)"', page)) - {"content"}
    assert within <= set(re.findall(r'id="([^"]+)"', page))
    assert 'id="the-1-st-of_all"' in to_html("## The 1-st (of_all)!")


def test_numbers_show_at_every_corner_of_a_line_and_the_pictures_of_reports_know_nothing_of_it() -> None:
    from benchmark.report.charts.registry import run_pictures  # noqa: PLC0415 - Altair is slow to import

    for picture in run_pictures(busy_record()).values():
        drawn = picture.draw().specification()
        before = json.dumps(drawn)
        assert '"tooltip": [' in json.dumps(with_hover(drawn))
        assert json.dumps(drawn) == before
        assert "tooltip" not in before


def test_bands_and_borders_have_no_number_that_could_be_taken_for_a_run_s() -> None:
    from benchmark.report.charts import trend  # noqa: PLC0415 - Altair is slow to import

    spec = with_hover(trend.draw([some_trend()]).specification())
    layers = [layer for panel in spec["vconcat"] for layer in panel.get("layer", ())]
    told = {layer["mark"]["type"] for layer in layers if "tooltip" in layer["encoding"]}
    assert told == {"point"}


def test_the_command_says_what_it_built_and_refuses_where_there_is_nothing_to_build_from(bench: Bench) -> None:
    refused = bench.call("site")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "there is no directory reports here" in refused.stderr
    write_history(bench.folder / "reports", [week(1)])
    done = bench.call("site", "--out", "public/page")
    assert (done.returncode, done.stdout) == (0, "Built 5 pages: public/page/index.html\n")
    assert (bench.folder / "public" / "page" / "runs" / "run-001" / "index.html").exists()


def test_what_is_built_opens_in_the_browser_of_the_user(bench: Bench) -> None:
    browser = bench.folder / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\n')
    browser.chmod(0o755)
    write_history(bench.folder / "reports", [week(1)])
    bench.environment["BROWSER"] = str(browser)
    assert bench.call("site", "--open").returncode == 0
    assert (bench.folder / "opened").read_text().strip() == (bench.folder / "site" / "index.html").as_uri()
