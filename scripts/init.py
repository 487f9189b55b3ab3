"""`bench init`: make the repository your own, or write the benchmark.toml of an app."""

import sys
from pathlib import Path

from benchmark.config import DEFAULT_FILE, read_app
from benchmark.discover.discover import MOST_IN_PROFILE, config_text, discover, endpoints_text
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
    that holds only [app] says how it is started, and gets the rest added; any other is never changed. In a fork of the
    benchmark repository the runs, failures and self-test of others are removed and the reports rendered again; runs
    that are in no commit are never removed.

    Examples:
        bench init
        bench init shop.main:app --python .venv/bin/python


    """
    file, reports = Path(DEFAULT_FILE), Path("reports")
    if file.is_file() and reports.is_dir() and app is None:
        _clear_fork(reports)
    elif file.exists() and (app is not None or not read_app(file)[1]):
        raise UsageError(f"{file} exists and stays as it is; `bench run` measures it, `bench doctor` checks it")
    else:
        _write(file, app, python)


def _write(file: Path, app: str | None, python: str | None) -> None:
    is_there = file.exists()
    found = discover(app, Path.cwd(), python, read_app(file)[0] if is_there else None, tries=True)
    with file.open("a" if is_there else "x", encoding="utf-8") as new:
        new.write(f"\n{endpoints_text(found)}" if is_there else config_text(found))
    ready = max(1, sum(one.is_ready for one in found.kept()))
    others = sum(not one.is_ready for one in found.kept())
    more = f", and {others} more commented out, which may change data or need more" if others else ""
    plural = "s" if ready != 1 else ""
    wrote = f"Added to {file}:" if is_there else f"Found {found.found}. Wrote {file} with"
    say(f"{wrote} {ready} endpoint{plural} to load{more}.", sys.stdout)
    print_tried(found.tried)
    which = "those" if len(found.answered()) <= MOST_IN_PROFILE else f"the first {MOST_IN_PROFILE}"
    say(f"Next: `bench run` measures {which} that responded, for 30 s each; edit the file to change that.", sys.stdout)


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
