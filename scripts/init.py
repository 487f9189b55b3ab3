"""`bench init`: make the repository your own."""

import sys
from pathlib import Path

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
        sys.stdout.write(f"Removed {entry}\n")
    if not removed:
        sys.stdout.write("No runs to remove.\n")
    render(reports, readme, everything=True)
    sys.stdout.write(
        "Rendered reports/README.md and the block of README.md. Next: edit benchmark.toml, then "
        'git add --all reports README.md && git commit -m "Begin my own series"\n'
    )
