"""How exactly the moments of a stream are measured: `make experiment NAME=streams`; a minute.

1 and 50 users of a stream that sends its head after 50 ms, its first event after 300 ms, and one every 100 ms then.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmark.measure.process import Interrupt, listening
from benchmark.measure.round import Job, measure
from benchmark.measure.summarize import summarize
from benchmark.plan import Endpoint
from benchmark.record import Round
from experiments.ceiling import conditions, plan
from experiments.streams_app import FIRST_S, GAP_S, HEAD_S

LOAD_S = 24.0
USERS = (1, 50)
WITHIN_MS = 5.0
EXPECTED_MS = {"first byte": HEAD_S * 1000, "first event": FIRST_S * 1000, "gap": GAP_S * 1000}


def gaps_ms(texts: pd.Series) -> Iterator[float]:
    for gap in (gap for text in texts for gap in text.split()):
        length_ms, _, times = gap.partition("*")
        yield from [float(length_ms)] * int(times or 1)


def load(users: int, directory: Path, interrupt: Interrupt) -> tuple[Round, pd.DataFrame]:
    endpoint = Endpoint(name="stream", path="/", stream="sse")
    asked = plan(endpoint, "experiments.streams_app:app", users, LOAD_S)
    home = Path(__file__).resolve().parents[1]
    raw = measure(Job(asked, endpoint, 1, (endpoint,), directory, home), interrupt.pause, lambda *_: None)
    assert raw.streams is not None
    return summarize(raw, endpoint, asked.profile), raw.streams[raw.streams["ended"] != ""]


def rows(users: int, measured: Round, streams: pd.DataFrame) -> Iterator[str]:
    seen = {
        "first byte": list(streams["first_byte_ms"]),
        "first event": list(streams["first_event_ms"]),
        "gap": list(gaps_ms(streams["gaps"])),
    }
    lag = f"{measured.resources.generator_lag_mean_ms} / {measured.resources.generator_lag_p99_ms}"
    for what, values in seen.items():
        found = pd.Series(values)
        close = 100 * ((found - EXPECTED_MS[what]).abs() <= WITHIN_MS).mean()
        spread = " | ".join(f"{found.quantile(one):.2f}" for one in (0.0, 0.5, 0.99, 1.0))
        yield f"| {users} | {what} | {EXPECTED_MS[what]:.0f} | {len(found):,} | {spread} | {close:.2f}% | {lag} |"


def main() -> None:
    """Print a table."""
    heads = ("Users", "What", "Sent (ms)", "Seen", "Min", "p50", "p99", "Max", "Within 5 ms", "Lag mean / p99 (ms)")
    lines = [conditions("streams"), f"| {' | '.join(heads)} |", f"| --: | :-- |{' --: |' * (len(heads) - 2)}"]
    with listening() as interrupt:
        for users in USERS:
            with tempfile.TemporaryDirectory() as folder:
                lines += rows(users, *load(users, Path(folder) / "round", interrupt))
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
