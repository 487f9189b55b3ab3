"""`bench worker`: send load for a benchmark that another machine leads."""

import sys
from typing import Annotated

from typer import Option

from benchmark.errors import UsageError
from benchmark.fields import parse_seconds
from benchmark.formatting import say
from benchmark.measure.load_test import parse_master, serve
from benchmark.measure.process import listening


def worker(
    master: Annotated[str, Option(metavar="<host[:port]>", help="Machine that runs `bench run --expect-workers`.")],
    wait: Annotated[str, Option(metavar="<duration>", help="Stop when no benchmark was found for this long.")] = "10m",
) -> None:
    """Send load for `bench run --expect-workers N` on another machine, round after round.

    Needs the same version of this repository, but no benchmark.toml: the other machine says what to request. Values of
    $VARIABLES in headers are read here. One load worker uses one core: start one per core.

    Examples:
        bench worker --master 10.0.0.5

    """
    try:
        wait_s = float(parse_seconds(wait))
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from None
    with listening() as interrupt:
        serve(parse_master(master), wait_s, interrupt.pause, lambda line: say(line, sys.stderr))
