"""What theory answers, printed in the terminal: the table a run would show, and why its numbers are what they are."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.plan import Plan
from benchmark.report.report import RESULT_COLUMNS, cells
from benchmark.report.terminal import results_head
from benchmark.theory import wording
from benchmark.theory.ask import Predicted


def print_predictions(console: Console, answers: Sequence[Predicted]) -> None:
    for _, group in groupby(answers, key=lambda answer: id(answer.plan)):
        of_plan = list(group)
        console.print(_predicted_table(of_plan[0].plan, of_plan))
        for answer in of_plan:
            for line in _explained(answer):
                console.print(Text(line), soft_wrap=True)
        console.print()
    console.print("Worked out, not measured. What the model leaves out: docs/method.md", soft_wrap=True)


def _predicted_table(plan: Plan, answers: Sequence[Predicted]) -> Table:
    profile, target = plan.profile, plan.target
    rate = next((answer.open_answer.rate_per_s for answer in answers if answer.open_answer), None)
    asked = f"{profile.users} users" if rate is None else f"{rate:g} arrivals per second"
    served = f"{target.workers} workers x {target.threads} threads"
    table = results_head(f"Predicted: {asked}, {profile.duration_s:g} s per endpoint, {served}")
    for answer in answers:
        row = answer.prediction or (answer.open_answer.simulated if answer.open_answer else None)
        if row is not None:
            table.add_row(Text(answer.endpoint.name), *cells(row, RESULT_COLUMNS))
    return table


def _explained(answer: Predicted) -> Iterator[str]:
    name = answer.endpoint.name
    if answer.open_answer is not None:
        yield f"{name}: {wording.open_sentence(answer.open_answer)}"
        return
    profile = answer.plan.profile
    started = profile.spawn_rate_per_s * profile.duration_s
    if started < profile.users:
        yield f"{name}: only {started:.0f} of {profile.users} users are started in {profile.duration_s:g} s."
    if answer.limit is not None:
        plan = answer.plan
        yield f"{name}: {wording.limit_sentence(answer.limit, answer.endpoint, plan, plan.profile.users)}."
        yield from (f"  {line}." for line in wording.alternatives(answer.limit))
    spread = wording.range_sentence(answer.prediction) if answer.prediction is not None else ""
    if spread:
        yield f"  {spread}."
