"""Which column of a table holds what, by the names that people and load generators give them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from benchmark.audit.cells import PER_SECOND, SPELLED, UNITS_MS

LATENCIES = frozenset({"mean", "min", "max", "stdev"})
RATES = frozenset({"throughput", "failures_rps", "offered"})
TIMES = frozenset({"think", "duration"})

PER = r"(?:/|\bper\b)\s*(?P<per>s|secs?|seconds?|min|minutes?|h|hours?)\b"
_NOT_TIMED = re.compile(
    r"\b(?:bytes?|[kmg]i?b|[kmg]i?bps|mbits?|bandwidth|transfer(?:red)?|size|cpu|memory|mem|rss)\b|\b[kmg]i?b/"
)
_FAILED = re.compile(r"\b(?:fails?|failed|failures?|errors?|err|ko|non 2xx)\b")
_SHARE = re.compile(r"%|\b(?:rate|ratio|percent|pct|share)\b")
_OFFERED = re.compile(r"\b(?:offered|target|desired|planned|scheduled|arrivals?|intended|injected|due)\b")
_RATE = re.compile(
    r"\b(?:rps|qps|tps|rpm|throughput)\b|"
    r"^(?:(?:arrival|request|req|target|offered|desired|planned|injection|attack) )?rate$"
)
_RATE_WORDS = (
    "request requests req reqs rq query queries transaction transactions trans hits hit ops operations calls call "
    "http cnt count samples responses response iterations rps qps tps rpm throughput rate total avg mean average "
    "of sustained achieved actual served successful ok attack injection"
)
_ABOUT_RATE = frozenset(_RATE_WORDS.split())
_OF_RATE = re.compile(r"\b(?:[rqt]ps|rpm)\b")
_OTHER_THAN_MEAN = re.compile(r"\b(?:max|maximum|min|minimum|peak|stdev|std ?dev|stddev|std|sd|p\d+)\b")
_USERS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(
        ("users", "user", "user count", "concurrent users", "number of users", "virtual users", "vus", "vu"), 6
    )
    | dict.fromkeys(("concurrency", "concurrency level", "concurrent", "concurrent requests", "concurrent clients"), 5)
    | dict.fromkeys(("concurrent connections", "connections", "connection", "conns", "conn", "clients"), 4)
    | dict.fromkeys(("parallel", "parallelism", "c"), 3)
    | {"threads": 1}  # of JMeter users, of wrk not: there connections stand next to them
)
"""Names for the number of users; where several columns have one, the highest number counts."""

_MANY = r"(?:# ?|total |number of |num |n |complete |completed |all )?"
_SIMPLE: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "think": re.compile(
            r"^(?:user )?(?:think|think time|thinktime|sleep|pause|pacing|wait|wait time|wait between requests)$"
        ),
        "duration": re.compile(
            r"^(?:test |run |load )?(?:duration|time taken(?: for tests)?|test time|run time|elapsed)$"
        ),
        "requests": re.compile(rf"^{_MANY}(?:reqs?|requests?|samples?)(?: total| count)?$|^http reqs$"),
        "failures": re.compile(
            rf"^{_MANY}(?:fails?|failed|failures?|errors?|ko|non 2xx)(?: requests| responses| count)?$"
        ),
    }
)
_TIMED: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "stdev": re.compile(
            r"\b(?:stdev|st ?dev|std ?dev|std|sd|stddev|standard deviation|sigma)\b|^\N{GREEK SMALL LETTER SIGMA}$"
        ),
        "mean": re.compile(r"\b(?:mean|avg|average|time per request)\b"),
        "p50": re.compile(r"\b(?:median|med)\b"),
        "max": re.compile(r"\b(?:max|maximum|longest|slowest|worst)\b"),
        "min": re.compile(r"\b(?:min|minimum|shortest|fastest|best)\b"),
    }
)
_PERCENTILE = (
    re.compile(r"\b(?:percentile|quantile|tp|p|q|pct|perc)\s?(?P<of>\d{1,5}(?:[.,]\d+)?)(?:%|\b)"),
    re.compile(
        r"(?<![\w.,+-])(?P<of>\d{1,3}(?:[.,]\d+)?)(?:\s?%|\s?(?:th|st|nd|rd)\b|\s?(?:percentile|percent|pctl?|perc)\b)"
    ),
    re.compile(r"^(?P<of>0[.,]\d{1,5}|50|75|90|95|98|99|99[.,]\d+)$"),
)
_TIME_WORDS = (
    "latency latencies response responses time times duration line request requests req reqs http took lat rt "
    "ttlb total in of the served percentile percentiles quantile pct pctl perc th st nd rd all ok distribution"
)
_ABOUT_TIME = frozenset(_TIME_WORDS.split())
_UNIT = re.compile(
    rf"(?:^|[\s,/])(?:in )?({'|'.join([*(UNITS_MS.keys() - {'m', 'min', 'h'}), *SPELLED])})(?:/req(?:uest)?)?$"
)
_GROUP = re.compile(
    r"(?<!p)(?<!percentile)\s*[(\[]\s*(?:c\s*=?\s*)?(\d{1,7})\s*(?:users|connections|conns?|clients|vus|c)?\s*[)\]]$"
)


@dataclass(frozen=True, slots=True)
class Column:
    """`field`: "users", "throughput", "mean", "p99" ... `unit`: of times, where the name says one; `per_s`: of rates.

    `group`: a number of users that stands in the name: "Requests/s (64)". `rank`: of several of one field the highest
    counts.
    """

    field: str
    unit: str | None = None
    per_s: float = 1.0
    group: str | None = None
    rank: int = 0

    @property
    def percentile(self) -> float | None:
        return float(self.field[1:]) if self.field[1:2].isdigit() else None

    @property
    def is_latency(self) -> bool:
        return self.field in LATENCIES or self.percentile is not None


def column(name: str) -> Column | None:
    """What a column holds; None: nothing that an audit needs."""
    text = re.sub(r"[*`]|</?[a-z]+ ?/?>", "", name).strip().lower()
    text = text.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    grouped = _GROUP.search(text)
    text = re.sub(r"(?<=p\d\d)_(?=\d)", ".", text[: grouped.start()] if grouped else text)
    parts = [_bare(part) for part in re.split(r"[()\[\]]", text)]
    bare = _bare(text)
    found = _rate(bare) or _count(bare, parts) or _time(bare)
    # "% of maximum", and wrk's share of requests within one standard deviation
    if found is None or bare.startswith("%") or re.search(r"(?:\+ ?/ ?-|±) ?st", text):
        return None
    return Column(found.field, found.unit, found.per_s, grouped[1] if grouped else None, found.rank)


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[()\[\]{}:;_\-\N{EN DASH}|\"']+|(?<!\d)\.|\.(?!\d)", " ", text).split()).strip(" ,")


def _count(bare: str, parts: Sequence[str]) -> Column | None:
    if ranks := [_USERS[part] for part in (bare, *parts) if part in _USERS]:
        return Column("users", rank=max(ranks))
    if _FAILED.search(bare) and not re.search(PER, bare) and _SHARE.search(bare):
        return Column("failed_share")
    without_unit, unit = _unit(bare)
    fields = (field for field, pattern in _SIMPLE.items() if pattern.search(without_unit))
    field = next(fields, None)
    return Column(field, unit) if field else None


def _rate(bare: str) -> Column | None:
    """Responses per second. "rate" alone is what was to be sent."""
    per = re.search(PER, bare) or re.search(r"\b(?:reqs?|requests)\s(?P<per>s|sec)$", bare)
    if _NOT_TIMED.search(bare) or not (per or _RATE.search(bare)):
        return None
    about = f"{bare[: per.start()]} {bare[per.end() :]}" if per else bare
    if _OTHER_THAN_MEAN.search(about):
        return None
    if _FAILED.search(about):
        return Column("failures_rps")
    per_s = PER_SECOND[_singular(per["per"])] if per else 1 / 60 if "rpm" in bare.split() else 1.0
    if not {*re.findall(r"[a-z]+", _OFFERED.sub("", about))} <= _ABOUT_RATE:
        return None
    offered = _OFFERED.search(about) or bare in {"rate", "arrival rate"}
    # wrk prints the mean of each of its threads, "Req/Sec Avg", next to what all of them did
    rank = int(bool(per or _OF_RATE.search(bare))) - int(bool(re.search(r"\b(?:avg|mean|average)\b", about)))
    return Column("offered" if offered else "throughput", per_s=per_s, rank=rank)


def _singular(unit: str) -> str:
    return unit if unit == "s" else unit.removesuffix("s")


def _time(bare: str) -> Column | None:
    bare, unit = _unit(bare)
    if _NOT_TIMED.search(bare):
        return None
    for field, pattern in _TIMED.items():
        if (found := pattern.search(bare)) and _is_about_time(bare, found):
            return Column(field, unit)
    for pattern in _PERCENTILE:
        if (found := pattern.search(bare)) and _is_about_time(bare, found):
            percent = _percent(found["of"].replace(",", "."))
            name = "max" if percent == 100 else f"p{percent:g}"  # noqa: PLR2004 - percent
            return Column(name, unit, rank=-1 if name == "max" else 0) if 0 < percent <= 100 else None  # noqa: PLR2004
    return None


def _is_about_time(bare: str, found: re.Match[str]) -> bool:
    left = f"{bare[: found.start()]} {bare[found.end() :]}"
    return {*re.findall(r"[^\s,./%=#]+", left)} <= _ABOUT_TIME


def _unit(bare: str) -> tuple[str, str | None]:
    found = _UNIT.search(bare)
    return (bare[: found.start()].strip(" ,"), SPELLED.get(found[1], found[1])) if found else (bare, None)


def _percent(text: str) -> float:
    """Percent of "99", "99.9", "999" as in p999, and "0.99"."""
    if text.startswith("0."):
        return round(100 * float(text), 6)
    if len(text) > 2 and "." not in text and text != "100":  # noqa: PLR2004 - digits of "p999"
        text = f"{text[:2]}.{text[2:]}"
    return float(text)
