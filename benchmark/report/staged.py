"""Loads that change by design, in words: what became of each stage, and how soon response times were back."""

from collections.abc import Callable, Iterator, Sequence

from benchmark.formatting import count, inert, latency, rate, seconds
from benchmark.record import EndpointResult, Record
from benchmark.stages import StageResult


def of_stages(results: Sequence[EndpointResult], record: Record, named: Callable[[str], str]) -> list[str]:
    """Say how slow each endpoint was in the stage with most load, and how soon it was as fast again afterwards."""
    found = []
    for result in results:
        stages = next((item.staged.stages for item in result.rounds if item.staged is not None), ())
        if not stages:
            continue
        peak = max(range(len(stages)), key=lambda number: stages[number].level)
        within = f"95% of responses within {latency(stages[peak].p95_ms)} at {level(record, stages[peak])}"
        back = next((recovered(one) for one in stages[peak + 1 :] if one.recovery is not None), "")
        found.append(f"{named(result.name)}: {within}{f'; {back}' if back else ''}.")
    return found


def level(record: Record, stage: StageResult) -> str:
    of = "/s" if record.profile.rate_per_s is not None else " user" if stage.level == 1 else " users"
    return f"{stage.level:,.12g}{of}"


def recovered(stage: StageResult) -> str:
    """When response times were back in a stage that follows one with more load; "": it does not, or nobody knows."""
    if stage.recovery is None:
        return ""
    if stage.recovery.after_s is None:
        return f"not recovered within {seconds(stage.end_s - stage.start_s)}"
    return f"recovered after {seconds(round(stage.recovery.after_s, 2))}" if stage.recovery.after_s else "back at once"


def stage_cells(record: Record) -> Iterator[tuple[str, ...]]:
    """For each stage of each round: endpoint, stage, requests, failed, responses per second, p50, p95, recovery."""
    for result in record.endpoints:
        for measured in result.rounds:
            where = inert(result.name) + (f", round {measured.round}" if record.profile.rounds > 1 else "")
            for one in measured.staged.stages if measured.staged else ():
                when = f"{seconds(one.start_s)} to {seconds(one.end_s)}"
                counted = (count(one.requests), count(one.failures), rate(one.responses_rps))
                times = (latency(one.median_ms), latency(one.p95_ms))
                yield where, f"{when}: {level(record, one)}", *counted, *times, recovered(one)


def stage_lines(record: Record) -> Iterator[str]:
    """The same for a terminal, a line for each."""
    for where, stage, requests, failed, _, median, p95, back in stage_cells(record):
        line = f"{where}, {stage}: {requests} requests, {failed} failed, p50 {median}, p95 {p95}"
        yield f"{line}, {back}" if back else line
