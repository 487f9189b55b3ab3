"""A header value from the environment is sent, and appears nowhere else."""

from tests.support import Bench

SECRET = "tok-5up3r-s3cr3t"  # noqa: S105 - what must not be found anywhere

ECHOING_APP = """
import logging
from fastapi import FastAPI, Request

app = FastAPI()

@app.get("/quick", response_model=None)
async def quick(request: Request):
    token = request.headers["authorization"]
    print("got", token, flush=True)
    if "wrong" in token:
        return {"answer": token}
    return {"answer": {"value": 42}, "echo": token}
"""


def test_a_secret_is_sent_and_appears_in_no_file_line_or_process_list(bench: Bench) -> None:
    bench.configure(
        app=ECHOING_APP,
        endpoint='headers = { Authorization = "Bearer $BENCH_TEST_TOKEN" }\nexpect = { pointer = "/answer/value" }',
    )
    bench.environment["BENCH_TEST_TOKEN"] = SECRET
    running = bench.start("run")
    seen: set[str] = set()
    assert running.stderr is not None
    said = ""
    for line in running.stderr:
        said += line
        for process in bench.processes():
            seen.add(" ".join(process.cmdline()))
    running.wait(timeout=60)
    assert running.returncode == 0, said
    assert any("locust" in command for command in seen)
    assert not [command for command in seen if SECRET in command]
    assert SECRET not in said
    files = [path for path in (bench.folder / "results").rglob("*") if path.is_file()]
    assert any(path.name == "server.log" and "got Bearer [redacted]" in path.read_text() for path in files)
    assert not [path for path in files if SECRET in path.read_text(errors="replace")]


def test_a_secret_in_the_crash_of_an_app_is_not_shown(bench: Bench) -> None:
    bench.configure(
        app='import os\nraise RuntimeError("no database for " + os.environ["BENCH_TEST_TOKEN"])',
        endpoint='headers = { Authorization = "Bearer $BENCH_TEST_TOKEN" }',
    )
    bench.environment |= {"BENCH_TEST_TOKEN": SECRET, "GITHUB_STEP_SUMMARY": str(bench.folder / "summary.md")}
    done = bench.run("run")
    assert done.returncode == 4
    assert "no database for [redacted]" in done.stderr
    assert SECRET not in done.stderr + done.stdout + (bench.folder / "summary.md").read_text()


def test_a_secret_in_what_a_failing_app_prints_is_not_shown(bench: Bench) -> None:
    bench.configure(
        app=ECHOING_APP,
        endpoint='headers = { Authorization = "$BENCH_TEST_TOKEN" }\nexpect = { pointer = "/answer/value" }',
    )
    bench.environment["BENCH_TEST_TOKEN"] = f"wrong-{SECRET}"
    done = bench.call("run")
    assert done.returncode == 4
    assert SECRET not in done.stderr + done.stdout
    files = [path for path in (bench.folder / "results").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET in path.read_text(errors="replace")]
