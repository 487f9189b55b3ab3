"""Loads that change by design: stages of users or of a rate, and what became of each of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.errors import UsageError
from benchmark.fields import (
    MAX_DURATION_S,
    MAX_USERS,
    SLOWEST_PER_S,
    Amount,
    Frozen,
    Sample,
    Whole,
    parse_number,
    parse_seconds,
)
from load.arrivals import Stage

MOST_RPS = 100_000
MOST_STAGES = 200
MOST_NAMED = 5
HOW = 'write it like "30s@50" (30 seconds with 50 users) or "30s@50/s" (50 requests per second)'


def parsed_stages(texts: Any) -> tuple[tuple[Stage, ...], bool]:
    """Read stages, and whether their levels are rates. ValueError says which one is wrong, and what is accepted."""
    listed = texts.split(",") if isinstance(texts, str) else texts
    if not isinstance(listed, list | tuple):
        raise ValueError(f'must be a list like ["30s@50", "5s@500", "30s@50"] (got {texts!r:.40})')  # noqa: TRY004
    if len(listed) > MOST_STAGES:
        raise ValueError(f"{len(listed)} are too many; use at most {MOST_STAGES}")
    read = [_parsed(text) for text in listed]
    if len({is_rate for _, is_rate in read}) > 1:
        of_users = next(text for text, (_, is_rate) in zip(listed, read, strict=True) if not is_rate)
        of_a_rate = next(text for text, (_, is_rate) in zip(listed, read, strict=True) if is_rate)
        raise ValueError(f"{of_users!r} is of users and {of_a_rate!r} of requests per second; use one kind for all")
    return tuple(stage for stage, _ in read), any(is_rate for _, is_rate in read)


def _parsed(text: Any) -> tuple[Stage, bool]:
    if not isinstance(text, str):
        raise ValueError(f"{text!r:.40} is no stage; {HOW}")  # noqa: TRY004 - pydantic turns it into one line
    text = text.strip()
    duration, at, level = (part.strip() for part in text.partition("@"))
    if not at or not level or level == "/s":
        raise ValueError(f"{text!r:.40} does not say how many users or requests per second; {HOW}")
    if not duration:
        raise ValueError(f"{text!r:.40} does not say for how long; {HOW}")
    try:
        lasts_s, is_rate = float(parse_seconds(duration)), level.endswith("/s")
        number = float(parse_number(level.removesuffix("/s")))
    except ValueError as error:
        raise ValueError(f"{text!r:.40}: {error}; {HOW}") from None
    if not (1 <= lasts_s <= MAX_DURATION_S and lasts_s.is_integer()):
        raise ValueError(f"{text!r:.40}: a stage lasts whole seconds, from 1s to {MAX_DURATION_S / 3600:g}h")
    if is_rate and not SLOWEST_PER_S <= number <= MOST_RPS:
        raise ValueError(f"{text!r:.40}: a rate is from {SLOWEST_PER_S:g}/s to {MOST_RPS}/s")
    if not is_rate and not (1 <= number <= MAX_USERS and number.is_integer()):
        raise ValueError(f"{text!r:.40}: users are whole, from 1 to {MAX_USERS}")
    return Stage(lasts_s, number), is_rate


def follows(texts: Any) -> dict[str, Any]:
    """What stages say of a profile, by its fields: the most users, or the highest rate, and how long all take."""
    stages, is_rate = parsed_stages(texts)
    most = max(stage.level for stage in stages)
    load = {"rate_per_s": most} if is_rate else {"users": int(most), "rate_per_s": None}
    unit = "/s" if is_rate else ""
    shown = tuple(f"{stage.duration_s:.12g}s@{stage.level:.12g}{unit}" for stage in stages)
    return {"stages": shown, "duration_s": sum(stage.duration_s for stage in stages), **load}


SAYS = {"users": "how many users there are", "duration_s": "how long they take", "rate_per_s": "the load"}
"""Of the fields of a profile: what stages say in their place."""


def filled_in(values: Any) -> Any:
    """Fill in what follows from the stages of a profile, if it has some. ValueError: it says otherwise itself."""
    if not isinstance(values, dict) or not values.get("stages"):
        return values
    try:
        known = follows(values["stages"])
    except ValueError as error:
        raise ValueError(f"stages: {error}") from None
    for field, says in SAYS.items():
        key = field.removesuffix("_s").removesuffix("_per")
        if field not in known or (key not in values and field not in values):
            continue
        if (key != field and key in values) or values.get(field) != known[field]:
            raise ValueError(f"takes stages or {key}, not both: stages say {says}; leave {key} out")
    if known["rate_per_s"] is None and not {"spawn_rate", "spawn_rate_per_s"} & values.keys():
        known["spawn_rate_per_s"] = known["users"]
    return values | known


def asked_stages(asked: Mapping[str, Any], own: Sequence[str], flags: Mapping[str, str]) -> dict[str, Any]:
    """What the command line asks for, with what follows from its stages, or those of the profile (`own`).

    UsageError names the flag (`flags`: by field): a stage cannot be read, or another flag says otherwise.
    """
    texts = asked.get("stages") or own
    if not texts:
        return dict(asked)
    try:
        known = follows(texts)
    except ValueError as error:
        raise UsageError(f"{flags['stages']}: {error}") from None
    for field, says in SAYS.items():
        if field in known and field in asked:
            change = "leave it out" if "stages" in asked else "leave it out, or change them with --stages"
            raise UsageError(f"{flags[field]}: the stages {', '.join(known['stages'])} say {says}; {change}")
    if "stages" not in asked:
        return dict(asked)
    at_once = {} if known["rate_per_s"] is not None else {"spawn_rate_per_s": known["users"]}
    return {**at_once, **asked, **known}


def named(stages: Sequence[Stage], unit: str) -> str:
    """The levels one after the other: "50 → 500 → 50 users"; many are counted."""
    levels = [f"{stage.level:,.12g}" for stage in stages]
    if len(levels) > MOST_NAMED:
        return f"{len(levels)} stages of up to {max(stage.level for stage in stages):,.12g} {unit}"
    return f"{' → '.join(levels)} {unit}"


class Recovery(Frozen):
    """How response times came back after a stage with more load.

    `usual_ms`: 95 % of the responses were within that in the second half of the last stage before it with less load.
    `after_s`: the time from the end of the stage with more load; None: not within this stage.
    """

    usual_ms: Amount
    after_s: Amount | None


class StageResult(Frozen):
    """What became of the requests that were sent, or due, in one stage; seconds since the load began.

    `level`: users, or requests per second. `responses_rps`: all responses that came in it, whenever they were asked
    for. Latencies are of right responses. `recovery`: of a stage after one with more load.
    """

    level: Amount
    start_s: Amount
    end_s: Amount
    requests: Whole
    failures: Whole
    responses_rps: Amount
    median_ms: Amount | None
    p95_ms: Amount | None
    recovery: Recovery | None = None


class StagedLoad(Frozen):
    """The stages of a round, and the p95 of the right responses that ended in each step of its timeline (ms)."""

    stages: tuple[StageResult, ...]
    p95_ms: tuple[Sample | None, ...]
