"""Entry point for `locust -f`: records what happens and, unless a user's own locustfile does, brings the users.

Locust's command line is used, not its library API: a user's own locustfile, load shapes, several processes
and several machines then work the way its documentation says.
"""

import sys
from pathlib import Path

# Locust looks first in the folder it runs in, which may hold another module named `load`.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load.recorder import record
from load.spec import read_load_spec
from load.step_shape import shape_class
from load.users import user_class

sys.path.pop(0)

_spec = read_load_spec()
record(_spec)
if _spec.request is not None:
    EndpointUser = user_class(_spec)
if _spec.ladder:
    LadderShape = shape_class(_spec)

if _spec.request is None:
    # Locust reads a user's own locustfile next, whose packages may be named `load`, `app` or `benchmark`, too.
    # Python would take ours: from `sys.modules` at once, and from `sys.path` where the user's have no __init__.py.
    # Our modules live on in what refers to them; from here on they cannot import each other.
    _ROOT = Path(__file__).resolve().parents[1]
    if (_ROOT / "pyproject.toml").is_file():  # else it is where pip installs packages, Locust among them
        sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != _ROOT]
    for _name in [name for name in sys.modules if name.partition(".")[0] == "load"]:
        del sys.modules[_name]
