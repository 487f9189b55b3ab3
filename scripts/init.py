"""`bench init`: make the repository your own."""

import sys
from pathlib import Path

from benchmark.formatting import say
from benchmark.publish.fork import clear
from benchmark.report.render import render


def init() -> None:
    """Remove the runs, failures and self-test that a fork inherited, and render the reports and the README block.

    Everything else stays, reports/published/ included. Uncommitted runs are never removed. Calling it again changes
    nothing.

    Examples:
        bench init

    """
    reports, readme = Path("reports"), Path("README.md")
    removed = clear(Path.cwd(), reports)
    for entry in removed:
        say(f"Removed {entry}", sys.stdout)
    if not removed:
        say("No runs to remove.", sys.stdout)
    render(reports, readme, everything=True)
    say(
        "Rendered reports/README.md and the block of README.md. Next: edit benchmark.toml, then "
        'git add --all reports README.md && git commit -m "Begin my own series"',
        sys.stdout,
    )
