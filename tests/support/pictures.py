"""Records with much to draw, and names that try to do more than be shown."""

import random
from collections.abc import Callable
from typing import Any

from benchmark.judge.change_points import ChangePoint
from benchmark.judge.metrics import Metric
from benchmark.judge.metrics import metric as metric_of
from benchmark.judge.series import Run, Series
from benchmark.judge.verdict import Baseline, Judgement, Point
from benchmark.pipeline import endpoint_result
from benchmark.plan import Endpoint
from benchmark.record import Columns, Cpu, EndpointResult, Limit, Quantiles, Record, Round, Timeline
from benchmark.summary import GRID_PERCENT
from tests.support.records import some_columns, some_environment, some_plan, some_record, some_round

THROUGHPUT = metric_of("throughput_rps")

HOSTILE_NAMES = (
    "a|b`c`<script>window.hit=1</script>",
    "[x](javascript:window.hit=1)",
    "![i](x onerror=window.hit=1)<img src=x onerror=window.hit=1>",
    "\"/><script>window.hit=1</script><text '&lt;&amp;#x3c;",
    "\u202eright to left\u2066 and\u200b nothing",
    "😀👩‍👩‍👧 émöjî",
    "x" * 10_000,
    "]]><!--</svg></style></title><script>window.hit=1</script>",
    "datum.value' + alert(1) + '",
)


def busy_round(number: int = 1, steps: int = 150, seed: int = 0) -> Round:
    """A round whose latencies and answers go up and down, so that nothing of it can be left out of a picture."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
    latencies = sorted(round(draw.lognormvariate(7, 1), 3) for _ in GRID_PERCENT)
    medians = tuple(None if draw.random() < 0.1 else round(draw.lognormvariate(7, 1), 3) for _ in range(steps))
    timeline = Timeline(
        step_s=2.0,
        requests=tuple(draw.randrange(500) for _ in range(steps)),
        failures=(0,) * steps,
        median_ms=medians,
        max_ms=tuple(None if value is None else value * 2 for value in medians),
        users=(10,) * steps,
        server_cpu_percent=(20.0,) * steps,
        server_threads=(84,) * steps,
        server_rss_bytes=(1,) * steps,
        generator_cpu_percent=(12.0,) * steps,
    )
    return some_round(
        round=number,
        ramp_end_s=10.0,
        load_end_s=steps * 2.0,
        throughput_rps=125.0 + seed,
        timeline=timeline,
        quantiles=Quantiles(percent=GRID_PERCENT, latency_ms=tuple(latencies)),
        prediction=Columns(**some_columns(throughput_rps=130.0, median_ms=1000.0, p99_ms=9000.0)),
    )


def busy_record(names: tuple[str, ...] = ("pooled", "awaiting"), rounds: int = 1, **changes: Any) -> Record:
    """A run of so many endpoints and rounds that each is at its largest."""
    plan = some_plan(rounds=rounds, endpoints=tuple(str(number) for number in range(len(names))))
    plain = Endpoint(name="x", path="/x", served="event loop", work_s=0.15)
    endpoints = tuple(plain.model_copy(update={"name": name}) for name in names)
    results = tuple(
        busy_result(name, *(busy_round(number, seed=seed) for number in range(1, rounds + 1)))
        for seed, name in enumerate(names)
    )
    return some_record(plan=plan.model_copy(update={"endpoints": endpoints}), endpoints=results, **changes)


def busy_result(name: str, *rounds: Round) -> EndpointResult:
    """Rounds of one endpoint, with bounds."""
    limit = Limit(seats=80, own_work_s=0.15, users_rps=200.0, seats_rps=150.0)
    return endpoint_result(name, 10, limit, rounds)


def sweep_of(*users: int, name: str = "pooled") -> list[Record]:
    """Runs of one sweep: 80 seats of 150 ms each."""
    records, plan = [], some_plan()
    plan = plan.model_copy(update={"endpoints": (plan.endpoints[0].model_copy(update={"name": name}),)})
    for number in users:
        rate_rps, wait_ms = min(number / 0.15, 80 / 0.15), max(150.0, number * 1000 * 0.15 / 80)
        columns = some_columns(throughput_rps=rate_rps, avg_ms=wait_ms)
        measured = some_round(throughput_rps=rate_rps * 0.97, avg_ms=wait_ms * 1.04, prediction=Columns(**columns))
        limit = Limit(seats=80, own_work_s=0.15, users_rps=number / 0.15, seats_rps=80 / 0.15)
        result = endpoint_result(name, number, limit, (measured,))
        records.append(some_record(id=f"run-{number}", sweep="sweep-1", plan=plan, endpoints=(result,)))
    return records


def some_trend(
    runs: int = 40,
    endpoint: str = "pooled",
    metric: Metric = THROUGHPUT,
    profile: str = "quick",
    machine: Callable[[int], str] = lambda number: "A" if number < 2 else "B",
) -> Series:
    """A metric that rises at run 20 and of which run 12 is not comparable."""
    cpus = [Cpu(model=machine(number), count=2) for number in range(runs)]
    ids = [f"run-{n:03}" for n in range(runs)]
    dates = [f"2026-{1 + n // 28 % 12:02}-{1 + n % 28:02}T00:00:00Z" for n in range(runs)]
    values = [None if n == 12 else 100.0 + n % 3 + (20 if n >= 20 else 0) for n in range(runs)]
    known = Baseline(runs=20, median=120.0, mad=1.0, band=5.0)
    verdicts = [
        Judgement(run, "unchanged", "steady", value=value, baseline=known, line="unchanged: +0.1 %")
        for run, value in zip(ids, values, strict=True)
    ]
    of = tuple(
        Run(run, date, some_environment().model_copy(update={"cpu": cpu}))
        for run, date, cpu in zip(ids, dates, cpus, strict=True)
    )
    change = ChangePoint(index=20, before=101.0, after=121.0, percent=20.0, direction="better")
    return Series(
        endpoint=endpoint,
        metric=metric,
        form="waiting",
        common={"profile": profile},
        points=tuple(Point(run, value) for run, value in zip(ids, values, strict=True)),
        runs=of,
        verdicts=tuple(verdicts),
        changes=((of[20], change),) if runs > 20 else (),
    )
