"""Whether `bench predict --meet` and `bench capacity` agree: `make experiment NAME=meet_tries`, two minutes each.

The endpoints that `predict_curves` diagnosed are asked how many users keep p95 below three times what one user waits:
first predicted, then searched for with real loads. Right is within one step of that search: one user, or 5 %, more than
the largest number that was kept twice, or less than the smallest that was broken twice. `--only 3,7` runs some.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.capacity.search import NEAR
from experiments.predict_curves import FOLDER, called, setup

TIMES_ALONE = 3


def tried(folder: Path) -> dict[str, Any]:
    """What was predicted for one endpoint, and what was found."""
    kept = folder / "meet.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    lone = json.loads(next((folder / "diagnosed").glob("*.json")).read_text())
    limit_ms = round(TIMES_ALONE * lone["latency_ms"][lone["percent"].index(95.0)])
    asked = ("predict", "random", "--profile", "random", "--meet", f"p95={limit_ms}ms", "--json")
    predicted = json.loads(called(folder, *asked))["meet"]["last"]
    capacity = json.loads(called(folder, "capacity", "random", "--p95-below", f"{limit_ms}ms", "--json"))
    found = {"limit_ms": limit_ms, "predicted": predicted, "size": capacity["size"], "breaks_at": capacity["breaks_at"]}
    kept.write_text(json.dumps(found))
    return found


def is_right(found: dict[str, Any]) -> bool:
    step = max(1, round(NEAR * found["size"]))
    high = found["breaks_at"] or found["size"]
    return bool(found["size"] - step <= (found["predicted"] or 0) <= high + step)


def table(done: Sequence[tuple[int, dict[str, Any]]]) -> str:
    lines = [
        "| endpoint | service | computing | slots | workers | p95 below | predicted users | kept | broken | |",
        "| --: | :-- | --: | --: | --: | --: | --: | --: | --: | :-- |",
    ]
    for number, found in done:
        one = setup(number)
        head = f"| {number} | {one.shape}, {1000 * one.mean_s:g} ms | {1000 * one.computing_s:g} ms "
        head += f"| {one.slots or 'none'} | {one.workers} | {found['limit_ms']} ms "
        right = "right" if is_right(found) else "**off**"
        lines.append(f"{head}| {found['predicted']} | {found['size']} | {found['breaks_at']} | {right} |")
    return "\n".join([*lines, "", f"{sum(is_right(found) for _, found in done)} of {len(done)} are right.", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="numbers of endpoints, like 3,7")
    numbers = parser.parse_args().only
    diagnosed = sorted(int(file.parent.parent.name) for file in FOLDER.resolve().glob("*/diagnosed/*.json"))
    chosen = [int(number) for number in numbers.split(",")] if numbers else diagnosed
    sys.stdout.write(table([(number, tried((FOLDER / f"{number:02}").resolve())) for number in chosen]))


if __name__ == "__main__":
    main()
