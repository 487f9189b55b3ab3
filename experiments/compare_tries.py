"""How often `bench compare` sees a difference where there is none, and misses one where there is.

python -m experiments.compare_tries [TRIES] [KEEP]

Each try is two real comparisons of an app with three endpoints that answer after 50 ms: a commit with itself, and with
one that adds 5 ms to one of them. KEEP: a folder in which every comparison is kept; what it holds of an earlier run
counts, so that one that was stopped can be finished. 20 tries take most of an hour, on a noisy machine more.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from tests.support.clones import git

ROOT = Path(__file__).parents[1]
NAMES = ("alpha", "beta", "gamma")
SLOWED = "beta"
ADDED_MS = 5.0
SIZE_WITHIN_MS = 1.0
TIMEOUT_S = 600

APP = """
import asyncio
from fastapi import FastAPI

app = FastAPI()
"""
ENDPOINT = """
@app.get("/{name}", response_model=None)
async def {name}():
    await asyncio.sleep({seconds})
    return {{"name": "{name}"}}
"""


def app(added_ms: float = 0.0) -> str:
    """Source of the app; `added_ms` slow one endpoint."""
    seconds = {name: 0.05 + (added_ms / 1000 if name == SLOWED else 0.0) for name in NAMES}
    return APP + "".join(ENDPOINT.format(name=name, seconds=seconds[name]) for name in NAMES)


def configuration() -> str:
    """A benchmark.toml with the profile `compare` of this repository, but for its endpoints."""
    own = (ROOT / "benchmark.toml").read_text(encoding="utf-8")
    profile = own.split("[profiles.compare]")[1].split("\n[")[0].split("\n# ---")[0]
    kept = [line for line in profile.splitlines() if not line.startswith(("endpoints", "task_seconds"))]
    endpoints = "".join(f'[endpoints.{name}]\npath = "/{name}"\n' for name in NAMES)
    head = 'schema_version = 1\n[app]\nimport = "shop:app"\n'
    return "\n".join([head + endpoints + "[profiles.compare]", *kept, f"endpoints = {json.dumps(NAMES)}", ""])


def make_repository(directory: Path) -> None:
    """Two commits: `same`, and `slower`."""
    git(directory, "init", "--quiet", "--initial-branch=main")
    (directory / "benchmark.toml").write_text(configuration(), encoding="utf-8")
    for tag, added_ms in (("same", 0.0), ("slower", ADDED_MS)):
        (directory / "shop.py").write_text(app(added_ms), encoding="utf-8")
        git(directory, "add", "benchmark.toml", "shop.py")
        git(directory, "commit", "--quiet", f"--message={tag}")
        git(directory, "tag", tag)


def compare(directory: Path, head: str, out: Path) -> Path:
    """Run the real command; gives the directory that it made."""
    before = set(out.glob("*")) if out.exists() else set()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scripts", "compare", "same", head, "--out", str(out)]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the comparison failed: {done.stderr}")
    (made,) = set(out.glob("*")) - before
    return made


@dataclass(frozen=True)
class Seen:
    """What one comparison said."""

    changed: frozenset[str]
    conclusive: bool
    size_ms: float | None

    @property
    def nothing(self) -> bool:
        """Whether it said that there is no difference."""
        return not self.changed and self.conclusive

    @property
    def found(self) -> bool:
        """Whether it found the slower endpoint, and no other."""
        return self.changed == {SLOWED}

    @property
    def sized(self) -> bool:
        """Whether it found it with its size within 20%."""
        return self.found and self.size_ms is not None and abs(self.size_ms - ADDED_MS) <= SIZE_WITHIN_MS


def sentence(made: Path) -> str:
    """The verdict of a comparison, which its page begins with."""
    return (made / "compare.md").read_text(encoding="utf-8").splitlines()[0].strip("*")


def seen(made: Path) -> Seen:
    """Read a comparison."""
    differences: list[dict[str, Any]] = json.loads((made / "compare.json").read_text(encoding="utf-8"))["differences"]
    changed = frozenset(item["endpoint"] for item in differences if item["verdict"] in {"improved", "regressed"})
    p50 = next(item for item in differences if item["endpoint"] == SLOWED and item["metric"] == "median_ms")
    return Seen(changed, "cannot be told" not in sentence(made), p50["change_ms"])


def tries(directory: Path, number: int, keep: Path) -> Iterator[tuple[str, Seen]]:
    """Compare with itself and with the slower one, in turns; what was kept before is not done again."""
    make_repository(directory)
    kept = {head: sorted((keep / head).glob("*/compare.json")) for head in ("same", "slower")}
    for done in range(number):
        for head, files in kept.items():
            made = files[done].parent if done < len(files) else compare(directory, head, keep / head)
            sys.stderr.write(f"{utc_now()} {done + 1}/{number} {head}: {sentence(made)}\n")
            yield head, seen(made)


def table(found: Sequence[tuple[str, Seen]]) -> str:
    """Counts, as Markdown."""
    same = [item for head, item in found if head == "same"]
    slower = [item for head, item in found if head == "slower"]
    sizes = sorted(item.size_ms for item in slower if item.size_ms is not None)
    return "\n".join(
        [
            "| Compared | Tries | Right | What is right |",
            "| :-- | --: | --: | :-- |",
            f"| a commit with itself | {len(same)} | {sum(item.nothing for item in same)} | says no difference |",
            f"| 5 ms added to one of three | {len(slower)} | {sum(item.found for item in slower)} | finds it alone |",
            f"| its size | {len(slower)} | {sum(item.sized for item in slower)} | within 4 to 6 ms |",
            "",
            f"Estimated sizes: {sizes[0]:.2f} to {sizes[-1]:.2f} ms, median {median(sizes):.2f} ms.",
        ]
    )


def main() -> None:
    """Print what was found."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with TemporaryDirectory() as directory:
        keep = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else Path(directory) / "kept"
        repository = Path(directory) / "repository"
        repository.mkdir()
        found = list(tries(repository, number, keep))
    machine = read_environment(ROOT)
    sys.stdout.write(f"{utc_now()}, {machine.cpu.model} x {machine.cpu.count}, {machine.python}\n\n{table(found)}\n")


if __name__ == "__main__":
    main()
