"""The check before a load: each endpoint is asked once, with the client and the bytes of the load."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from benchmark.errors import AppError
from benchmark.measure.load_test import POLL_S, load_environment, module_file, request_specs
from benchmark.measure.process import Child
from benchmark.plan import Endpoint, Plan
from benchmark.streams import stream_spec
from load.spec import redact

UNSENT = "the request could not be sent"
TRY_TIMEOUT_S, TRY_ALL_S = 10.0, 60.0
LONGEST_STREAM_S = 300.0
"""A stream that nothing tells when to end, and that goes on for longer than this and the load, is taken for endless."""

Pause = Callable[[float], None]
Say = Callable[[str], None]


def verify(
    plan: Plan,
    endpoints: Sequence[Endpoint],
    base_url: str,
    *,
    directory: Path,
    home: Path,
    pause: Pause,
    say: Say = lambda _: None,
) -> dict[str, float]:
    """Ask for every endpoint once, in their order; gives how long each answer took (s).

    `say` hears of a response that goes on and on. AppError names the first endpoint that answers wrongly.
    """
    allowed_s = _timeout_s(plan, endpoints)
    stream_s = max(allowed_s, min(plan.profile.duration_s, LONGEST_STREAM_S))
    streams = [
        spec for one in endpoints for member in one.members if (spec := stream_spec(member.stream, member.until))
    ]
    longest_s = allowed_s * len(endpoints) + plan.target.startup_timeout_s
    longest_s += sum(stream_s + (spec.after_s or 0.0) for spec in streams)
    asked = {"base_url": base_url, "timeout_s": allowed_s, "stream_s": stream_s, "one_by_one": False}
    found, printed = _asked_once(
        plan, endpoints, asked, longest_s, directory=directory, home=home, pause=pause, say=say
    )
    return _right_answers(endpoints, found, printed, plan.secrets(), plan.target.url)


def try_each(
    plan: Plan, endpoints: Sequence[Endpoint], base_url: str, *, directory: Path, home: Path, pause: Pause
) -> dict[str, tuple[str | None, float]]:
    """Ask for each endpoint alone, and give what is wrong with its response and how long that took (s), by name.

    What has no response after a minute in all is not in it.
    """
    asked = {"base_url": base_url, "timeout_s": TRY_TIMEOUT_S, "stream_s": TRY_TIMEOUT_S, "one_by_one": True}
    found, printed = _asked_once(plan, endpoints, asked, TRY_ALL_S, directory=directory, home=home, pause=pause)
    if not found and endpoints and printed:
        raise AppError("no endpoint could be tried; what was printed:", printed)
    secrets = plan.secrets()
    return {
        answer["name"]: (answer["problem"] and redact(answer["problem"], secrets), float(answer["answer_s"]))
        for answer in found
    }


def _asked_once(
    plan: Plan,
    endpoints: Sequence[Endpoint],
    asked: dict[str, Any],
    longest_s: float,
    *,
    directory: Path,
    home: Path,
    pause: Pause,
    say: Say = lambda _: None,
) -> tuple[list[dict[str, Any]], str]:
    """The answers that came within `longest_s`, and what the process that asked printed."""
    question = directory / "verify.json"
    requests = [asked_of(endpoint) for endpoint in endpoints]
    common = {"client": plan.profile.client, "ca_file": plan.target.ca_path(home), "requests": requests}
    question.write_text(json.dumps(asked | common))
    answers, log = directory / "verified.jsonl", directory / "verify.log"
    command = [sys.executable, module_file("load.verify"), str(question.resolve()), str(answers.resolve())]
    child = Child(
        command,
        log=log,
        directory=home,
        environment=load_environment(plan.hidden_values()),
        secrets=plan.secrets(),
        grace_s=0.2,
    )
    streaming = {member.name for one in endpoints for member in one.members if member.stream}
    told: set[str] = set()
    deadline = time.monotonic() + longest_s
    with child:
        while child.exit_code is None and time.monotonic() < deadline:
            pause(POLL_S)
            for name in [line["name"] for line in _lines(answers) if "begun_s" in line and line["name"] not in told]:
                told.add(name)
                most_s = asked["stream_s" if name in streaming else "timeout_s"]
                say(f"{name} responds, but the response does not end; waiting for up to {most_s:g} s")
    return [line for line in _lines(answers) if "begun_s" not in line], child.tail()


def asked_of(endpoint: Endpoint) -> dict[str, Any]:
    """What load/verify.py is told to ask: a request, or what one user sends in order."""
    steps = list(map(asdict, {spec.name: spec for spec in request_specs(endpoint)}.values()))
    return {"steps": steps, "is_flow": endpoint.is_flow} if endpoint.is_scripted else steps[0]


def _lines(file: Path) -> list[dict[str, Any]]:
    written = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in written.split("\n")[:-1]]


def _timeout_s(plan: Plan, endpoints: Sequence[Endpoint]) -> float:
    """How long an unloaded answer may take (s): its own work and a margin, never more than a user would wait."""
    works = [endpoint.own_work_s(plan.profile.task_seconds) or 0.0 for endpoint in endpoints]
    return min(sum(works) + plan.target.startup_timeout_s, plan.profile.timeout_s + sum(works))


def _right_answers(
    endpoints: Sequence[Endpoint],
    answers: Sequence[dict[str, Any]],
    printed: str,
    secrets: Sequence[str],
    url: str | None,
) -> dict[str, float]:
    by_name: dict[str, dict[str, Any]] = {}
    for answer in answers:  # one that is asked for by itself and in a mix must be right both times
        if by_name.setdefault(answer["name"], answer)["problem"] is None:
            by_name[answer["name"]] = answer
    for endpoint in (member for one in endpoints for member in one.members):
        if endpoint.name not in by_name:
            raise AppError(f"endpoint {endpoint.name!r} could not be verified; what was printed:", printed)
        problem = by_name[endpoint.name]["problem"]
        if problem is not None:
            message = f"endpoint {endpoint.name!r} ({endpoint.method} {endpoint.path}) does not respond as expected"
            problem = redact(problem, secrets)
            keys = " or ".join(["expect", *(["take"] if endpoint.take else []), *(["login"] if endpoint.login else [])])
            remedy = f"Fix the app, or [endpoints.{endpoint.name}] {keys}."
            if url is not None and problem.startswith(UNSENT):
                remedy = f"Check that the app runs at {url}."
            raise AppError(f"{message}: {problem}. {remedy}")
    answers_s = {name: float(answer["answer_s"]) for name, answer in by_name.items()}
    mixes = [one for one in endpoints if one.mix]
    return answers_s | {one.name: mean(answers_s[member.name] for member in one.members) for one in mixes}
