"""What reports say of a run beside the runs before it."""

from itertools import cycle
from pathlib import Path

import pytest

from benchmark.judge.history import Judged, judged
from benchmark.record import Record
from benchmark.report import index
from benchmark.report.readme import BEGIN, END
from benchmark.report.render import render, render_run_of
from benchmark.report.verdicts import begun_anew, of_run, standings, summed_up
from benchmark.store import read_history
from tests.support.histories import COMPUTING, on_cpu, run_of_week, write_history
from tests.support.records import some_record

NOISE = (1.0, 1.01, 0.99, 1.005, 0.995, 1.02, 0.98)


def weeks(*levels: float) -> list[Record]:
    """One run a week, each at its level with a little noise."""
    return [run_of_week(n, level * noise) for n, (level, noise) in enumerate(zip(levels, cycle(NOISE), strict=False))]


def alarms(found: Judged, metric: str = "req/s") -> list[str]:
    """Runs in which a metric was called regressed."""
    return [run for run, said in found.verdicts.items() for s in said if (s.metric, s.verdict) == (metric, "regressed")]


def test_a_real_regression_raises_one_alarm_and_stays_open() -> None:
    found = judged(weeks(*[100.0] * 12, *[80.0] * 8), None)
    assert len(alarms(found)) == 1
    trend = next(trend for trend in found.trends if trend.metric.name == "throughput_rps")
    assert trend.last.open_since == "2026-03-30-weekly"
    assert [round(change.percent or 0) for _, change in trend.changes] == [-20]


def test_another_machine_begins_a_series_of_its_own_and_raises_no_alarm() -> None:
    before, after = [100.0] * 10, [60.0] * 10
    records = weeks(*before, *after)
    moved = [record.model_copy(update=on_cpu("AMD EPYC 9V74 80-Core Processor")) for record in records[10:]]
    first = [record.model_copy(update=on_cpu("AMD EPYC 7763 64-Core Processor")) for record in records[:10]]
    found = judged([*first, *moved], None)
    assert not alarms(found)
    said = next(said for said in found.verdicts[moved[0].id] if said.metric == "req/s")
    assert said.apart == "different CPU than the last run: AMD EPYC 7763 → 9V74"


def test_a_slow_machine_is_told_from_a_slow_endpoint_by_the_reference_workload() -> None:
    records = []
    for record, speed in zip(weeks(*[100.0] * 20), cycle([1.0, 0.7, 1.3]), strict=False):
        measured = run_of_week(0, 100.0 * speed).endpoints
        raw = measured[0].rounds[0].model_copy(update={"throughput_rps": 5000 * speed, "median_ms": 1 / speed})
        reference = {"users": 20, "raw": (raw.model_copy(update={"p95_ms": 2 / speed}),), "cpu_ms": (10.0,)}
        records.append(Record.model_validate({**dict(record), "endpoints": measured, "reference": reference}))
    found = judged(records, None)
    assert {trend.form for trend in found.trends} == {"relative", "waiting"}
    assert all(said.stage in {"steady", "too few runs"} for lines in found.verdicts.values() for said in lines)


def test_noisy_and_invalid_runs_are_shown_and_never_judged() -> None:
    records = weeks(*[100.0] * 10)
    broken = run_of_week(10, 20.0, state="incomplete", reason="interrupted")
    found = judged([*records, broken], None)
    assert found.validity[broken.id].level == "invalid"
    assert {said.stage for said in found.verdicts[broken.id]} == {"not judged"}


def test_an_open_regression_is_named_first_with_its_size_in_readme_and_index(tmp_path: Path) -> None:
    records = weeks(*[100.0] * 12, *[80.0] * 4)
    newer = records[12].environment.model_copy(update={"packages": {"fastapi": "9.9.9"}})
    records[12:] = [record.model_copy(update={"environment": newer}) for record in records[12:]]
    write_history(tmp_path, records)
    (tmp_path / "FRONT.md").write_text(f"{BEGIN}\n{END}\n")
    render(tmp_path, tmp_path / "FRONT.md", everything=True)
    readme = (tmp_path / "FRONT.md").read_text(encoding="utf-8")
    assert "🔴 **1 regression**: computing req/s −20%, since 2026‑03‑30<br>\nMeasured 2026‑04‑20" in readme
    assert "| computing | 80.80 | 124\u00a0ms | 159\u00a0ms | 🔴 −20% |" in readme
    listed = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert listed.startswith("# Benchmark results\n\n**1 regression.** Last usable run: [2026‑04‑20]")
    (row,) = [line for line in listed.splitlines() if line.startswith("- 🔴 **computing** regressed")]
    assert ": req/s 100 → 80 (−20%), p50 100 ms → 125 ms (+25%), also p95, since 2026‑03‑30 ·" in row
    assert "changed at the same time: fastapi 0.165.0 → 9.9.9" in row
    assert "[first run](runs/2026-03-30-weekly/report.md) · [newest run](runs/2026-04-20-weekly/report.md)" in row


def test_reports_and_index_say_what_changed(tmp_path: Path) -> None:
    write_history(tmp_path, weeks(*[100.0] * 12, 80.0, 80.0))
    render(tmp_path, tmp_path / "no README", everything=True)
    last = (tmp_path / "runs" / "2026-04-06-weekly" / "report.md").read_text()
    assert "\n1 regression.\n" in last
    assert "\n- 🔴 **computing** regressed: req/s 100 → 80 (−20%), p50 100 ms → 125 ms (+25%), also p95, since " in last
    first = (tmp_path / "runs" / "2026-01-05-weekly" / "report.md").read_text()
    assert "No verdicts yet: 1 of 5 comparable runs. Verdicts begin after 4 more runs." in first
    index = (tmp_path / "README.md").read_text()
    assert "- 🔴 **computing** regressed: req/s 100 → 80 (−20%)" in index


@pytest.mark.parametrize("late", [13, 12])
def test_one_new_run_is_rendered_as_everything_would_be_even_when_it_comes_late(tmp_path: Path, late: int) -> None:
    records = weeks(*[100.0] * 12, 80.0, 80.0)
    write_history(tmp_path, [record for number, record in enumerate(records) if number != late])
    render(tmp_path, tmp_path / "no README", everything=True)
    write_history(tmp_path, [records[late]])
    render(tmp_path, tmp_path / "no README", everything=False)
    step_by_step = {path: path.read_bytes() for path in tmp_path.rglob("*.md")}
    render(tmp_path, tmp_path / "no README", everything=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.md")} == step_by_step


def test_only_the_newest_runs_have_pictures_and_the_others_say_how_to_draw_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "PICTURED", 2)
    reports = tmp_path / "reports"
    records = [some_record(id=f"run-{day}", started_at=f"2026-01-0{day}T04:47:00Z") for day in range(1, 6)]
    write_history(reports, records[:4])
    render(reports, tmp_path / "no README", everything=True)
    write_history(reports, records[4:])
    render(reports, tmp_path / "no README", everything=False)
    step_by_step = {path: path.read_bytes() for path in reports.rglob("*.*")}
    render(reports, tmp_path / "no README", everything=True)
    assert {path: path.read_bytes() for path in reports.rglob("*.*")} == step_by_step
    assert {path.parent.name for path in reports.glob("runs/*/*.svg")} == {record.id for record in records[3:]}
    old = reports / "runs" / records[0].id
    assert f"`bench report reports/runs/{old.name}` draws those of this one." in (old / "report.md").read_text()
    assert "](throughput.svg)" in render_run_of(old, ()).read_text()
    assert (old / "throughput.svg").exists()


@pytest.mark.parametrize("everything", [True, False])
def test_a_file_that_can_not_be_read_is_named_and_the_others_are_shown(tmp_path: Path, *, everything: bool) -> None:
    records = weeks(*[100.0] * 4)
    write_history(tmp_path, records)
    runs = tmp_path / "runs"
    truncated, future = runs / records[0].id / "run.json", runs / records[1].id / "run.json"
    truncated.write_text(truncated.read_text()[:400])
    future.write_text(future.read_text().replace('"schema_version": 1', '"schema_version": 99', 1))
    (runs / "copy").mkdir()
    (runs / "copy" / "run.json").write_text((runs / records[2].id / "run.json").read_text())
    (runs / "garbage").mkdir()
    (runs / "garbage" / "run.json").write_bytes(b"\xff\xfe")
    history = render(tmp_path, tmp_path / "no README", everything=everything)
    assert len(history.unreadable) == 4
    index = (tmp_path / "README.md").read_text()
    for said in ("truncated or not JSON", "schema version 99", "runs/copy/run.json holds the run", "garbage/run.json"):
        assert index.count(said) == 1, said
    assert f"runs/{records[3].id}/report.md" in index


def test_what_is_committed_under_reports_is_what_rendering_gives(repository: Path, tmp_path: Path) -> None:
    reports, readme = repository / "reports", repository / "README.md"
    copy = tmp_path / "reports"
    for path in [*reports.glob("runs/*/run.json"), *reports.glob("failures/*.json"), *reports.glob("published/*.json")]:
        target = copy / path.relative_to(reports)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for name in ("README.md", "benchmark.toml"):
        (tmp_path / name).write_text((repository / name).read_text())
    assert render(copy, tmp_path / "README.md", everything=True).unreadable == ()
    assert (tmp_path / "README.md").read_text() == readme.read_text()
    for path in [*copy.rglob("*.md"), *copy.rglob("*.svg")]:
        assert path.read_text() == (reports / path.relative_to(copy)).read_text(), path


def test_thresholds_come_from_where_bench_is_called_and_a_broken_file_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    here, published = tmp_path / "here", tmp_path / "published"
    here.mkdir()
    monkeypatch.chdir(here)
    write_history(published, weeks(*[100.0] * 12, 80.0, 80.0))
    (published.parent / "benchmark.toml").write_text("what is published beside the reports is not read: [")
    config = (repository / "benchmark.toml").read_text()
    (here / "benchmark.toml").write_text(f"{config}\n[judging]\nsmallest_effect_percent = 50\n")
    render(published, tmp_path / "README.md", everything=True)
    assert "regressed" not in (published / "README.md").read_text()
    assert capsys.readouterr().err == ""
    (here / "benchmark.toml").write_text("[")
    render(published, tmp_path / "README.md", everything=True)
    index = (published / "README.md").read_text()
    assert "**1 regression.**" in index
    assert "> **Note**: judged with the default thresholds, and no change is accepted: benchmark.toml cannot" in index
    assert capsys.readouterr().err.startswith("judged with the default thresholds")


def test_an_accepted_run_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    write_history(tmp_path / "reports", weeks(*[100.0] * 2))
    accepted = '\n[[accepted]]\nrun = "2026-01-06-weekly"\nreason = "wanted"\n'
    (tmp_path / "benchmark.toml").write_text((repository / "benchmark.toml").read_text() + accepted)
    render(tmp_path / "reports", tmp_path / "README.md", everything=False)
    said = "benchmark.toml accepts a change in the run 2026-01-06-weekly, which is not in the reports"
    assert capsys.readouterr().err == f"{said}\n"
    assert f"> **Note**: {said}" in (tmp_path / "reports" / "README.md").read_text()


def test_the_report_of_one_run_in_a_reports_directory_keeps_its_verdict(tmp_path: Path) -> None:
    write_history(tmp_path, weeks(*[100.0] * 12, 80.0, 80.0))
    render(tmp_path, tmp_path / "no README", everything=True)
    directory = tmp_path / "runs" / "2026-04-06-weekly"
    before = (directory / "report.md").read_bytes()
    assert b"\n1 regression.\n" in before
    assert render_run_of(directory, ()).read_bytes() == before
    alone = tmp_path / "results" / directory.name
    alone.mkdir(parents=True)
    (alone / "run.json").write_bytes((directory / "run.json").read_bytes())
    assert b"1 regression" not in render_run_of(alone, ()).read_bytes()


def test_what_is_said_of_a_run_is_in_the_order_of_its_plan_whatever_else_is_there() -> None:
    two = COMPUTING.model_copy(update={"name": "another", "path": "/another"})
    measured = run_of_week(0, 100.0)
    results = (measured.endpoints[0], measured.endpoints[0].model_copy(update={"name": "another"}))
    plan = measured.plan
    mixed = [
        run_of_week(
            week,
            100.0,
            endpoints=results,
            plan=plan.model_copy(update={"endpoints": (COMPUTING, two) if week % 2 else (two, COMPUTING)}),
        )
        for week in range(4)
    ]
    for found in (judged(mixed, None), judged(mixed[::-1], None), judged(mixed[2:], None)):
        lines = [(said.endpoint, said.metric) for said in found.verdicts[mixed[3].id]]
        titles = ["req/s", "p50", "p95", "failures"]
        assert lines == [(name, title) for name in ("computing", "another") for title in titles]


def test_a_run_whose_regressions_are_open_says_so_first() -> None:
    records = weeks(*[100.0] * 10, *[80.0] * 8)
    found = judged(records, None)
    assert of_run(found.verdicts[records[-1].id]) == "1 regression."
    assert summed_up(standings(found)) == "1 regression."


def test_a_noisy_run_after_good_ones_does_not_say_that_there_are_too_few() -> None:
    records = [*weeks(*[100.0] * 12), run_of_week(12, 20.0, state="incomplete", reason="interrupted")]
    assert summed_up(standings(judged(records, None))) == "1 endpoint not judged."
    assert summed_up(standings(judged(records[:3], None))) == "No verdicts yet: 3 of 5 comparable runs."


def test_only_the_newest_series_of_a_profile_is_summed_up() -> None:
    records = [*weeks(*[100.0] * 12, 80.0, 80.0), run_of_week(14, 80.0, **on_cpu("Other"))]
    own = run_of_week(15, 10.0, customised=("--users",), **on_cpu("A third"))
    found = judged([*records, own], None)
    assert summed_up(standings(found)) == "No verdicts yet: 1 of 5 comparable runs."
    assert {trend.aside for trend in found.trends if trend.metric.name == "median_ms"} == {
        None,
        "the series ended: different CPU than the last run: Example 3000 → Other",
        "measured with settings of its own: --users",
    }
    (why,) = begun_anew(trend.last for trend in found.counting)
    assert why.startswith(
        "A new series begins for 3 metrics, because earlier runs are not comparable: different CPU than"
    )


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        pytest.param(1, "Verdicts on 3 metrics begin after 4 more runs.", id="the first"),
        pytest.param(4, "Verdicts on 3 metrics begin after 1 more run.", id="one is missing"),
        pytest.param(5, "Verdicts on 3 metrics begin with the next run.", id="enough to compare with"),
        pytest.param(6, "", id="compared"),
    ],
)
def test_on_new_hardware_a_report_says_how_many_runs_are_missing_until_verdicts_begin(runs: int, said: str) -> None:
    later = [run_of_week(8 + number, 100.0, **on_cpu("Other")) for number in range(runs)]
    found = judged([*weeks(*[100.0] * 8), *later], None)
    report = of_run(found.verdicts[later[-1].id])
    assert report.endswith(said)
    assert ("begin" in report) == bool(said)


def several_endpoints(*levels: tuple[float, ...]) -> list[Record]:
    """Weekly runs of as many endpoints as each week has levels: a, b, c."""
    records = []
    for week, values in enumerate(levels):
        one = run_of_week(week, 100.0)
        names = "abcdef"[: len(values)]
        plan = one.plan.model_copy(update={"endpoints": tuple(COMPUTING.model_copy(update={"name": n}) for n in names)})
        results = tuple(
            run_of_week(week, value).endpoints[0].model_copy(update={"name": n})
            for n, value in zip(names, values, strict=True)
        )
        records.append(one.model_copy(update={"plan": plan, "endpoints": results}))
    return records


def test_the_index_lists_endpoints_and_not_metrics_the_worst_first(tmp_path: Path) -> None:
    before, after = (100.0, 100.0, 100.0, 100.0), (100.0, 100.0, 80.0, 100.0)
    write_history(tmp_path, several_endpoints(*[before] * 8, after, after, (100.0, 110.0, 80.0, 85.0)))
    render(tmp_path, tmp_path / "no README", everything=True)
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "**1 regression, 1 possible regression, 2 endpoints unchanged.**" in index
    lines = [line for line in index.splitlines() if line.startswith("- ")]
    assert [line.partition(":")[0] for line in lines] == [
        "- 🔴 **c** regressed",
        "- 🟡 **d** may have regressed",
        "- 🟢 unchanged",
    ]
    assert "req/s −15%, p50 +18%, also p95; awaiting a second run · no recorded change" in lines[1]
    assert lines[2] == "- 🟢 unchanged: a, b"


def test_of_several_profiles_each_has_its_verdict() -> None:
    runs = weeks(*[100.0] * 8)
    profile = runs[0].profile.model_copy(update={"name": "other"})
    plan = runs[0].plan.model_copy(update={"profile": profile})
    others = [one.model_copy(update={"id": f"{one.id}-other", "plan": plan}) for one in runs[:2]]
    found = standings(judged([*runs, *others], None))
    assert {one.profile for one in found} == {"quick", "other"}
    assert summed_up(found) in {
        "quick: no regressions, 1 endpoint unchanged. other: no verdicts yet: 2 of 5 comparable runs.",
        "other: no verdicts yet: 2 of 5 comparable runs. quick: no regressions, 1 endpoint unchanged.",
    }


def test_a_run_back_at_the_level_before_is_not_called_a_possible_change() -> None:
    records = weeks(*[100.0] * 10, 120.0, 120.0, 100.0)
    said = judged(records, None).verdicts[records[-1].id]
    assert "suspected" in {item.stage for item in said}
    assert of_run(said) == "No regressions, 1 endpoint unchanged."


def test_a_report_links_the_run_before_of_the_same_profile_and_numbers() -> None:
    own = run_of_week(1, 100.0, customised=("--users",))
    elsewhere = own.environment.model_copy(update={"run_url": "https://github.com/else/where/actions/runs/1"})
    stranger = run_of_week(3, 100.0, environment=elsewhere)
    records = [run_of_week(0, 100.0), own, run_of_week(2, 100.0), stranger, run_of_week(4, 100.0)]
    first, _, second, _, third = (record.id for record in records)
    assert judged(records, None, home="github.com/own/er").before == {second: first, third: second}


def test_only_the_newest_runs_are_kept_in_mind(tmp_path: Path) -> None:
    write_history(tmp_path, weeks(*[100.0] * 6))
    history = read_history(tmp_path, newest=2)
    assert [record.id for record in history.records] == ["2026-02-09-weekly", "2026-02-02-weekly"]
    assert history.runs == 6
