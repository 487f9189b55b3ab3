"""A run as JUnit's XML, which every CI shows: what was measured, what regressed, which promises are broken."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from benchmark.errors import LONGEST_MESSAGE, one_line
from benchmark.judge.findings import in_todays_words
from benchmark.judge.history import Judged
from benchmark.judge.slo import Outcome, outcomes
from benchmark.judge.validity import endpoint_validity
from benchmark.judge.verdict import Judgement
from benchmark.record import EndpointResult, Record
from benchmark.report.slo import limit_of, measured, title
from benchmark.report.verdicts import NAMES
from benchmark.traffic import labels


def to_junit(record: Record, judged: Judged) -> str:
    """One suite for each endpoint of the plan. Its cases: it was measured, each metric next to earlier runs, each SLO.

    A case fails for a confirmed regression or a broken SLO, and is an error for missing or invalid numbers. What could
    not be judged is skipped, with the reason.
    """
    root = ET.Element("testsuites", name=_line(f"bench {record.profile.name}"))
    for endpoint in record.plan.endpoints:
        suite = ET.SubElement(root, "testsuite", name=_line(endpoint.name), timestamp=record.started_at.rstrip("Z"))
        _measured(suite, record, endpoint.name)
        for said in judged.verdicts.get(record.id, ()):
            if said.endpoint == endpoint.name:
                _judged(suite, record, said)
        for one in outcomes(record):
            if one.promise.endpoint in labels(endpoint):
                _promised(suite, record, one)
        _count(suite)
    _count(root)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _line(text: str) -> str:
    """A text from outside in which XML takes every character."""
    return one_line(text, LONGEST_MESSAGE)


def _case(suite: ET.Element, record: Record, name: str, time_s: float = 0.0) -> ET.Element:
    place = _line(f"bench.{record.profile.name}.{suite.attrib['name']}")
    return ET.SubElement(suite, "testcase", classname=place, name=_line(name), time=f"{time_s:.3f}")


def _measured(suite: ET.Element, record: Record, name: str) -> None:
    result = record.result(name)
    lasted_s = sum(one.load_end_s for one in result.rounds) if result else 0.0
    case = _case(suite, record, "measured", lasted_s)
    found = endpoint_validity(record, name)
    if found.level == "invalid":
        reasons = [one.message for one in found.reasons if one.level == "invalid"]
        lost = [f"round {one.round}: {one.reason}" for one in record.missing if one.endpoint == name]
        error = ET.SubElement(case, "error", type="invalid", message=_line(reasons[0]))
        error.text = "\n".join(map(_line, [*reasons, *lost]))
    said = [f"{found.level}: {one.message}" for one in found.reasons if one.level == "noisy"]
    said += _warnings(record, result) if result else []
    if said:
        ET.SubElement(case, "system-out").text = "\n".join(map(_line, said))


def _warnings(record: Record, result: EndpointResult) -> list[str]:
    found = (one for measured in result.rounds for one in in_todays_words(record, result, measured))
    return list(dict.fromkeys(f"{one.severity}: {one.message} {one.remedy}" for one in found if one.severity != "note"))


def _judged(suite: ET.Element, record: Record, said: Judgement) -> None:
    case = _case(suite, record, f"{NAMES.get(said.metric, said.metric)}: no regression")
    line = _line(f"{said.line}{f'; changed at the same time: {said.changed}' if said.changed else ''}")
    if said.open_since is not None:
        ET.SubElement(case, "failure", type="regressed", message=line).text = f"since run {_line(said.open_since)}"
    elif said.stage in {"not judged", "too few runs"}:
        ET.SubElement(case, "skipped", message=_line(said.reason or said.line or "no verdict yet"))
    else:
        ET.SubElement(case, "system-out").text = line


def _promised(suite: ET.Element, record: Record, one: Outcome) -> None:
    at = "at least" if one.promise.metric == "throughput" else "at most"
    case = _case(suite, record, f"SLO: {title(one.promise.metric)} {at} {limit_of(one)}")
    if one.word == "broken":
        ET.SubElement(case, "failure", type="broken", message=_line(measured(one)))
    elif one.word == "cannot tell":
        ET.SubElement(case, "skipped", message=_line(f"cannot tell: {one.reason}"))
    else:
        ET.SubElement(case, "system-out").text = _line(f"kept: {measured(one)}")


def _count(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    kinds: Sequence[tuple[str, str]] = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    element.set("tests", str(len(cases)))
    for name, kind in kinds:
        element.set(name, str(sum(case.find(kind) is not None for case in cases)))
    element.set("time", f"{sum(float(case.attrib['time']) for case in cases):.3f}")
