"""`bench audit`: what cannot be is flagged, and what can be is not, however a table is written."""

import json
import random
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmark.audit.columns import column
from benchmark.audit.laws import audit
from benchmark.audit.table import Assumed
from benchmark.errors import UsageError
from scripts.cli import app

CLOSED = Assumed()


def flagged(text: str, assumed: Assumed = CLOSED) -> list[str]:
    """Names of the rows that contradict a law."""
    return [row.name for audited in audit(Path("t"), text, assumed) for row, _ in audited.flagged]


def laws(text: str, assumed: Assumed = CLOSED) -> list[str]:
    return [one.law for audited in audit(Path("t"), text, assumed) for _, broken in audited.flagged for one in broken]


# the-benchmarker/web-frameworks#9775 quotes b and c; the others are made up
READER = """framework,users,throughput_rps,mean_ms,p50_ms,p90_ms,p99_ms
a,64,101200,0.63,0.58,0.91,1.61
b,512,148906,,1.19,1.80,2.19
c,512,81514,,2.10,3.40,4.21
d,256,52310,4.89,4.71,6.02,8.95
e,512,61020,8.39,7.90,11.2,19.4
"""


def test_of_a_published_table_just_the_rows_are_flagged_that_a_reader_found() -> None:
    assert flagged(READER) == ["b", "c"]


def test_the_published_table_of_this_repository_contradicts_nothing(repository: Path) -> None:
    for path in [*(repository / "reports" / "published").glob("*.json"), repository / "README.md"]:
        for assumed in (CLOSED, Assumed(users=500)):
            assert flagged(path.read_text(encoding="utf-8"), assumed) == [], path


WRITTEN = {
    "ApacheBench": """Name,Concurrency Level,Complete requests,Failed requests,Requests per second,Time per request (ms),50%,90%,99%,100%
good,100,50000,0,4931.22,20.279,19,24,31,58
bad,100,50000,0,4931.22,41.502,19,24,31,58
""",  # noqa: E501 - as they are printed
    "wrk": """Server\tThreads\tConnections\tLatency Avg\tLatency Stdev\tLatency Max\t+/- Stdev\tRequests/sec\tTransfer/sec
good\t4\t400\t6.35ms\t2.10ms\t41.2ms\t71.25%\t62.8k\t8.4MB
bad\t4\t400\t635.00us\t210us\t41.20ms\t71.25%\t62.8k\t8.4MB
""",  # noqa: E501 - as they are printed
    "hey": """run;c;Requests/sec;Average (secs);Fastest (secs);Slowest (secs);10% in;50% in;99% in
good;50;2480,1;0,0201;0,0102;0,0951;0,0150 secs;0,0193 secs;0,0402 secs
bad;50;2480,1;0,0201;0,0102;0,0351;0,0150 secs;0,0193 secs;0,0402 secs
""",
    "k6": """test,vus,http_reqs/s,avg,min,med,max,p(90),p(95)
good,200,"1,985.4",100.21ms,12.3ms,93.1ms,1.2s,150ms,190ms
bad,200,"1,985.4",500.21ms,12.3ms,93.1ms,1.2s,150ms,190ms
""",
    "Locust, rounded percentiles": """Type,Name,User Count,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Requests/s,Failures/s,50%,95%,99%,100%
GET,good,500,9500,0,15000,15021.3,15002,15140,32.24,0.0,15000,15000,15000,15000
GET,bad,500,9500,0,15000,15521.3,15002,15140,32.24,0.0,15000,15000,15000,15000
""",  # noqa: E501 - as they are printed
    "JMeter": """Label,# Samples,Threads,Average,Median,90% Line,95% Line,99% Line,Min,Max,Error %,Throughput,Std. Dev.
good,12000,20,98,95,130,151,203,21,412,0.00%,201.3/sec,28.1
bad,12000,20,98,95,130,151,203,21,412,0.00%,201.3/sec,328.1
""",
    "users in the names of columns": """| Framework | Requests/Second (64) | P99 (64) | Requests/Second (512) | P99 (512) |
|:--|--:|--:|--:|--:|
| good | 101 200 | 0.9 ms | 101 200 | 9.9 ms |
""",  # noqa: E501 - as they are printed
    "a Markdown table among words": """# We are fast

Measured with 512 connections.

| server | connections | req/s | p50 | p90 | p99 |
| :-- | --: | --: | --: | --: | --: |
| [good](https://example.com) | 512 | 61,020 | 7.90 ms | 11.2 ms | 19.4 ms |
| **bad** | 512 | 148,906 | 1.19 ms | 1.80 ms | 2.19 ms |

And more words | with a bar.
""",
    "decimal commas and points between thousands": """name;users;req/s;mean (ms);p99 (ms)
good;512;61.020,5;8,39;19,4
bad;512;61.020,5;0,39;19,4
""",
    "cells that are missing": """name,users,rps,mean,p50,p95,p99,max
good,100,1000,n/a,-,120,,
alone,,,,5,,,
bad,100,,,-,120,110,
""",
    "more failed than came": """name,users,requests,failures,req/s,mean_ms
good,10,1000,999,99.2,100
bad,10,1000,1001,99.2,100
""",
    "an open load": """name,users,rate,throughput,mean_ms,p99_ms
good,100,200/s,199.8,900,2100
bad,100,200/s,399.8,10,21
""",
    "a think time of its own": """name,users,think time,req/s,mean (ms)
good,100,1s,90.5,104
bad,100,1s,990.5,4
""",
    "comments and a title": """# measured on a laptop
Results of 2026,,,
name,users,req/s,mean_ms
good,8,800.1,9.9
bad,8,800.1,99.9
""",
    "as a terminal prints it": """Endpoint       users   req/s     p50     p95     max    mean
good              50   94.51  480 ms  1.1 s   1.30 s  528 ms
bad               50   94.51  480 ms  400 ms  1.30 s  528 ms
""",
    "seconds, as only their size says": """name,users,req/s,mean,p99
good,50,2480.1,0.0201,0.0402
good too,10,496.1,0.0201,0.0402
bad,100,496.1,0.0201,0.0402
""",
    "durations of Go": """name,users,rps,mean,p50,p99
good,100,0.95,1m44s,1m40s,2m30.5s
bad,100,0.95,3m44s,1m40s,2m30.5s
""",
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_tables_are_read_as_people_and_load_generators_write_them(text: str) -> None:
    assert flagged(text) == (["bad"] if "bad" in text else [])


def test_a_number_of_users_in_the_names_of_columns_makes_a_row_for_each() -> None:
    text = "| f | RPS (64) | P50 (64) | P99 (64) | RPS (512) | P50 (512) | P99 (512) |\n|--|--|--|--|--|--|--|\n"
    assert flagged(f"{text}| x | 101,200 | 0.58 | 1.61 | 148,906 | 1.19 | 2.19 |\n") == ["x, 512 users"]


@pytest.mark.parametrize(
    ("row", "law"),
    [
        pytest.param("10,,,100.4,50,,,,", "Little's law", id="too slow for its users"),
        pytest.param("100,,,100.4,50,,,,", "Little's law", id="too fast for its users"),
        pytest.param("10,,,100.4,,90,91,,", "", id="nothing to say"),
        pytest.param("10,,,1000.4,,90,91,,", "Little's law", id="percentiles alone are too slow"),
        pytest.param(",,,,50,60,55,,", "order of percentiles", id="p50 above p99"),
        pytest.param(",70,,,72,60,75,,", "order of percentiles", id="min above p50"),
        pytest.param(",,,,50,60,75,70,", "order of percentiles", id="max below p99"),
        pytest.param(",,,,95,60,75,90,", "order", id="mean above max"),
        pytest.param(",,,,25.4,60,75,,", "mean", id="half of them took 60"),
        pytest.param(",,,,82.4,60,75,500,", "mean", id="even with the largest in all of the rest"),
        pytest.param(",,,,82.4,60,75,,", "mean", id="above p99, and nothing says how far the rest went"),
        pytest.param(",,,,82.4,60,75,5000,", "", id="above p99, but the rest was slow"),
        pytest.param(",,,,60.4,60,150,,5.1", "Cantelli", id="p99 is too many deviations away"),
        pytest.param(",10,,,60.4,,,90,45.1", "Bhatia-Davis", id="deviation beyond the extremes"),
    ],
)
def test_each_law_is_kept(row: str, law: str) -> None:
    names = "users,min_ms,requests,req/s,mean_ms,p50_ms,p99_ms,max_ms,stdev_ms"
    found = laws(f"{names}\n{row}\n")
    assert {*found} == ({law} if law else set())


def test_printed_digits_count_as_what_they_leave_open() -> None:
    names = "name,users,req/s,mean_ms\n"
    assert flagged(f"{names}a,10,1004,9.96\n") == []
    assert flagged(f"{names}a,10,1004,9.99\n") == ["a"], "10.02 users at least"
    assert flagged(f"{names}a,100,2000,55\nb,100,1900,50\n") == ["a"], "2,000 may be 1,950 where all end with zeros"
    assert flagged(f"{names}a,100,2000,51\nb,100,1901,50\n") == ["a"], "and is 2,000 where another ends with 1"
    assert flagged(f"{names}a,100,2000,51\nb,100,1900,50\n") == []


def test_what_a_table_does_not_say_can_be_said() -> None:
    text = "name,req/s,mean\nslow,90.5,0.104\nfast,950.5,0.104\n"
    assert flagged(text) == []
    assert flagged(text, Assumed(users=100, unit="s")) == ["slow"]
    assert flagged(text, Assumed(users=100, unit="s", think_s=1)) == ["fast"]
    assert flagged("name,connections,req/s,mean_ms\nx,16,7000000,0.03\n") == ["x"]
    assert flagged("name,connections,req/s,mean_ms\nx,16,7000000,0.03\n", Assumed(pipelined=16)) == []


def test_endpoints_that_share_their_users_are_only_added_up_in_the_row_of_all() -> None:
    text = "Name,Requests/s,Average Response Time\n/a,50.2,100\n/b,49.9,900\nAggregated,100.1,499\n"
    assert flagged(text, Assumed(users=50)) == []
    assert flagged(text.replace("499", "99"), Assumed(users=50)) == ["Aggregated"]
    assert flagged(text, Assumed(users=40)) == ["/b", "Aggregated"]


def test_users_may_have_waited_for_timeouts_that_no_latency_counts() -> None:
    text = "name,users,req/s,errors (%),mean_ms\n"
    assert flagged(f"{text}x,100,200,5%,99\ny,100,201,0.1%,99\n") == ["y"]


def test_of_wrk_the_rate_of_all_threads_counts() -> None:
    text = "name,connections,Req/Sec Avg,Requests/sec,mean_ms\nx,100,2.5k,10012.5,9.95\n"
    assert flagged(text) == []


def test_fast_failures_are_not_held_against_the_mean_of_right_responses() -> None:
    assert flagged("name,users,req/s,failures/s,mean_ms\nx,10,200,100.5,99\n") == []


@pytest.mark.parametrize(
    "name",
    [
        "transfer/sec",
        "max rps",
        "throughput (MB/s)",
        "success rate",
        "CPU %",
        "TTFB p95",
        "spawn_rate_per_s",
        "% of maximum",
    ],
)
def test_columns_that_say_something_else_are_left_out(name: str) -> None:
    assert column(name) is None


@settings(max_examples=150, deadline=None)
@example(seed=118488, users=1, digits=1, heavy=True, think_s=0.0)  # 5.6 s are of a request that did not end
@given(
    seed=st.integers(0, 10**6),
    users=st.integers(1, 60),
    digits=st.integers(0, 3),
    heavy=st.booleans(),
    think_s=st.sampled_from([0.0, 0.5]),
)
def test_a_load_that_happened_is_never_flagged(
    seed: int, users: int, digits: int, *, heavy: bool, think_s: float
) -> None:
    """Users who really wait for each other's responses, summed up and rounded as tables are."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    lasted_s = 20.0 + 20 * think_s
    times_ms = sorted(_latencies(chance, users, lasted_s, think_s, heavy=heavy))
    count = len(times_ms)
    at = {p: times_ms[min(count - 1, int(p / 100 * count))] for p in (50, 90, 99)}
    numbers = [count / lasted_s, fmean(times_ms), times_ms[0], *at.values(), times_ms[-1]]
    shown = ",".join(f"{number:.{digits}f}" for number in numbers)
    text = f"users,requests,req/s,mean_ms,min_ms,p50_ms,p90_ms,p99_ms,max_ms\n{users},{count},{shown}\n"
    assert laws(text, Assumed(think_s=think_s)) == []


def _latencies(chance: random.Random, users: int, lasted_s: float, think_s: float, *, heavy: bool) -> list[float]:
    found = []
    for _ in range(users):
        now = 0.0
        while True:
            took = chance.lognormvariate(-2, 1.2 if heavy else 0.2)
            if now + took > lasted_s:
                break
            found.append(1000 * took)
            now += took + think_s
    return found or [1000 * lasted_s]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300) | st.text(alphabet="|-:,;\t\n0123456789.µms%p users/", max_size=300))
def test_any_text_is_audited_or_refused_in_one_line(text: str) -> None:
    for start in ("", "users,req/s,mean_ms\n", "| p50 | p99 |\n|--|--|\n"):
        try:
            flagged(start + text)
        except UsageError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most texts are refused, not all


def test_the_command_says_law_and_numbers_in_a_line_and_fails_only_if_asked_to(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(READER)
    run = CliRunner().invoke(app, ["audit", str(table)])
    assert run.exit_code == 0
    assert "5 rows, 2 contradict a law" in run.stdout
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("b (line 3): ")]
    assert "Little's law: 512 users without think time at 148,906 req/s take 3.44 ms" in line
    assert "p99 2.19 ms" in line
    assert "Columns read: users, throughput_rps, mean_ms" in run.stderr
    gated = CliRunner().invoke(app, ["audit", str(table), "--gate", "--json"])
    assert [one["row"] for one in json.loads(gated.stdout)["contradictions"]] == ["b", "c"]
    assert str(gated.exception) == "2 of 5 rows contradict a law"
    assert getattr(gated.exception, "exit_code", None) == 1
    table.write_text("nothing here\n")
    refused = CliRunner().invoke(app, ["audit", str(table)])
    assert getattr(refused.exception, "exit_code", None) == 2
    assert "no table was found" in str(refused.exception)


@pytest.mark.parametrize("raw", [READER.encode("utf-16"), b"\xef\xbb\xbf" + READER.encode()], ids=["UTF-16", "mark"])
def test_files_of_spreadsheets_are_read(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(raw)
    run = CliRunner().invoke(app, ["audit", str(tmp_path / "t.csv")])
    assert "5 rows, 2 contradict a law" in run.stdout


def test_names_that_a_runner_or_a_terminal_obeys_are_inert(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,users,req/s,mean_ms\n##[error]\x1b[31m::x,1,10.1,500.5\n")
    run = CliRunner().invoke(app, ["audit", str(tmp_path / "t.csv")])
    assert "## [error] [31m::x (line 2): Little's law" in run.stdout
