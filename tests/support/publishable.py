"""Records to publish: numbered runs, runs all of whose texts are hostile, and failed attempts."""

import re
from typing import Any

from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import Cpu, EndpointResult, Environment, FailureKind, Finding, Method, Record
from benchmark.store import Failure
from tests.support.records import some_record, some_result, some_round


def make_record(number: int = 0, name: str = "async_concurrent", text: str = "plain", **changes: Any) -> Record:
    """One complete run. `number` sets it apart; `name` is its endpoint's; `text` stands wherever free text may."""
    moment = f"2026-01-05T{4 + number // 60:02d}:{number % 60:02d}:00Z"
    values = {
        "id": f"{re.sub('[-:Z]', '', moment)}-smoke-{number:04d}",
        "started_at": moment,
        "finished_at": moment,
        "command": f"bench run {text}",
        "plan": make_plan(name, text),
        "method": Method(
            version=1, server_command=text, generator_command=text, start=text, latency=text, garbage_collection=text
        ),
        "environment": make_environment(text),
        "endpoints": (make_result(name, text),),
    }
    return some_record(**(values | changes))


def make_result(name: str, text: str) -> EndpointResult:
    """One round with a warning and a failure that both say `text`.

    Without a limit, so that there is nothing to draw: most tests are not about pictures, and those take time.
    """
    finding = Finding(kind="cpu", severity="warning", message=text, remedy=text)
    kinds = (FailureKind(message=text, count=1),)
    measured = some_round(throughput_rps=20.0, warnings=(finding,), failures_by_kind=kinds)
    return some_result(name, measured).model_copy(update={"limit": None})


def make_plan(name: str, text: str) -> Plan:
    """A plan with one endpoint."""
    return Plan(
        target=Target(import_path="app.main:app"),
        profile=Profile(name=text, users=10, spawn_rate_per_s=10, duration_s=2, endpoints=(name,)),
        endpoints=(Endpoint(name=name, path="/x", served="event loop", work_s=0.05),),
    )


def make_environment(text: str) -> Environment:
    """A machine all of whose names are `text`."""
    return Environment(
        cpu=Cpu(model=text, count=2),
        memory_bytes=2**33,
        kernel=text,
        os_image=text,
        python=text,
        packages={text: text},
        requirements_sha256=text,
        commit=text,
        commit_dirty=False,
        trigger=text,
        run_url=None,
    )


def make_failure(number: int = 0, **changes: str) -> Failure:
    """One attempt that failed, a week after the runs."""
    values = {
        "id": f"20260112T0417-{number:04d}",
        "at": f"2026-01-12T04:17:{number % 60:02d}Z",
        "reason": "the app did not start",
        "trigger": "schedule",
        "run_url": "https://example.org/actions/runs/1",
        "commit": None,
    }
    return Failure.model_validate(values | changes)
