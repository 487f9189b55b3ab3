"""Entry point for `locust -f`: records what happens and, unless a user's own locustfile does, brings the users.

Locust's command line is used, not its library API: a user's own locustfile, load shapes, several processes
and several machines then work the way its documentation says.
"""

import sys
from pathlib import Path

# Locust looks first in the folder it runs in, which may hold another module named `load`.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load.ladder_shape import shape_class
from load.recorder import record
from load.request_spec import read_load_spec
from load.users import user_class

sys.path.pop(0)

_spec = read_load_spec()
record(_spec)
if _spec.request is not None:
    EndpointUser = user_class(_spec)
if _spec.ladder:
    LadderShape = shape_class(_spec)
