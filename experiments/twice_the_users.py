"""How right a prediction is for twice the users that were measured: `python -m experiments.twice_the_users FOLDER ...`.

Each FOLDER holds a benchmark.toml (`examples/shop`, or what docs/measurements/public-apps.md shows). It is copied;
each endpoint of its first profile is diagnosed with up to 16 users and `--keep`, and then really run with 32. Right is
req/s within 10 % and p95 within 20 % of the prediction, or a diagnosis that says that it cannot tell. Two minutes each.
"""

import json
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from experiments.predict_curves import called

MEASURED, TWICE = 16, 32
WITHIN_PERCENT = {"throughput_rps": 10.0, "p95_ms": 20.0}
HEAD = "| app | endpoint | diagnosed | req/s | predicted | off | p95 (ms) | predicted | off | |"


def row(folder: Path, endpoint: str) -> str:
    """Diagnose one endpoint of a copied folder, run it with more users, and compare."""
    said: dict[str, Any] = json.loads(
        called(folder, "diagnose", endpoint, "--most-users", str(MEASURED), "--json", "--keep")
    )
    head = f"| {folder.name} | {endpoint} "
    if said["regime"] is None:
        return f"{head}| {said['finding']} | | | | | | | cannot tell, and says so |"
    config = folder / "benchmark.toml"
    if "service" not in tomllib.loads(config.read_text())["endpoints"][endpoint]:
        return f"{head}| {said['finding']} | | | | | | | nothing saved: threads compute at once |"
    profile = '\n[profiles.twice]\nusers = 1\nspawn_rate = 1000\nduration = "20s"\nstart = "spread"\n'
    if "[profiles.twice]" not in config.read_text():
        config.write_text(config.read_text() + profile + f'endpoints = ["{endpoint}"]\n')
    asked = ("--profile", "twice", "--users", str(TWICE), "--endpoint", endpoint)
    called(folder, "run", *asked, "--out", f"runs/{endpoint}")
    (result,) = json.loads(max((folder / "runs" / endpoint).glob("*/run.json")).read_text())["endpoints"]
    cells, right = [], True
    for name, most in WITHIN_PERCENT.items():
        seen, expected = result["summary"][name], (result["prediction"] or {}).get(name)
        off = 100 * (seen / expected - 1) if expected else float("nan")
        right = right and abs(off) <= most
        cells.append(f"{seen:,.1f} | {expected or 0:,.1f} | {off:+.1f}%")
    return f"{head}| {said['regime']} | {' | '.join(cells)} | {'right' if right else '**off**'} |"


def main() -> None:
    machine = read_environment(Path.cwd())
    sys.stdout.write(f"{utc_now()}, {machine.cpu.model} x {machine.cpu.count}, {machine.python}\n\n{HEAD}\n")
    with tempfile.TemporaryDirectory() as temporary:
        for given in map(Path, sys.argv[1:]):
            folder = Path(shutil.copytree(given, Path(temporary) / given.resolve().name, symlinks=True))
            config = tomllib.loads((folder / "benchmark.toml").read_text())
            for endpoint in next(iter(config["profiles"].values()))["endpoints"]:
                sys.stdout.write(f"{row(folder, endpoint)}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
