"""`bench capacity` on a real server, and what it says."""

import json

import pytest
from rich.console import Console

from benchmark.capacity.capacity import Capacity, Slo, Step, bar, print_capacity, require_answer, sentence
from benchmark.errors import InvalidRunError
from tests.support.bench import Bench

SMALL_APP = """
import asyncio
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()
under_way = 0

@app.get("/quick", response_model=None)
async def quick():
    global under_way
    under_way += 1
    try:
        await asyncio.sleep(0.05)
        return JSONResponse({}, 200 if under_way <= 3 else 503)
    finally:
        under_way -= 1
"""
"""Has room for three at a time, and refuses all who ask while there are more."""


def test_an_app_with_room_for_three_users_is_found_to_have_room_for_three(bench: Bench) -> None:
    bench.configure(app=SMALL_APP)
    limits = ("--p95-below", "20s", "--duration", "2s", "--most-users", "16", "--workers", "1")
    done = bench.call("capacity", "quick", *limits, "--json", timeout_s=170)
    assert done.returncode == 0, done.stderr
    found = Capacity.model_validate(json.loads(done.stdout))
    assert (found.size, found.breaks_at, found.ended) == (3, 4, "found")
    told = [step for step in found.steps if not step.limited]
    assert [step.size for step in told] == [1, 2, 4, 3, 3, 4]
    assert told[2].broken.endswith("% failed")
    assert found.predicted_size == 16, "theory knows of no refusals"
    assert not (bench.folder / "results").exists()


def test_an_endpoint_of_which_nothing_is_declared_is_searched_as_well(bench: Bench) -> None:
    bench.configure(app=SMALL_APP)
    config = bench.folder / "benchmark.toml"
    config.write_text(config.read_text().replace('work = "20ms"\nserved = "event loop"\n', ""))
    done = bench.call("capacity", "quick", "--p95-below", "5s", "--duration", "1s", "--most-users", "2", "--json")
    assert done.returncode == 0, done.stderr
    told = [step["size"] for step in json.loads(done.stdout)["steps"] if not step["limited"]]
    assert told == [1, 2, 2], done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("quick",), 2, "--p95-below is missing, and benchmark.toml promises no p95 of quick", id="none"),
        pytest.param(("nothing",), 2, "there is no endpoint 'nothing'; there are: quick", id="no promise, no name"),
        pytest.param(("quick", "--p95-below", "soon"), 2, "--p95-below: 'soon' is not a duration", id="no time"),
        pytest.param(("quick", "--p95-below", "1s", "--failures-below", "x"), 2, "--failures-below: ", id="no share"),
        pytest.param(("quick", "--p95-below", "1s", "--most-users", "0"), 2, "--most-users must be ", id="no users"),
        pytest.param(
            ("nothing", "--p95-below", "1s"), 2, "there is no endpoint 'nothing'; there are: quick", id="name"
        ),
    ],
)
def test_nonsense_is_refused_before_anything_is_started(
    bench: Bench, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = bench.call("capacity", *arguments)
    assert done.returncode == code
    assert message in done.stderr


def some_step(size: int, **changes: object) -> Step:
    values = {"size": size, "throughput_rps": 50.0, "p95_ms": 150.0, "failures_percent": 0.0}
    return Step.model_validate(values | {"predicted_p95_ms": None, "broken": ""} | changes)


def some_capacity(**changes: object) -> Capacity:
    promise = Slo(p95_below_s=0.2)
    steps = (some_step(8), some_step(9, p95_ms=300.0, broken="too slow"))
    values = {"endpoint": "quick", "promise": promise, "size": 8, "breaks_at": 9, "throughput_rps": 50.0}
    return Capacity.model_validate(values | {"predicted_size": 8, "ended": "found", "steps": steps} | changes)


def test_the_answer_says_how_many_how_sure_and_what_theory_expects() -> None:
    assert sentence(some_capacity()) == (
        "8 users meet the target, 9 do not (50.00 req/s). Target: p95 below 200 ms, at most 0.1% failed. Predicted: 8."
    )
    assert sentence(some_capacity(size=0, throughput_rps=None, predicted_size=None)).startswith("Not even 1 user")
    rate = some_capacity(promise=Slo(p95_below_s=0.2, by="rate"))
    assert sentence(rate).startswith("8 requests per second meet the target, 9 do not")
    more = some_capacity(breaks_at=None, ended="most")
    assert "8 users meet the target; more were not tried (--most-users)" in sentence(more)


def test_where_the_load_generator_is_the_limit_the_answer_says_so_first() -> None:
    limited = some_step(4000, limited="The load generator used 99 % of a core.")
    said = sentence(some_capacity(ended="generator", steps=(some_step(8), limited)))
    assert said.startswith(
        "At 4000 users the load generator was the bottleneck: The load generator used 99 % of a core."
    )


def test_what_the_load_generator_hid_from_the_first_load_on_is_no_answer() -> None:
    limited = some_step(1, limited="The load generator was late.")
    with pytest.raises(InvalidRunError, match=r"there is no result for quick: The load generator was late\. Leave"):
        require_answer(some_capacity(ended="generator", size=0, steps=(limited,)))
    require_answer(some_capacity(ended="generator", steps=(some_step(8), limited)))
    require_answer(some_capacity(size=0))


def test_a_bar_that_is_longer_than_the_line_is_a_promise_broken() -> None:
    assert bar(some_step(8), 200.0, "#", "|") == "#########   |"
    assert bar(some_step(9, p95_ms=300.0), 200.0, "#", "|") == "############|#####"
    assert bar(some_step(9, p95_ms=None), 200.0, "#", "|").strip() == "|"


def test_the_table_fits_a_terminal_of_100_columns() -> None:
    console = Console(width=100, record=True, file=None)
    print_capacity(console, some_capacity())
    assert max(map(len, console.export_text().splitlines()[:3])) <= 100
