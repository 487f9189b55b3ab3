"""`bench try`: a first number of an app that no benchmark.toml describes."""

import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmark.config import DEFAULT_FILE, read_app
from benchmark.discover.discover import config_of, discover, in_a_sentence, loading
from benchmark.discover.tries import LOAD_S, PROFILE, USERS
from benchmark.formatting import say
from benchmark.pipeline import RunRequest, measure_all, require_valid
from benchmark.record import Record
from benchmark.report.terminal import print_results
from benchmark.store import to_json
from scripts import options


def try_(
    *,
    app: options.App = None,
    python: options.Python = None,
    as_json: options.AsJson = False,
) -> None:
    """Load an app for ten seconds with 20 users, without any configuration, and say what that shows.

    Finds the app where `fastapi run` would, reads its openapi.json, and loads up to three GET paths that need no
    parameters; of the URL of a single path, only that one. Where a benchmark.toml is, its [app] is loaded; one that
    is named is started with its python and env. Keeps no files.

    Examples:
        bench try
        bench try shop.main:app --python .venv/bin/python
        bench try http://localhost:8000/items


    """
    home, console = Path.cwd(), Console(stderr=True)
    found = discover(app, home, python, read_app(DEFAULT_FILE)[0] if DEFAULT_FILE.exists() else None)
    config = config_of(found)
    console.print(f"{USERS} users, {LOAD_S} s, {loading(found, config)}", soft_wrap=True, markup=False)
    with TemporaryDirectory(prefix="bench-try-") as folder:
        request = RunRequest(profile=PROFILE, users=(), values={})
        measured = measure_all(request, home / DEFAULT_FILE, Path(folder), console, _no_report, config)
        (record,) = [record for record, _ in measured]
    if as_json:
        sys.stdout.write(to_json(record))
    else:
        _show(record, app, python)
    require_valid([record])


def _no_report(directory: Path, _home: Path) -> Path:
    return directory


def _show(record: Record, app: str | None, python: str | None) -> None:
    console = Console()
    print_results(console, record)
    for sentence in in_a_sentence(record):
        say(sentence, sys.stdout)
    first = record.endpoints[0].name if record.endpoints else "ENDPOINT"
    if DEFAULT_FILE.exists() and not read_app(DEFAULT_FILE)[1]:
        say(f"\nNext: `bench run` measures what {DEFAULT_FILE} says.", sys.stdout)
        return
    keep = shlex.join(["bench", "init", *([app] if app else []), *(["--python", python] if python else [])])
    say(f"\nKeep it: `{keep}` writes benchmark.toml. Then `bench run`, and `bench diagnose {first}`.", sys.stdout)
