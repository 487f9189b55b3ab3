"""`bench diagnose`: find out how an endpoint is served, what limits it, and what to change."""

import sys
from typing import Annotated

from typer import Argument, Option

from benchmark.config import DEFAULT_FILE
from benchmark.diagnose.step_load import find_out, keep, print_diagnosis
from scripts import options


@options.filled(load=options.chosen("workers threads python"))
def diagnose(
    *,
    endpoint: Annotated[str, Argument(help="An endpoint of benchmark.toml.", show_default=False)],
    most_users: Annotated[str, Option(metavar="<number>", help="Stop at this number of users.")] = "512",
    task_seconds: options.QuickTasks = "0.1",
    load: options.Given,
    config: options.ConfigFile = DEFAULT_FILE,
    keep_it: Annotated[bool, Option("--keep", help="Write the result to benchmark.toml.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Load an endpoint with 1, 2, 4, ... users until throughput stops growing, and explain the result.

    Reports the service time, how many requests are served at a time, and the bottleneck: event loop, thread pool,
    blocked event loop, CPU or another pool; then what to change and the gain to expect. Weak evidence is reported as
    such. Takes half a minute for an endpoint that responds in 0.3 s, under two minutes for one that takes a second.

    Examples:
        bench diagnose sync_baseline
        bench diagnose my_orders --workers 1 --keep

    """
    load |= {"users": most_users, "task_seconds": task_seconds}
    found = find_out(endpoint, load, config, options.screen(stderr=True))
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
    else:
        print_diagnosis(options.screen(), found)
    kept = keep(found, config, write=keep_it)
    if kept and (keep_it or not as_json):
        (sys.stderr if as_json else sys.stdout).write(f"{kept.rstrip()}\n")
