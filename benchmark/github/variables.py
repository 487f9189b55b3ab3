"""What benchmark.toml needs from outside: secrets, as a rule, which a repository at GitHub has to hold."""

import os
from pathlib import Path
from string import Template
from typing import NamedTuple

from benchmark.config import make_plan, parse_config, read_env_file
from benchmark.handover import handed_over


class Needed(NamedTuple):
    """A variable, or the env_file, that benchmark.toml needs: `by` says what for."""

    name: str
    by: str
    is_there: bool


def needed_variables(path: Path, profile: str | None = None) -> list[Needed]:
    """What the app and the endpoints (those of a profile, or all) need from outside of benchmark.toml."""
    config = parse_config(path)
    app, asked = config.app, config.endpoints
    if profile is not None:
        asked = {name: asked[name] for name in make_plan(config, profile, {}).profile.endpoints}
    file = None if app.env_file is None else path.parent / app.env_file
    in_file = read_env_file(app, path) if file is not None and file.exists() else {}
    named = [(name, f"[app] env {key}") for key, text in app.env.items() for name in Template(text).get_identifiers()]
    named += [(name, f"endpoint {one.name}") for one in asked.values() for name in one.variables if name not in app.env]
    found = [Needed(name, by, bool(os.environ.get(name) or in_file.get(name))) for name, by in dict(named).items()]
    if file is not None:
        found.append(Needed(str(app.env_file), "[app] env_file", file.exists() or bool(handed_over())))
    return found
