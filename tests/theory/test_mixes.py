"""A mix is simulated as several endpoints that share their workers, and asked for as users ask under load."""

from itertools import accumulate, islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import UsageError
from benchmark.judge.findings import warnings
from benchmark.pipeline import endpoint_result
from benchmark.plan import Endpoint, Mix, Plan, Target
from benchmark.record import Part
from benchmark.report.report import predictions_table
from benchmark.report.sentences import prediction_sentence, reasons
from benchmark.theory import simulation
from benchmark.theory.ask import ask, simulations
from benchmark.theory.computing import bounds, machine, service
from benchmark.theory.curve import Simulator, curve, meet, promises
from benchmark.theory.curve_wording import knee_sentence, take_sentences
from benchmark.theory.predict import explained, open_columns, predict, predict_open
from benchmark.theory.simulation import OVERHEAD, Load, Overhead, Service, Simulated, simulate, simulate_open
from load.clients import client_maker
from load.spec import RequestSpec
from load.visitor import Script, Visitor
from tests.support.records import some_columns, some_plan, some_record, some_round
from tests.theory.test_measured_service import LONE

NOTHING = Overhead(generator_s=0, worker_s=0, latency_s=0, begin_s=0, connect_s=0, accept_s=0, thread_s=0)


def waits(name: str, work_s: float) -> Endpoint:
    return Endpoint(name=name, path="/", served="event loop", work_s=work_s)


def pooled(name: str, work_s: float, slots: int) -> Endpoint:
    return Endpoint(name=name, path="/", served="pool", work_s=work_s, seats=slots)


def threads(name: str, work_s: float) -> Endpoint:
    return Endpoint(name=name, path="/", served="thread pool", work_s=work_s)


def mixed(*requests: Endpoint, weights: tuple[float, ...] | None = None) -> Endpoint:
    return Endpoint(name="mix", path="/", mix=Mix(requests=requests, weights=weights))


def loaded(one: Endpoint, *, workers: int = 1, **profile: Any) -> Plan:
    values = {"users": 30, "spawn_rate_per_s": 30, "duration_s": 8, "seed": 3} | profile
    plan = some_plan(**values, endpoints=(one.name,))
    return Plan(target=Target(import_path="a:app", workers=workers), profile=plan.profile, endpoints=(one,))


def served(one: Endpoint, plan: Plan) -> simulation.Mix:
    found = service(one, plan)
    assert isinstance(found, simulation.Mix)
    return found


def simulated(one: Endpoint, users: int, duration_s: float, *, seed: int = 0, workers: int = 1) -> Simulated:
    """Users that all start at once, on a machine that costs nothing."""
    load = Load(users=users, spawn_rate_per_s=users, duration_s=duration_s, seed=seed)
    split = [number % workers for number in range(users)]
    return simulate(load, served(one, loaded(one, workers=workers)), split, NOTHING)


def test_each_user_of_two_waits_has_its_own_draws_one_after_the_other() -> None:
    """Nothing is shared, so users / mean response time comes out exactly: of what each of them drew."""
    mix = mixed(waits("long", 0.4), waits("short", 0.1), weights=(30, 70))
    works_s = [one.work_s for one in served(mix, loaded(mix)).services]
    ends: list[float] = []
    for user in range(20):
        drawn = served(mix, loaded(mix)).places(7, user)
        ends += [end for end in accumulate(works_s[place] for place in islice(drawn, 400)) if end < 30]
    found = simulated(mix, 20, 30.0, seed=7).rows
    assert sorted(found["end_s"]) == pytest.approx(sorted(ends))
    assert len(found) / 30 == pytest.approx(20 / 0.19, rel=0.04)


def test_a_flow_is_sent_in_its_order_by_each_user() -> None:
    found = simulated(mixed(waits("a", 1.0), waits("b", 2.0), waits("a", 1.0)), 1, 9.5).rows
    assert found["end_s"].tolist() == [1, 3, 4, 5, 7, 8, 9]
    assert found["service"].tolist() == [0, 1, 0, 0, 1, 0, 0]


def test_think_time_lies_between_the_steps_of_a_flow() -> None:
    flow = mixed(waits("a", 1.0), waits("b", 2.0))
    load = Load(users=1, spawn_rate_per_s=1, duration_s=9.5, wait_s=0.5)
    found = simulate(load, served(flow, loaded(flow)), [0], NOTHING).rows
    assert found["sent_s"].tolist() == [0, 1.5, 4, 5.5, 8]


def test_a_saturated_pool_holds_up_its_own_requests_and_no_others() -> None:
    mix = mixed(pooled("pooled", 0.2, 2), waits("free", 0.05), weights=(1, 1))
    rows = simulated(mix, 20, 60.0).rows
    rows["took_s"] = rows["end_s"] - rows["sent_s"]
    late = rows[(rows["end_s"] > 10.1) & (rows["end_s"] < 50.1)]
    assert late[late["service"] == 1]["took_s"].max() == pytest.approx(0.05)
    assert (late["service"] == 0).sum() == 40 * 2 / 0.2
    # as long as both are asked for alike, a free request gets through for each pooled one
    assert (late["service"] == 1).sum() == pytest.approx(40 * 2 / 0.2, rel=0.1)
    assert bounds(served(mix, loaded(mix)), None, NOTHING)[0].rps == pytest.approx(20)


def test_endpoints_of_one_thread_pool_queue_for_the_same_threads_and_pools_of_their_own_do_not() -> None:
    both = mixed(threads("a", 0.2), threads("b", 0.2))
    plan = loaded(both)
    plan = plan.model_copy(update={"target": plan.target.model_copy(update={"threads": 2})})
    load = Load(users=20, spawn_rate_per_s=20, duration_s=10.1)
    assert len(simulate(load, served(both, plan), [0] * 20, NOTHING).rows) == 2 * 50
    apart = mixed(pooled("a", 0.2, 2), pooled("b", 0.2, 2))
    assert len(simulate(load, served(apart, plan), [0] * 20, NOTHING).rows) > 1.9 * 2 * 50


@pytest.mark.parametrize(("on_threads", "first_quick_s"), [(False, 1.1), (True, 2.1)])
def test_who_waits_for_a_connection_on_a_thread_keeps_others_from_threads(
    *, on_threads: bool, first_quick_s: float
) -> None:
    """Two threads, one connection: at 1 s the third user, who came first, gets the thread that became free."""
    connected = pooled("connected", 1.0, 1).model_copy(update={"on_threads": on_threads})
    both = mixed(connected, threads("quick", 0.1))
    plan = loaded(both)
    plan = plan.model_copy(update={"target": plan.target.model_copy(update={"threads": 2})})
    load = Load(users=3, spawn_rate_per_s=3, duration_s=4.0)
    rows = simulate(load, served(both, plan), [0] * 3, NOTHING).rows
    assert rows[rows["service"] == 1]["end_s"].min() == pytest.approx(first_quick_s)
    assert rows[rows["service"] == 0]["end_s"].tolist()[:2] == pytest.approx([1.0, 2.0])


def test_a_blocked_event_loop_and_computing_hold_up_all_requests_of_their_worker() -> None:
    for how in ("blocked event loop", "cpu"):
        slow = Endpoint(name="slow", path="/", served=how, work_s=1.0)
        mix = mixed(slow, waits("free", 0.25), weights=(1, 1))
        requests = served(mix, loaded(mix, workers=2))
        # both reach one worker at once: the free one is back when the slow one is done, and in time on the other
        arrivals = iter([(0.0, 0), (0.0, 0), (0.0, 1), (10.0, 0)])
        order = simulation.Mix(requests.services, requests.weights, requests.names, order=(0, 1, 1))
        found = simulate_open(arrivals, 5.0, order, Overhead(0, 0.01, 0), users=3)
        assert len(found.rows) == 3
        assert found.rows["end_s"].max() >= 1.0
        assert bounds(requests, None, NOTHING)[0].rps == pytest.approx(2 / 0.5)


KINDS = st.sampled_from(["thread pool", "event loop", "blocked event loop", "cpu", "mixed", "pool", "measured"])


def some_endpoint(kind: str) -> Endpoint:
    if kind == "pool":
        return pooled("one", 0.03, 3)
    if kind == "mixed":
        return Endpoint(name="one", path="/", served="mixed", work_s=0.03, cpu_s=0.004)
    if kind == "measured":
        return Endpoint(name="one", path="/", served="thread pool", measured=LONE)
    return Endpoint(name="one", path="/", served=kind, work_s=0.03)


@settings(max_examples=30, deadline=None)
@given(
    kind=KINDS,
    users=st.integers(1, 30),
    workers=st.integers(1, 2),
    steps=st.integers(0, 3),
    weight=st.floats(0.01, 1000),
    load=st.sampled_from([{}, {"wait_s": 0.05}, {"rate_per_s": 40.0}, {"start": "spread"}]),
)
def test_a_mix_of_one_endpoint_is_that_endpoint(
    kind: str, users: int, workers: int, steps: int, weight: float, load: dict[str, Any]
) -> None:
    one = some_endpoint(kind)
    mix = mixed(*[one] * steps) if steps else mixed(one, weights=(weight,))
    split = (users,) if workers == 1 else (users // 2, users - users // 2)
    found = []
    for endpoint in (one, mix):
        plan = loaded(endpoint, workers=workers, users=users, spawn_rate_per_s=users, duration_s=2, **load)
        how, on = service(endpoint, plan), machine(plan, 2)
        assert how is not None
        if "rate_per_s" in load:
            found.append(open_columns(plan.profile, 2.0, how, split, seed=1, on=on))
        else:
            found.append(predict(plan, how, split=split, seed=1, draws=2, on=on))
    alone, of_mix = (one.model_dump(exclude={"parts"}) for one in found)
    assert alone == of_mix


@pytest.mark.parametrize("load", [{}, {"rate_per_s": 100.0}, {"wait_as": "0.1s..0.3s", "wait_s": 0.2}], ids=str)
def test_the_same_seed_gives_the_same_figures_and_the_parts_add_up(load: dict[str, Any]) -> None:
    mix = mixed(pooled("pooled", 0.2, 2), waits("free", 0.05), weights=(30, 70))

    def found(seed: int) -> Any:
        plan = loaded(mix, workers=2, **{**load, "seed": seed})
        how, rate = served(mix, plan), load.get("rate_per_s")
        if rate:
            return predict_open(rate, 8.0, how, split=None, overhead=OVERHEAD["fast"], profile=plan.profile)
        return predict(plan, how, split=None, draws=1)  # medians over several do not add up

    one, again, other = found(1), found(1), found(2)
    assert one == again
    assert one != other
    whole = one.simulated if load.get("rate_per_s") else one
    assert [part.name for part in one.parts] == ["pooled", "free"]
    assert sum(part.summary.throughput_rps for part in one.parts) == pytest.approx(whole.throughput_rps, abs=0.5)
    assert one.parts[0].summary.median_ms >= 200
    assert one.parts[1].summary.median_ms < 60


def test_a_simulated_user_chooses_as_that_user_does_under_load() -> None:
    weights = (80.0, 12.0, 8.0)
    specs = [RequestSpec(name=str(place), path="/", weight=weight) for place, weight in enumerate(weights)]
    mix = simulation.Mix(tuple(Service(1.0, None, 1) for _ in weights), weights, ("0", "1", "2"))
    for user in (0, 1, 77):
        client = client_maker("fast", "http://127.0.0.1", timeout_s=1.0, ca_file=None)()
        visitor = Visitor(Script(specs, "http://127.0.0.1", {}, seed=5), client, user)
        assert [visitor.next().name for _ in range(50)] == [str(place) for place in islice(mix.places(5, user), 50)]


def test_users_of_a_rate_take_turns_and_send_their_flow_in_order() -> None:
    flow = simulation.Mix(tuple(Service(0.001, None, 1) for _ in range(3)), (1, 1, 1), ("a", "b", "c"), (0, 1, 2))
    found = simulate_open(iter([(0.1, 0)] * 12), 5.0, flow, NOTHING, users=4)
    assert found.rows["service"].tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_demands_of_a_mix_bound_it_by_their_weights() -> None:
    computing = Endpoint(name="computing", path="/", served="mixed", work_s=0.01, cpu_s=0.004)
    mix = mixed(pooled("pooled", 0.1, 5), threads("threads", 0.2), computing, weights=(20, 30, 50))
    plan = loaded(mix, workers=2)
    found = {(one.by, one.pool): one.rps for one in bounds(served(mix, plan), machine(plan, 2), OVERHEAD["fast"])}
    assert found["slots", "pooled"] == pytest.approx(2 * 5 / (0.2 * 0.1))
    assert found["slots", ""] == pytest.approx(2 * 40 / (0.3 * 0.2))
    assert found["workers", ""] == pytest.approx(2 / (0.5 * 0.004))
    assert found["cores", ""] == pytest.approx(2 / (0.5 * 0.004 + 0.0001))


def test_a_curve_of_a_mix_rises_to_its_bound_and_says_what_it_is() -> None:
    mix = mixed(pooled("pooled", 0.1, 5), waits("free", 0.05), weights=(30, 70))
    plan = loaded(mix, users=100)
    found = Simulator(plan, mix, machine(plan, 2), seed=1)
    drawn = curve(found, [2, 11, 40], lambda _: None)
    rates = [point.throughput_rps for point in drawn.points]
    assert all(lower < higher * 1.05 for lower, higher in pairwise(rates))
    assert rates[0] == pytest.approx(2 / (0.065 + 0.0015), rel=0.05)
    assert rates[-1] == pytest.approx(5 / 0.03, rel=0.08)
    assert drawn.knee is not None
    assert (drawn.knee.by, drawn.knee.pool) == ("slots", "pooled")
    assert "5 slots of pooled, which the average request holds for 30.0 ms" in knee_sentence(drawn.knee, found)
    met = meet(found, promises("p95=400ms"), lambda plan: machine(plan, 2), lambda _: None)
    assert [(one.what, one.number is not None) for one in met.takes] == [("workers", True), ("slots", True)]
    assert "slots in each worker instead of 5" in take_sentences(met)[1]


def test_what_is_not_declared_in_a_mix_is_named_with_what_finds_it() -> None:
    mix = mixed(waits("known", 0.1), Endpoint(name="a", path="/"), Endpoint(name="b", path="/"), weights=(1, 1, 1))
    plan = loaded(mix)
    with pytest.raises(UsageError, match="bench diagnose a --keep; bench diagnose b --keep"):
        simulations(ask({}), [plan])
    measured = explained(plan, mix, some_round(), machine(plan, 2))
    assert measured.prediction is None
    record = some_record(plan=plan, endpoints=(endpoint_result("mix", 30, None, (measured,)),), missing=())
    ((_, said),) = reasons(record)
    assert "`bench diagnose a --keep` and `bench diagnose b --keep` find out" in said
    assert "known" not in said.partition("Not predicted")[2]
    assert not predictions_table(record)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seats": "4"}, "--seats is of one endpoint"),
        ({"service_seconds": "1"}, "--service-seconds is of one endpoint"),
        ({"slots": "4"}, "'p', 'q' of mix 'mix' have one each"),
    ],
)
def test_flags_that_are_of_one_endpoint_are_refused_for_a_mix(values: dict[str, str], said: str) -> None:
    mix = mixed(pooled("p", 0.1, 2), pooled("q", 0.1, 2))
    with pytest.raises(UsageError, match=said):
        simulations(ask(values), [loaded(mix)])


def test_slots_are_those_of_the_only_pool_of_a_mix() -> None:
    mix = mixed(pooled("p", 0.1, 2), waits("free", 0.1))
    ((_, _, how),) = simulations(ask({"slots": "4"}), [loaded(mix, workers=2)])
    assert isinstance(how, simulation.Mix)
    assert how.pools == {"p": (4, 4)}


def test_a_measured_mix_is_held_against_the_prediction_of_each_of_its_endpoints() -> None:
    mix = mixed(pooled("pooled", 0.2, 2), waits("free", 0.05), weights=(30, 70))
    plan = loaded(mix, duration_s=30)
    parts = tuple(Part(name=name, **some_columns(median_ms=70.0)) for name in ("pooled", "free"))
    measured = explained(plan, mix, some_round(parts=parts, connections_per_worker=(30,)), machine(plan, 2))
    assert measured.prediction is not None
    expected = [part.prediction.median_ms for part in measured.parts if part.prediction]
    assert expected[0] is not None
    assert expected[0] > 200
    assert expected[1] == pytest.approx(51.5, rel=0.05)
    off = next(one for one in warnings(measured, mix, plan) if "prediction" in one.message)
    assert "median of free +" in off.message
    record = some_record(plan=plan, endpoints=(endpoint_result("mix", 30, None, (measured,)),), missing=())
    assert "mix: pooled, predicted" in predictions_table(record)
    assert "in p50 (mix: " in prediction_sentence(record)
