"""How long it takes until every one of several clones that publish at once has published.

python -m experiments.race [CLONES]
"""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.clones import Clone, environment, git, make_clone, make_origin
from tests.support.publishable import make_record

TIMEOUT_S = 300


def race(directory: Path, clones: int, publish: Callable[[Clone, Path], int]) -> tuple[Path, list[int]]:
    """Publish one run from each clone, all at once; gives the origin and the exit codes."""
    origin = make_origin(directory)
    racers = [make_clone(origin, directory / f"clone-{number}") for number in range(clones)]
    runs = [racer.results(make_record(number)) for number, racer in enumerate(racers)]
    with ThreadPoolExecutor(clones) as pool:
        return origin, list(pool.map(publish, racers, runs))


def _publish(racer: Clone, run: Path) -> int:
    """Publish by a Python of its own: what its start takes is part of how long it takes."""
    with (racer.path / "results" / "errors.log").open("wb") as log:
        started = subprocess.run(
            racer.command("publish", run),
            cwd=racer.path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=log,
            timeout=TIMEOUT_S,
            check=False,
        )
    return started.returncode


def main() -> None:
    """Print what the race took."""
    clones = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with TemporaryDirectory() as directory:
        began = time.perf_counter()
        origin, codes = race(Path(directory), clones, _publish)
        took_s = time.perf_counter() - began
        lost = sum(len(log.read_text().splitlines()) for log in Path(directory).glob("*/results/errors.log"))
        commits = int(git(origin, "rev-list", "--count", "main")) - 1
    sys.stdout.write(
        f"{clones} clones, {codes.count(0)} published, {commits} commits, {lost} tries lost, "
        f"{took_s:.1f} s with the making of the clones\n"
    )


if __name__ == "__main__":
    main()
