"""The site as people see it, in a real Chromium: it works, says the right figures, is usable by all, does no harm."""

import random
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from benchmark import formatting as text
from benchmark.config import Judging
from benchmark.judge.verdict import baseline
from benchmark.record import Record
from benchmark.report.render import judge_of, render
from benchmark.site.build import build
from benchmark.site.charts import WAYS
from benchmark.site.pages import write_page_beside
from benchmark.store import save
from benchmark.theory.computing import bounds
from benchmark.theory.demand import Constant
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import Overhead, Service
from tests.support.browser import Visit, see_all
from tests.support.histories import COMPUTING, on_cpu, run_of_week, write_history
from tests.support.pictures import HOSTILE_NAMES, busy_record
from tests.support.records import some_environment, some_plan, some_record

PAGES = ("index.html", "runs.html", "compare.html", "calculator.html", "runs/busy/index.html")
SERIOUS = {"serious", "critical"}
PHONE = 390


def some_runs() -> list[Record]:
    """Weekly runs of one series, one of them on another machine, and two of other kinds."""
    weekly = [run_of_week(week, 100.0 + week % 3) for week in range(8)]
    weekly[5] = run_of_week(5, 100.0, **on_cpu("Another CPU"))
    busy = busy_record(id="busy", started_at="2026-06-01T00:00:00Z")
    broken = some_record(
        id="broken", started_at="2026-06-02T00:00:00Z", state="incomplete", plan=some_plan(users=20), endpoints=()
    )
    return [*weekly, busy, broken]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of some runs."""
    folder = tmp_path_factory.mktemp("site")
    write_history(folder / "reports", some_runs())
    render(folder / "reports", folder / "no README", everything=True)
    build(folder / "reports", folder / "out", judge_of(folder / "reports"))
    return folder / "out"


@pytest.mark.parametrize("width", [PHONE, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_without_a_complaint_or_a_request_outside_and_fits_its_screen(
    browser: Browser, site: Path, name: str, width: int
) -> None:
    visit = Visit(browser, width=width)
    visit.open(site / name)
    see_all(visit.page)
    assert visit.done == []
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.page.close()


def test_charts_are_drawn_as_high_as_the_pictures_of_the_reports_and_darken_with_the_page(
    browser: Browser, site: Path
) -> None:
    fills = []
    for scheme in ("light", "dark"):
        visit = Visit(browser, scheme)
        visit.open(site / "runs" / "busy" / "index.html")
        see_all(visit.page)
        drawn = visit.page.locator(".chart svg")
        assert drawn.count() == 3
        assert all(svg.bounding_box()["height"] > 100 for svg in drawn.all())  # type: ignore[index]
        fills.append(drawn.first.locator("text").first.evaluate("text => getComputedStyle(text).fill"))
        visit.page.close()
    assert fills == ["rgb(89, 99, 110)", "rgb(145, 152, 161)"]


def test_a_point_tells_its_number_and_leads_to_its_run(browser: Browser, site: Path) -> None:
    visit = Visit(browser)
    visit.open(site / "index.html")
    see_all(visit.page)
    point = visit.page.locator("[data-spec*=trend] svg .mark-symbol path").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visit.page.mouse.move(*place)
    visit.page.wait_for_selector("#vg-tooltip-element.visible")
    assert "date" in visit.page.locator("#vg-tooltip-element").inner_text()
    visit.page.mouse.click(*place)
    visit.page.wait_for_url("**/runs/*/index.html")
    assert visit.done == []
    visit.page.close()


def test_without_scripts_numbers_pictures_and_runs_are_there(browser: Browser, site: Path) -> None:
    visit = Visit(browser, scripts=False)
    visit.open(site / "runs.html")
    assert visit.page.locator("#list > li:visible").count() == len(some_runs())
    assert visit.page.locator("#filters:visible").count() == 0
    visit.open(site / "runs" / "busy" / "index.html")
    pictures = visit.page.locator(".chart img")
    assert pictures.count() == 3
    assert all(picture.get_attribute("alt") for picture in pictures.all())
    assert visit.done == []
    visit.page.close()


def test_the_list_shows_what_the_filters_ask_for_and_the_address_remembers_them(browser: Browser, site: Path) -> None:
    visit = Visit(browser)
    visit.open(site / "runs.html")
    page = visit.page
    listed = page.locator("#list > li:visible")
    assert listed.count() == len(some_runs())
    page.get_by_label("Series").select_option("quick: 20 users, 30 s, 2 workers")
    assert listed.count() == 1
    page.get_by_label("Series").select_option("")
    page.get_by_label("From", exact=True).fill("2026-01-19")
    page.get_by_label("To", exact=True).fill("2026-02-02")
    january = ["2026-01-26", "2026-01-19"]
    assert [item[:10] for item in listed.all_inner_texts()] == ["2026-02-02", *january]
    assert page.locator("#count").inner_text() == f"3 of {len(some_runs())} runs"
    page.reload()
    assert listed.count() == 3
    page.get_by_label("To", exact=True).fill("2026-01")
    assert [item[:10] for item in listed.all_inner_texts()] == january, "a month is all of its days"
    page.get_by_label("To", exact=True).fill("01/31/2026")
    assert page.get_by_label("To", exact=True).evaluate("input => input.validity.patternMismatch")
    page.get_by_label("From", exact=True).fill("")
    assert listed.count() == len(some_runs()), "what is no date filters nothing"
    page.get_by_label("only usable runs").check()
    assert set(listed.evaluate_all("items => items.map(item => item.dataset.state)")) == {"usable"}
    assert visit.done == []
    page.close()


def table(page: Page, endpoint: str) -> dict[str, list[str]]:
    """The lines of one endpoint's table by their first cell."""
    section = page.locator("section", has=page.get_by_role("heading", name=endpoint, exact=True))
    lines = [row.locator("td").all_text_contents() for row in section.locator("tbody tr").all()]
    return {line[0]: line[1:] for line in lines}


def test_two_runs_side_by_side_show_what_their_records_hold(browser: Browser, site: Path) -> None:
    runs = {record.id: record for record in some_runs()}
    ids = sorted(name for name in runs if name.endswith("-weekly"))
    before, now = runs[ids[0]].endpoints[0].summary, runs[ids[1]].endpoints[0].summary
    assert before and now  # noqa: PT018 - one promise: both are there
    visit = Visit(browser)
    visit.open(site / "compare.html", f"a={ids[0]}&b={ids[1]}")
    found = table(visit.page, COMPUTING.name)
    rates = [text.rate(before.throughput_rps), text.rate(now.throughput_rps)]
    assert found["req/s"] == [*rates, f"{text.signed_percent(1.0)} within noise"]
    off = text.signed_percent(100 * (now.median_ms / before.median_ms - 1))  # type: ignore[operator]
    assert found["p50"] == [text.latency(before.median_ms), text.latency(now.median_ms), f"{off} within noise"]
    said, alike = visit.page.locator("#said"), visit.page.locator("#alike")
    assert said.inner_text() == "No difference beyond noise at 1 endpoint. Largest: req/s of computing, +1.0%."
    assert alike.inner_text() == "Same conditions, same software."
    visit.page.get_by_role("button", name="Swap").click()
    assert table(visit.page, COMPUTING.name)["req/s"][0] == text.rate(now.throughput_rps)
    assert visit.page.evaluate("location.hash") == f"#a={ids[1]}&b={ids[0]}"
    visit.page.locator("select[name=b]").select_option(ids[5])
    assert alike.inner_text().startswith("Different conditions (Processor ")
    assert "→ Another CPU, 2 cores): differences below may not come from the app." in alike.inner_text()
    assert visit.done == []
    visit.page.close()


def test_an_address_that_names_no_run_compares_the_newest_with_the_one_before_it(browser: Browser, site: Path) -> None:
    visit = Visit(browser)
    visit.open(site / "compare.html", "a=nobody&b=gone")
    assert visit.page.evaluate("location.hash").startswith("#a=busy&b=broken")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    assert visit.page.locator("select[name=b]").input_value() == "broken", "skipping to the content chose other runs"
    assert visit.done == []
    visit.page.close()


def changed_last(*rates: float, **last: object) -> list[Record]:
    """A run a week, the last of them changed."""
    runs = [run_of_week(week, rate) for week, rate in enumerate(rates)]
    return [*runs[:-1], runs[-1].model_copy(update=last)]


def test_two_runs_that_differ_say_so_first_with_the_largest_change_its_colour_and_its_word(
    browser: Browser, tmp_path: Path
) -> None:
    quiet, noisy = tmp_path / "quiet", tmp_path / "noisy"
    kernel = some_environment().model_copy(update={"kernel": "6.9.1"})
    write_history(quiet / "reports", changed_last(*[100.0] * 6, 80.0, environment=kernel))
    write_history(noisy / "reports", changed_last(100.0, 70.0, 130.0, 80.0, 120.0, 100.0, 80.0))
    for folder in (quiet, noisy):
        build(folder / "reports", folder / "site", judge_of(folder / "reports"))
    visit = Visit(browser)
    visit.open(quiet / "site" / "compare.html")
    said, section = visit.page.locator("#said"), visit.page.locator("section").first
    assert said.inner_text() == "computing differs most: p50 100 ms → 125 ms (+25%, slower)."
    assert section.locator("tbody tr td:first-child").all_inner_texts()[:3] == ["p50", "p95", "req/s"]
    shown = section.locator(".change").all()
    assert [cell.inner_text() for cell in shown[:3]] == ["+25% slower", "+25% slower", "\N{MINUS SIGN}20% lower"]
    red, calm = (cell.evaluate("cell => getComputedStyle(cell).color") for cell in (shown[0], shown[3]))
    assert red == "rgb(207, 34, 46)" != calm
    kernels = f"Kernel {some_environment().kernel} → 6.9.1"
    assert kernels in visit.page.locator("#alike").inner_text()
    visit.open(noisy / "site" / "compare.html")
    assert said.inner_text() == "No difference beyond noise at 1 endpoint. Largest: p50 of computing, +25%."
    visit.page.close()


def test_what_runs_differ_by_by_chance_is_worked_out_as_the_verdicts_do(browser: Browser, site: Path) -> None:
    draw = random.Random(20261128)  # noqa: S311 - no secret
    visit = Visit(browser)
    visit.open(site / "compare.html")
    rule = Judging(smallest_effect_percent=1e-9)
    for runs in range(rule.fewest_runs, rule.most_runs + 1):
        values = [draw.lognormvariate(3, 1) for _ in range(runs)]
        known = baseline(values, rule)
        found = visit.page.evaluate("values => noise.bandPercent(values)", values)
        assert found == pytest.approx(known.percent(known.band))
    assert visit.page.evaluate("noise.bandPercent([1, 2, 3, 4])") == 0, "too few to know"
    visit.page.close()


def test_runs_are_told_apart_by_a_short_text_that_fits_a_phone(browser: Browser, site: Path) -> None:
    visit = Visit(browser, width=PHONE)
    visit.open(site / "compare.html")
    options = visit.page.locator("select[name=a] option").all_inner_texts()
    assert options[1] == "2026-06-01 00:00 · quick"
    assert len(max(options, key=len)) < 30
    visit.page.close()


NO_GENERATOR = Overhead(generator_s=0)


def asked(draw: random.Random) -> dict[str, float]:
    return {
        "users": draw.randint(1, 100_000),
        "workers": draw.randint(1, 64),
        "threads": draw.randint(1, 200),
        "task_seconds": round(draw.lognormvariate(-2, 2), 4) or 0.01,
        "tasks": draw.randint(1, 9),
        "rest": draw.choice([0, 0, round(draw.uniform(0, 30), 3)]),
        "cpu_ms": draw.choice([0, round(draw.lognormvariate(1, 2), 3)]),
        "cores": draw.randint(1, 64),
    }


def expected(question: dict[str, float]) -> list[list[float]]:
    """Throughput, answer time and knee (0: none) of each way, as `bench` works them out."""
    workers, cores, cpu_s = int(question["workers"]), int(question["cores"]), question["cpu_ms"] / 1000
    in_turn_s, at_once_s = question["tasks"] * question["task_seconds"] + cpu_s, question["task_seconds"] + cpu_s
    pool = workers * int(question["threads"])
    found: list[list[float]] = []
    for work_s, seats in ((in_turn_s, pool), (in_turn_s, None), (at_once_s, None), (in_turn_s, workers)):
        each = None if seats is None else (seats // workers,) * workers
        served = Service(work_s, each, workers, demands=Constant(cpu_s, work_s - cpu_s), computing_s=cpu_s)
        limits = bounds(served, Machine(cores, apart=True), NO_GENERATOR)
        demand_s = 1 / limits[0].rps if limits else 0.0
        users, rest_s = int(question["users"]), question["rest"]
        rps = min(users / (work_s + rest_s), limits[0].rps) if limits else users / (work_s + rest_s)
        knee = (work_s + rest_s) / demand_s if limits else 0.0
        found.append([rps, max(work_s, users * demand_s - rest_s), knee])
    return found


def test_the_calculator_works_out_the_figures_of_the_closed_forms(browser: Browser, site: Path) -> None:
    draw = random.Random(20261124)  # noqa: S311 - no secret
    visit = Visit(browser)
    visit.open(site / "calculator.html")
    for _ in range(200):
        question = asked(draw)
        found = visit.page.evaluate("question => theory.bounds(question)", question)
        assert [bound["way"] for bound in found] == list(WAYS)
        for bound, values in zip(found, expected(question), strict=True):
            assert [bound["rps"], bound["seconds"], bound["knee"] or 0.0] == pytest.approx(values, rel=1e-12)
    visit.page.close()


def test_the_calculator_shows_the_published_experiment_and_keeps_its_answer_while_something_is_wrong(
    browser: Browser, site: Path
) -> None:
    visit = Visit(browser)
    visit.open(site / "calculator.html")
    page = visit.page
    page.wait_for_selector("#chart svg")

    def lines() -> list[list[str]]:
        return [row.locator("td").all_inner_texts()[1:] for row in page.locator("#bounds tr").all()]

    published = [
        ["80", "5.33", "93.8 s", "80"],
        ["no limit", "33.33", "15.0 s", "never"],
        ["no limit", "100.00", "5.00 s", "never"],
        ["2", "0.13", "3,750 s", "2"],
    ]
    assert lines() == published
    assert page.locator("#why").inner_text().endswith(f"asyncio.gather raises the limit {text.factor(100 / 5.3333)}.")
    page.get_by_label("Users", exact=True).fill("-3")
    assert page.get_by_role("alert").inner_text().startswith("Users: ")
    assert lines() == published
    page.get_by_label("Users", exact=True).fill("1000")
    page.get_by_label("Workers").fill("4")
    assert lines()[0] == ["160", "10.67", "93.8 s", "160"]
    assert page.evaluate("location.hash").startswith("#users=1000&workers=4&threads=40")
    page.reload()
    page.wait_for_selector("#chart svg")
    assert lines()[0] == ["160", "10.67", "93.8 s", "160"]
    assert visit.done == []
    page.close()


def test_numbers_are_written_in_the_page_as_in_the_reports(browser: Browser, site: Path) -> None:
    visit = Visit(browser)
    visit.open(site / "compare.html")
    numbers = (0.123, 0.99, 1.0, 9.96, 12.34, 99.96, 123.4, 15003.2, 0.0, 0.125, 79.125, 12.25, 2.25, 100.5, 101.5)
    for value in (*numbers, -2.25, 998.5, 999.5, 9_994.9, 9_995.1, 99_949.0, 99_951.0, 1_234_567.8):
        assert visit.page.evaluate("value => format.latency(value)", value) == text.latency(value)
        assert visit.page.evaluate("value => format.factor(value)", abs(value)) == text.factor(abs(value))
        assert visit.page.evaluate("value => format.count(value)", int(abs(value))) == text.count(int(abs(value)))
        assert visit.page.evaluate("value => format.ms(value)", value) == text.ms(value)
        assert visit.page.evaluate("value => format.rate(value)", value) == text.rate(value)
    for value in (0.0, 0.04, -0.04, 1.26, -9.9, 10.2, -49.4, 1234.0, 12.5, -12.5, 0.25, -0.25):
        assert visit.page.evaluate("value => format.signedPercent(value)", value) == text.signed_percent(value)
    for value in (0.05, 0.5, 15.0, 93.75, 60.0, 300.0, 3750.0, 999.5, 12_345.0, 12_345.5, 123_456.7):
        assert visit.page.evaluate("value => format.seconds(value)", value) == text.seconds(value)
    visit.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_usable_by_all(browser: Browser, site: Path, name: str, scheme: str) -> None:
    visit = Visit(browser, scheme)
    visit.open(site / name)
    see_all(visit.page)
    found = Axe().run(visit.page)
    assert [item["id"] for item in found.response["violations"] if item["impact"] in SERIOUS] == [], (
        found.generate_report()
    )
    visit.page.close()


def test_everything_can_be_reached_and_used_by_keyboard(browser: Browser, site: Path) -> None:
    visit = Visit(browser)
    visit.open(site / "calculator.html")
    page = visit.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "users"
    page.keyboard.press("ArrowUp")
    assert page.locator("#bounds tr").nth(2).locator("td").nth(2).inner_text() == "100.20"
    page.close()


def test_hostile_names_do_nothing_on_any_page(browser: Browser, tmp_path: Path) -> None:
    names = tuple(name[:200] for name in HOSTILE_NAMES if name.isprintable())  # others are refused in a record
    record = busy_record(names, id="hostile", customised=HOSTILE_NAMES, state="incomplete", reason=HOSTILE_NAMES[0])
    profile = record.profile.model_copy(update={"name": names[0]})
    named = record.model_copy(update={"plan": record.plan.model_copy(update={"profile": profile})})
    environment = named.environment.model_copy(update={"packages": {name: name for name in HOSTILE_NAMES}})
    write_history(tmp_path / "reports", [named.model_copy(update={"environment": environment}), some_record(id="calm")])
    render(tmp_path / "reports", tmp_path / "no README", everything=True)
    build(tmp_path / "reports", tmp_path / "site", judge_of(tmp_path / "reports"))
    for name in ("index.html", "runs.html", "compare.html", "runs/hostile/index.html"):
        visit = Visit(browser)
        visit.open(tmp_path / "site" / name)
        see_all(visit.page)
        assert visit.done == [], name
        assert visit.page.evaluate("window.hit") is None
        assert visit.page.locator("main [onerror], main a[href^='javascript'], main script:not([type])").count() == 0
        visit.page.close()


def test_the_page_of_one_run_alone_shows_its_report_and_pictures(browser: Browser, tmp_path: Path) -> None:
    record = busy_record(id="run")
    save(record, tmp_path / "run.json")
    from benchmark.report.render import render_run_of  # noqa: PLC0415 - Altair is slow to import

    page = write_page_beside(render_run_of(tmp_path, ()), record)
    visit = Visit(browser)
    visit.open(page)
    assert visit.done == []
    assert visit.page.locator("main img").count() == 3
    assert visit.page.locator("nav").count() == 0
    visit.page.close()
