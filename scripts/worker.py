"""`bench worker`: send load for a benchmark that another machine leads."""

import sys
from typing import Annotated

from typer import Option

from benchmark.errors import UsageError
from benchmark.measure.load_test import parse_master, serve
from benchmark.measure.process import listening
from benchmark.plan import parse_seconds


def worker(
    master: Annotated[str, Option(metavar="HOST[:PORT]", help="Where `bench run --expect-workers` runs.")],
    wait: Annotated[str, Option(help="End when no benchmark was heard for so long.")] = "10m",
) -> None:
    """Send load for `bench run --expect-workers N` on another machine, round after round.

    Needs this repository in the same version, and no benchmark.toml: the other machine says what to request. The values
    of $VARIABLES in headers are looked up here. One load worker uses one core: start one for each.

    Example: bench worker --master 10.0.0.5
    """
    try:
        wait_s = float(parse_seconds(wait))
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from None
    with listening() as interrupt:
        serve(parse_master(master), wait_s, interrupt.pause, _say)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
