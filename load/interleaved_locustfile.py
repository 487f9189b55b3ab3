"""Entry point for `locust -f` where two apps are asked in turns: the users, and the relay that leads them."""

import sys
from pathlib import Path
from typing import Any

# Locust looks first in the folder it runs in, which may hold another module named `load`.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gevent
from locust import events
from locust.env import Environment

from load.interleaved import lead, read_turns_spec, user_class
from load.listen import listen

sys.path.pop(0)

_spec = read_turns_spec()
TurnsUser = user_class(_spec)


def _on_init(environment: Environment, **_: Any) -> None:
    # gevent counts a timer from when its loop last looked at the clock, which was before the imports.
    gevent.get_hub().loop.update_now()
    listen(environment.events.spawning_complete, lambda **_: lead(_spec, environment))


listen(events.init, _on_init)
