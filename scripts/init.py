"""`bench init`: make the repository your own, or write the benchmark.toml of an app."""

import sys
from pathlib import Path

from benchmark.config import DEFAULT_FILE
from benchmark.discover.discover import config_text, discover
from benchmark.errors import UsageError
from benchmark.formatting import say
from benchmark.publish.fork import clear
from benchmark.report.render import render
from scripts import options
from scripts.endpoints import print_tried


def init(
    *,
    app: options.App = None,
    python: options.Python = None,
) -> None:
    """Write benchmark.toml for the app of this folder; in a fork, clear the runs that it inherited.

    The app is found where `fastapi run` would find it, started once, and asked for its openapi.json. A benchmark.toml
    that exists is never changed. In a fork of the benchmark repository the runs, failures and self-test of others are
    removed and the reports rendered again; runs that are in no commit are never removed.

    Examples:
        bench init
        bench init shop.main:app --python .venv/bin/python


    """
    file, reports = Path(DEFAULT_FILE), Path("reports")
    if file.is_file() and reports.is_dir() and app is None:
        _clear_fork(reports)
    elif file.exists():
        raise UsageError(f"{file} exists and stays as it is; `bench run` measures it, `bench doctor` checks it")
    else:
        _write(file, app, python)


def _write(file: Path, app: str | None, python: str | None) -> None:
    found = discover(app, Path.cwd(), python, tries=True)
    with file.open("x", encoding="utf-8") as new:
        new.write(config_text(found))
    ready = max(1, sum(one.is_ready for one in found.kept()))
    others = sum(not one.is_ready for one in found.kept())
    more = f", and {others} more commented out, which may change data or need more" if others else ""
    plural = "s" if ready != 1 else ""
    say(f"Found {found.found}. Wrote {file} with {ready} endpoint{plural} to load{more}.", sys.stdout)
    print_tried(found.tried)
    say("Next: `bench run` measures those that responded, for 30 s each; edit the file to change that.", sys.stdout)


def _clear_fork(reports: Path) -> None:
    removed = clear(Path.cwd(), reports)
    for entry in removed:
        say(f"Removed {entry}", sys.stdout)
    if not removed:
        say("No runs to remove.", sys.stdout)
    render(reports, Path("README.md"), everything=True)
    say(
        "Rendered reports/README.md and the block of README.md. Next: edit benchmark.toml, then "
        'git add --all reports README.md && git commit -m "Begin my own series"',
        sys.stdout,
    )
