"""`bench capacity`: the largest load at which a promise can be kept."""

import sys
from typing import Annotated

from typer import Argument, Option

from benchmark.capacity.capacity import (
    FLAGS,
    MOST_RATE,
    print_capacity,
    promise,
    promised_limits,
    require_answer,
    search,
)
from benchmark.config import DEFAULT_FILE, read_config
from scripts import options


@options.filled(load=options.chosen("workers threads python"))
def capacity(
    *,
    endpoint: Annotated[str, Argument(help="An endpoint or a mix of benchmark.toml.", show_default=False)],
    p95_below: Annotated[str | None, options.option(FLAGS["p95_below_s"])] = None,
    failures_below: Annotated[str | None, options.option(FLAGS["failures_below_percent"])] = None,
    most_users: Annotated[str, options.option(FLAGS["most"])] = "2000",
    most_rate: Annotated[str | None, options.option(MOST_RATE)] = None,
    duration: Annotated[
        str | None,
        Option(
            metavar="<duration>",
            help="Duration of each step.",
            show_default="8 × --p95-below (24 × with --most-rate), at least 3 s",
        ),
    ] = None,
    task_seconds: options.QuickTasks = "0.1",
    load: options.Given,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Find the maximum users, or requests per second, at which an endpoint meets a latency target.

    Doubles the load until the target is missed, then searches between both, with a fresh server for each step. Both
    bounds are confirmed once and compared with the prediction. Stops early and reports when the load generator is the
    bottleneck. Takes about two minutes where responses come within a second.

    Examples:
        bench capacity sync_baseline --p95-below 500ms --workers 1
        bench capacity sync_baseline --p95-below 500ms --most-rate 500/s

    """
    asked = promise(
        p95_below, failures_below, most_users, most_rate, lambda: promised_limits(read_config(config), endpoint)
    )
    load |= {"duration_s": duration, "task_seconds": task_seconds}
    found = search(asked, endpoint, load, config, options.screen(stderr=True))
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
    else:
        print_capacity(options.screen(), found)
    require_answer(found)
