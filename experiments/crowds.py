"""What the harness adds to a response of one second while a crowd waits for one; a minute and a half."""

import sys
import tempfile
from pathlib import Path

from benchmark.errors import InvalidRunError
from benchmark.measure.machine import raise_open_file_limit
from benchmark.measure.process import Interrupt, listening
from benchmark.plan import Endpoint
from experiments.ceiling import conditions, measured, plan
from load.spec import SPARE_FILES

CROWDS = (100, 500, 1000, 2000)
CROWDED = Endpoint(name="crowd", path="/crowd", served="event loop", work_s=1.0)
APP = """
import asyncio
from fastapi import FastAPI
from load.spec import SPARE_FILES

app = FastAPI()

@app.get("/crowd", response_model=None)
async def crowd():
    await asyncio.sleep(1)
    return {"answer": "waited"}
"""


def row(users: int, most_files: int | None, home: Path, interrupt: Interrupt) -> str:
    """A row of the table. A crowd that this machine cannot hold is none."""
    if most_files is not None and users + SPARE_FILES > most_files:
        return f"| {users} | | | | skipped: this user may open {most_files} files only (ulimit -n) |"
    duration_s = 4.0 + users // 250  # they connect, are answered once, and ask some more times
    try:
        found, doubt = measured(plan(CROWDED, "crowd:app", users, duration_s), home / f"{users}", home, interrupt)
    except InvalidRunError as error:
        return f"| {users} | | | | {error.message} |"
    if found.steady is None:
        return f"| {users} | | | | {doubt or 'not all of them were answered before the load ended'} |"
    steady = found.steady
    return (
        f"| {users} | {steady.excess_mean_ms:.2f} | {steady.excess_p50_ms:.2f} | {steady.excess_p99_ms:.2f} | {doubt} |"
    )


def main() -> None:
    """Print a row for each crowd."""
    most_files = raise_open_file_limit()
    lines = [
        "| Users who wait 1 s | Excess mean (ms) | p50 (ms) | p99 (ms) | Doubt |",
        "| --: | --: | --: | --: | :-- |",
    ]
    with listening() as interrupt, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "crowd.py").write_text(APP)
        lines += [row(users, most_files, Path(folder), interrupt) for users in CROWDS]
    sys.stdout.write("\n".join(lines) + f"\n\n{conditions('crowds')}")


if __name__ == "__main__":
    main()
