"""How much CPU per request and req/s differ between equal runs while other programs come and go.

python -m experiments.cpu_noise [RUNS]

A bare app burns 1, 5 and 20 ms for each request. In every run 0 to 2 other programs compute all the time, drawn at
random. The app counts its own processor time as well: both counts are held against each other.
"""

import json
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.record import Record
from benchmark.store import read_record

HERE = Path(__file__).resolve().parent
BURNS_MS = (1, 5, 20)
BUSY = "while True: pass"


def write_config(home: Path) -> None:
    """One worker, so that what it leaves behind is all that was used."""
    endpoints = "".join(f'[endpoints.burns_{ms}_ms]\npath = "/{ms}"\n' for ms in BURNS_MS)
    names = json.dumps([f"burns_{ms}_ms" for ms in BURNS_MS])
    load = f'users = 4\nspawn_rate = 4\nduration = "4s"\nstart = "spread"\nreference = 2\nendpoints = {names}\n'
    app = '[app]\nimport = "burning_app:app"\nworkers = 1\n'
    (home / "benchmark.toml").write_text(f"{app}{endpoints}[profiles.noise]\n{load}")
    (home / "burning_app.py").symlink_to(HERE / "burning_app.py")


def measure(home: Path, busy: int) -> tuple[Record, list[float]]:
    """Run once next to so many busy programs; gives the record, and what the app counted (us) for each endpoint."""
    command = [sys.executable, "-m", "scripts", "run", "--profile", "noise", "--config", str(home / "benchmark.toml")]
    with ExitStack() as stack:
        for _ in range(busy):
            stack.callback(stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY])).kill)
        subprocess.run([*command, "--out", str(home / "results")], capture_output=True, check=False)
    own = {file.stat().st_mtime: json.loads(file.read_text()) for file in home.glob("used-*.json")}
    for file in home.glob("used-*.json"):
        file.unlink()
    (path,) = (home / "results").glob("*/run.json")
    record = read_record(path)
    path.rename(path.with_name("read.json"))
    return record, [1e6 * spent_s / count for _, (count, spent_s) in sorted(own.items())]


def noise(values: list[float]) -> str:
    """The middle half of the values over their median: as a percentage."""
    low, middle, high = quantiles(values, n=4)
    return f"{100 * (high - low) / middle:.1f}%"


def main() -> None:
    """Measure, and print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    found: defaultdict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    chance = random.Random(1)  # noqa: S311 - reproducible, not secret
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_config(home)
        for number in range(runs):
            busy = chance.choice((0, 1, 2))
            record, own_us = measure(home, busy)
            reference_us = record.reference.median("server_cpu_us_per_request") if record.reference else None
            for result, counted_us in zip(record.endpoints, own_us, strict=True):
                (one,) = result.rounds
                used_us, rate_rps = one.resources.server_cpu_us_per_request or 0.0, one.throughput_rps or 0.0
                found[result.name].append((rate_rps, used_us, counted_us, used_us / (reference_us or 1.0)))
            sys.stderr.write(f"{number + 1}: {busy} busy, reference {reference_us} us, {record.state}\n")
    machine = read_environment(Path.cwd())
    sys.stdout.write(f"{utc_now()}, {machine.cpu.model} x {machine.cpu.count}, {machine.python}, {runs} runs\n\n")
    sys.stdout.write("| endpoint | req/s | noise | CPU per request | noise | relative to the reference's: noise ")
    sys.stdout.write("| the app's own count | most apart |\n| :-- |" + " --: |" * 7 + "\n")
    for name, values in found.items():
        rate, used, own, relative = map(list, zip(*values, strict=True))
        apart = max(abs(a / b - 1) for a, b in zip(used, own, strict=True))
        cells = (f"{median(rate):.1f}", noise(rate), f"{median(used) / 1000:.2f} ms", noise(used), noise(relative))
        sys.stdout.write(f"| {name} | {' | '.join(cells)} | {median(own) / 1000:.2f} ms | {100 * apart:.1f}% |\n")


if __name__ == "__main__":
    main()
