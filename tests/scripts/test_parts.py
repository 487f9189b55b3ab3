"""Requests of several names under one load: a row for each, next to the row of all."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.judge.series import gather
from benchmark.pipeline import endpoint_result
from benchmark.record import OTHER_PARTS, Part
from benchmark.summary import Span, load_columns, part_columns
from tests.support.bench import GOOD_APP, Bench
from tests.support.records import some_columns, some_record, some_round

VISITOR = """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/quick", name="quick?key=hunter2-of-the-test")
        self.client.get("/pooled", name="pooled")
        self.client.post("/quick", name="pooled")
"""


def test_a_locustfile_gets_a_row_for_each_name_in_record_report_and_terminal(bench: Bench) -> None:
    (bench.folder / "visitor.py").write_text(VISITOR)
    bench.environment["VISITOR_KEY"] = "hunter2-of-the-test"
    headers = 'headers = { "X-Key" = "$VISITOR_KEY" }'
    bench.configure(app=GOOD_APP, endpoint=f'locustfile = "visitor.py"\n{headers}', duration="2s")
    done = bench.call("run")
    (result,) = bench.record().endpoints
    (measured,) = result.rounds
    assert {part.name for part in measured.parts} == {"quick?key=[redacted]", "GET pooled", "POST pooled"}
    assert sum(part.requests for part in measured.parts) == measured.requests
    assert sum(part.failures for part in measured.parts) == measured.failures
    by_name = {part.name: part.summary for part in result.parts}
    assert (by_name["GET pooled"].min_ms or 0) >= 100
    report = next((bench.folder / "results").glob("*/report.md")).read_text()
    for name in ("GET pooled", "POST pooled"):
        assert f"quick: {name}" in done.stdout
        assert f"| quick: {name} |" in report
    failed = [line for line in report.splitlines() if "405" in line and line.startswith("|")]
    assert failed
    assert all(line.startswith("| quick: POST pooled |") for line in failed)
    written = [file.read_text() for file in (bench.folder / "results").rglob("*") if file.is_file()]
    assert not [text for text in written if "hunter2" in text]


REQUEST = st.tuples(st.sampled_from("abc"), st.floats(0, 9), st.floats(0.001, 5), st.booleans())


@given(
    requests=st.lists(REQUEST, min_size=1),
    waiting=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 9))),
    thinks=st.booleans(),
)
def test_the_parts_add_up_to_the_whole(
    requests: list[tuple[str, float, float, bool]], waiting: list[tuple[str, float]], *, thinks: bool
) -> None:
    rows = pd.DataFrame(
        [(name, sent_s, sent_s + took_s, "broken" if bad else "") for name, sent_s, took_s, bad in requests],
        columns=["name", "sent_s", "end_s", "error"],
    )
    since, names = [moment for _, moment in waiting], [name for name, _ in waiting]
    load = Span(15.0, wait_s=1.0 if thinks else 0.0, waiting_since_s=since, waiting_for=names)
    whole = load_columns(rows, load, None)
    parts = part_columns(rows, load, dict.fromkeys("abc"))
    for column in ("requests", "failures", "throughput_rps", "failures_rps"):
        assert sum(getattr(part, column) for part in parts) == pytest.approx(getattr(whole, column), abs=0.002)


def test_the_history_holds_each_name_of_an_endpoint() -> None:
    parts = tuple(Part(name=name, **some_columns(requests=500)) for name in ("list", OTHER_PARTS))
    record = some_record()
    name = record.plan.endpoints[0].name
    result = endpoint_result(name, 5, None, (some_round(parts=parts),))
    series = gather([record.model_copy(update={"endpoints": (result,)})])
    of_first = {one.endpoint for one in series if one.endpoint.startswith(name)}
    assert of_first == {name, f"{name}: list", f"{name}: {OTHER_PARTS}"}
