"""`bench publish`: put a run into the reports and render them again."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.publish.place import place
from benchmark.show.index import render_all


def publish(
    run_dir: Annotated[Path, Argument(help="A directory that `bench run` wrote.")],
    reports: Annotated[Path, Option(help="The reports directory.")] = Path("reports"),
    readme: Annotated[Path, Option(help="The README whose block is rendered.")] = Path("README.md"),
) -> None:
    """Put a run's record into reports/runs/ID/ and render every report, the index and the README block again.

    Publishing the same run twice changes nothing. Commit what changed: git add reports README.md
    """
    record = place(run_dir, reports)
    render_all(reports, readme)
    sys.stdout.write(f"Published: {reports / 'runs' / record.id / 'report.md'}\n")
