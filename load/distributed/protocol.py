"""Load workers on other machines: what they are told, and how their responses come back without a shared disk."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import locust

from load.distributed.counts import REQUEST_COLUMNS, rows
from load.output import COLUMNS

VERSION, SPEC, LACKS, REFUSED = "bench-version", "bench-spec", "bench-lacks", "bench-refused"
"""A worker says what it runs, and is told what to request, which it may lack a variable for, or that it is refused."""

LONGEST_SILENCE_S = 15.0
"""A load process that was not heard for so long is given up; a worker of another machine gives up itself when it hears
nothing for so long. (One of this machine ends with the one that leads it, after Locust's own minute.)
"""


def versions() -> dict[str, str]:
    """What has to be equal on all machines: Locust, and the code that loads."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return {"Locust": locust.__version__, "load code": digest.hexdigest()[:12]}


class Files:
    """The rows of load workers, a requests-N.csv and a generator-N.csv each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, TextIOWrapper] = {}

    def write(self, worker: int, start_s: float, told: dict[str, Any]) -> None:
        """Append what a worker told. `start_s`: when the load began on this machine's clock."""
        found = [row for answer in told["answers"] for row in rows(start_s, answer)]
        self._append(f"requests-{worker}.csv", REQUEST_COLUMNS, found)
        seconds = [(round(start_s + second[0], 3), *second[1:]) for second in told["seconds"]]
        self._append(f"generator-{worker}.csv", COLUMNS, seconds)

    def close(self) -> None:
        """Write out what is buffered."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def _append(self, name: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
        if name not in self._files:
            path = self._directory / name
            new = not path.exists()
            self._files[name] = path.open("a", newline="", encoding="utf-8")
            if new:
                csv.writer(self._files[name]).writerow(columns)
        csv.writer(self._files[name]).writerows(rows)
