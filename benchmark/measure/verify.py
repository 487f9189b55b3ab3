"""Before the load: every endpoint has to answer as it should."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import AppError
from benchmark.measure.generator import load_environment, module_file
from benchmark.measure.load_test import request_spec
from benchmark.measure.process import Child, redact
from benchmark.plan import Endpoint, Plan

POLL_S = 0.05


def verify(
    plan: Plan,
    endpoints: Sequence[Endpoint],
    base_url: str,
    *,
    directory: Path,
    home: Path,
    pause: Callable[[float], None],
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Ask for every endpoint once, all at the same time; gives how long each answer took (s).

    `say` hears of a response that goes on and on. AppError names the first endpoint that answers wrongly.
    """
    allowed_s = _timeout_s(plan, endpoints)
    question = directory / "verify.json"
    requests = [request_spec(endpoint) for endpoint in endpoints]
    asked = {"client": plan.profile.client, "base_url": base_url, "timeout_s": allowed_s, "requests": requests}
    question.write_text(json.dumps(asked | {"ca_file": plan.target.ca_path(home)}))
    answers, log = directory / "verified.jsonl", directory / "verify.log"
    command = [sys.executable, module_file("load.verify"), str(question.resolve()), str(answers.resolve())]
    child = Child(command, log=log, directory=home, environment=load_environment(), secrets=plan.secrets(), grace_s=0.2)
    told: set[str] = set()
    deadline = time.monotonic() + allowed_s + plan.target.startup_timeout_s
    with child:
        while child.exit_code is None and time.monotonic() < deadline:
            pause(POLL_S)
            for name in [line["name"] for line in _lines(answers) if "begun_s" in line and line["name"] not in told]:
                told.add(name)
                say(f"{name} answers, but does not end; waiting for up to {allowed_s:g} s")
    found = [line for line in _lines(answers) if "begun_s" not in line]
    return _right_answers(endpoints, found, child.tail(), plan.secrets())


def _lines(file: Path) -> list[dict[str, Any]]:
    """The lines that are complete."""
    written = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in written.split("\n")[:-1]]


def _timeout_s(plan: Plan, endpoints: Sequence[Endpoint]) -> float:
    """How long an unloaded answer may take (s): its own work and a margin, never more than a user would wait."""
    works = [endpoint.own_work_s(plan.profile.task_seconds) or 0.0 for endpoint in endpoints]
    return min(sum(works) + plan.target.startup_timeout_s, plan.profile.timeout_s + sum(works))


def _right_answers(
    endpoints: Sequence[Endpoint], answers: Sequence[dict[str, Any]], printed: str, secrets: Sequence[str]
) -> dict[str, float]:
    by_name = {answer["name"]: answer for answer in answers}
    for endpoint in endpoints:
        if endpoint.name not in by_name:
            raise AppError(f"endpoint {endpoint.name!r} could not be verified; what was printed:", printed)
        problem = by_name[endpoint.name]["problem"]
        if problem is not None:
            message = f"endpoint {endpoint.name!r} ({endpoint.method} {endpoint.path}) does not answer as expected"
            problem = redact(problem, secrets)
            raise AppError(f"{message}: {problem}. Fix the app, or [endpoints.{endpoint.name}] expect.")
    return {name: float(answer["answer_s"]) for name, answer in by_name.items()}
