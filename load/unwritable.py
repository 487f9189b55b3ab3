"""What a load does when it can not write down what it measured: it is worth nothing, so it ends, and says why."""

import os
import sys

import gevent
from locust.env import Environment
from locust.runners import WorkerRunner

from load.listen import listen

UNWRITABLE = "bench-unwritable"
"""A load process tells the one that leads it why it ends."""


def end_unwritable(environment: Environment, message: str) -> None:
    """End this process, once, with an exit code of its own, after what led to it was told and printed."""
    if environment.process_exit_code is not None:
        return
    environment.process_exit_code = os.EX_IOERR
    # Said at the very end: Locust prints its own tables before.
    listen(environment.events.quit, lambda **_: sys.stderr.write(f"{message}\n"))
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.send_message(UNWRITABLE, {"message": message})
    if environment.runner is not None:
        gevent.spawn(environment.runner.quit)
