"""What an app leaves running or prints without end, and what a terminal or a runner takes away, costs nothing else."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.bench import GOOD_APP, Bench, assert_measured, wait_for_line

STAYS = "import time; time.sleep(600)"
AT_IMPORT = {
    "a process": f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {STAYS!r}])\n",
    "a fork": "import os, time\nif os.fork() == 0:\n    time.sleep(600)\n    os._exit(0)\n",
    "a thread": "import threading, time\nthreading.Thread(target=lambda: time.sleep(600)).start()\n",
    "a shell that it does not wait for": "import subprocess\nsubprocess.Popen('sleep 600 &', shell=True)\n",
    "a daemon that holds what is printed": "import subprocess\nsubprocess.run('setsid sleep 600 &', shell=True)\n",
}


@pytest.mark.parametrize("what", AT_IMPORT)
def test_an_app_that_starts_something_at_import_is_measured_and_nothing_is_left(bench: Bench, what: str) -> None:
    bench.configure(app=AT_IMPORT[what] + GOOD_APP, duration="1s", target="workers = 1")
    done = bench.call("run")
    assert_measured(done)
    assert bench.record().state == "complete"
    assert not bench.processes()


@pytest.mark.parametrize("start", AT_IMPORT)
def test_an_app_that_starts_something_and_then_crashes_says_why_at_once(bench: Bench, start: str) -> None:
    bench.configure(app=f"{AT_IMPORT[start]}raise RuntimeError('no database configured')")
    done = bench.call("run", timeout_s=50.0)  # an import that hangs is given up after 60 s
    assert done.returncode == 4
    assert "the app crashes when 'app_under_test:app' is imported; its last lines:" in done.stderr
    assert "\n| RuntimeError: no database configured\n" in done.stderr


def test_an_app_that_ends_python_at_import_crashes(bench: Bench) -> None:
    bench.configure(app="import os\nprint('bye', flush=True)\nos._exit(0)")
    done = bench.call("run")
    assert done.returncode == 4
    assert "(exit code 0); its last lines:\n| bye\n" in done.stderr


def test_an_interruption_while_an_app_is_imported_leaves_nothing(bench: Bench) -> None:
    bench.configure(app=f"{AT_IMPORT['a process']}print('importing', flush=True)\n{STAYS}")
    running = bench.start("run")
    bench.wait_for(lambda: len(bench.commands(STAYS)) == 1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert not bench.processes()


DETACHES = """
import os, subprocess, sys

def detach():
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.execvp(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"])
    os.wait()
"""


def test_what_an_app_detaches_under_load_ends_with_it(bench: Bench) -> None:
    """With a port of its own the second round needs it free."""
    app = GOOD_APP.replace("async def quick(request):\n", "async def quick(request):\n    once()\n")
    once = "def once(done=[]):\n    if not done:\n        done.append(detach())\n"
    bench.configure(app=DETACHES + once + app, duration="1s", profile="rounds = 2", target="workers = 1")
    done = bench.call("run")
    assert_measured(done)
    assert not bench.processes()


PRINTS = {
    "one line without end": "while True:\n        os.write(1, b'x' * 1_000_000)",
    "lines without end": "while True:\n        os.write(2, b'a line of its own\\n' * 50_000)",
}


@pytest.mark.parametrize("how", PRINTS)
def test_an_app_that_prints_without_end_is_measured_and_the_report_says_so(bench: Bench, how: str) -> None:
    talk = f"import os, threading\ndef talk():\n    {PRINTS[how]}\n"
    start = "threading.Thread(target=talk, daemon=True).start()\n"
    bench.configure(app=talk + start + GOOD_APP, duration="2s", target="workers = 1")
    done = bench.call("run")
    assert done.returncode in {0, 3}, done.stderr  # the load generator has less than a processor
    record = bench.record()
    (measured,) = record.endpoints[0].rounds
    assert measured.cut_bytes
    assert "output-cut" in [finding.kind for finding in measured.warnings]
    folder = bench.folder / "results" / record.id
    assert "MiB more than their logs keep" in (folder / "report.md").read_text()
    assert sum(file.stat().st_size for file in folder.rglob("*.log")) < 25 * 2**20


def test_what_an_app_prints_is_shown_behind_a_mark_and_obeyed_by_nobody(bench: Bench) -> None:
    bench.configure(
        app="for line in ('::add-mask::e', '  ::error::forged', '##[error]forged', chr(27) + ']0;owned' + chr(7)):\n"
        "    print(line, flush=True)\n"
        "raise SystemExit('a\\n::warning::b')"
    )
    bench.environment["GITHUB_STEP_SUMMARY"] = str(bench.folder / "summary.md")
    done = bench.call("run")
    assert done.returncode == 4
    assert "\n| ::add-mask::e\n|   ::error::forged\n| ## [error]forged\n|  ]0;owned\n" in done.stderr
    obeyed(done.stderr + done.stdout)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[endpoints.quick]", '[endpoints."x\\n::error::y"]'),
        ("users = 8", '"::error::a\\u001b[31m" = 1\nusers = 8'),
        ("schema_version = 1", 'schema_version = "1\\n::error::##[error]"'),
        ("[app]", "[app]\n::error::"),
        ("[endpoints.quick]", '[endpoints."a ##[error]b"]'),
    ],
)
def test_a_message_about_benchmark_toml_is_one_line_that_is_not_obeyed(bench: Bench, old: str, new: str) -> None:
    file = bench.folder / "benchmark.toml"
    file.write_text(file.read_text().replace(old, new))
    done = bench.call("run")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    obeyed(done.stderr)


def test_a_name_that_a_runner_would_obey_is_not_at_the_beginning_of_a_line(bench: Bench) -> None:
    text = (bench.folder / "benchmark.toml").read_text()
    (bench.folder / "benchmark.toml").write_text(text.replace("[endpoints.quick]", '[endpoints."::error::x"]'))
    (bench.folder / "benchmark.toml").write_text(
        (bench.folder / "benchmark.toml").read_text().replace('["quick"]', '["::error::x"]')
    )
    done = bench.call("predict", "--profile", "quick")
    assert done.returncode == 0, done.stderr
    assert ": :error::x" in done.stdout
    obeyed(done.stdout + done.stderr)


def obeyed(printed: str) -> None:
    """No line is one that a runner would obey, or that a terminal would."""
    for line in printed.split("\n"):
        assert not line.lstrip().startswith("::"), line
        assert "##[" not in line
        assert line.isprintable() or not line.strip(), line


def test_the_app_gets_no_file_of_the_runner(bench: Bench) -> None:
    names = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
    bench.configure(
        app=f"import os\nfor name in {names}:\n    if name in os.environ: open(os.environ[name], 'a').write('mine')\n"
        + GOOD_APP,
        duration="1s",
    )
    bench.environment |= {name: str(bench.folder / name) for name in names}
    assert_measured(bench.call("run"))
    written = [path.name for path in bench.folder.iterdir() if path.name in names]
    assert not [name for name in written if "mine" in (bench.folder / name).read_text()]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_a_closed_terminal_ends_a_run_in_order(bench: Bench, number: signal.Signals) -> None:
    bench.configure(duration="60s")
    running = bench.start("run")
    wait_for_line(running.stderr, " users, ")
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert f"interrupted by {number.name}" in said
    record = bench.record()
    assert record.state == "incomplete"
    assert (bench.folder / "results" / record.id / "report.md").is_file()


def test_what_ignores_the_end_of_its_terminal_goes_on(bench: Bench) -> None:
    bench.configure(duration="2s")
    command = ["nohup", *bench.command("run")]
    environment = os.environ | {"BENCH_TEST_MARK": bench.mark}
    with subprocess.Popen(
        command, cwd=bench.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        wait_for_line(running.stderr, " users, ")
        running.send_signal(signal.SIGHUP)
        running.communicate(timeout=60)
    assert bench.record().state == "complete"


OUTPUTS = {
    "closed pipes": ("2>&1 | head -1", {0}),
    "a full standard output": ("> /dev/full", {2}),
    "a full standard error": ("2> /dev/full", {0}),
    "all closed": ("<&- >&- 2>&-", {0}),
}


@pytest.mark.parametrize("output", OUTPUTS)
def test_output_that_nobody_reads_ends_no_measurement(bench: Bench, output: str) -> None:
    """A sweep goes on to its last run."""
    bench.configure(duration="1s")
    redirected, codes = OUTPUTS[output]
    script = f'{{ "$@"; echo $? > code; }} {redirected}'
    command = ["bash", "-c", script, "bash", *bench.command("run", "--users", "3", "--users", "4")]
    environment = os.environ | {"BENCH_TEST_MARK": bench.mark}
    done = subprocess.run(command, cwd=bench.folder, env=environment, capture_output=True, text=True, check=False)
    assert [record.state for record in bench.records()] == ["complete", "complete"]
    assert len(list(bench.folder.glob("results/*/report.md"))) == 2
    code = int((bench.folder / "code").read_text())
    assert code in codes | {3}, done.stderr  # 3: the load generator was kept waiting
    if output == "a full standard output" and code == 2:
        assert "bench: the output could not be written: No space left on device" in done.stderr


def test_a_program_that_wants_the_result_hears_that_it_was_lost(bench: Bench) -> None:
    command = [*bench.command("predict", "--profile", "quick", "--json")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=bench.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    whole = subprocess.run(command, cwd=bench.folder, capture_output=True, text=True, check=True)
    assert json.loads(whole.stdout)
