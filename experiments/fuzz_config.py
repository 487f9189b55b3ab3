"""What `make experiment NAME=fuzz_config` does: 5,000 inputs, a hundredth of them through a process of its own, too."""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from benchmark.theory import ask
from tests.support.clones import environment
from tests.support.fuzzed_config import HANGS_AFTER_S, Input, inputs, problem

INPUTS = 5000
EVERY = 100


def main() -> None:
    """Try all, and print what failed."""
    for limit in ("MOST_SIMULATED", "MOST_ARRIVALS"):
        setattr(ask, limit, 20_000)
    failed: dict[str, Input] = {}
    sample: list[Input] = []
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        @settings(
            max_examples=INPUTS, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )  # fmt: skip
        @given(given=inputs())
        def attempt(given: Input) -> None:
            seen[given.command[0]] += 1
            if sum(seen.values()) % EVERY == 0:
                sample.append(given)
            found = problem(given, folder)
            if found is not None:
                failed.setdefault(found.strip().splitlines()[-1], given)

        attempt()
        for one in sample:
            said = _in_a_process(one, folder)
            if said is not None:
                failed.setdefault(said, one)
    sys.stdout.write(f"{sum(seen.values())} inputs ({dict(seen)}), {len(sample)} of them in processes of their own\n")
    for what, one in failed.items():
        sys.stdout.write(f"{what}\n    {one}\n")
    sys.stdout.write(f"{len(failed)} kinds of failures\n")
    sys.exit(bool(failed))


def _in_a_process(one: Input, folder: Path) -> str | None:
    one.place(folder)
    command = [sys.executable, "-m", "scripts", *one.command]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment(**one.environment), capture_output=True, text=True, errors="replace",
            timeout=HANGS_AFTER_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "it did not end"
    fine = done.returncode in {0, 2} and "Traceback" not in done.stderr
    return None if fine else f"exit code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"


if __name__ == "__main__":
    main()
