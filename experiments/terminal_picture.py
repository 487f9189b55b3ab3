"""The picture of the terminal in the README: what `bench run` printed at the end of the newest run of `quick`.

`make experiment NAME=terminal_picture` prints that run's record again, as `bench run` does; nothing is measured.
Another folder of runs: `python -m experiments.terminal_picture FOLDER`.
"""

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from benchmark.record import Record
from benchmark.report.step_summary import run_directories
from benchmark.report.terminal import print_results
from benchmark.store import read_record

HOME = Path(__file__).resolve().parents[1]
PICTURE = HOME / "docs" / "pictures" / "terminal.svg"
PROFILE = "quick"
COLUMNS = 80
# Its fonts would be fetched from elsewhere.
OWN_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def newest(folder: Path) -> Record:
    records = [read_record(directory) for directory in run_directories(folder)]
    fitting = [record for record in records if record.profile.name == PROFILE and record.state == "complete"]
    if not fitting:
        raise SystemExit(f"{folder} holds no complete run of {PROFILE}; bench run, then bench publish results")
    return max(fitting, key=lambda record: record.started_at)


def main() -> None:
    """Draw what the command printed."""
    record = newest(Path(sys.argv[1]) if sys.argv[1:] else HOME / "reports" / "runs")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), (record.command, "bold"), "\n"))
    print_results(console, record)
    console.print(Text(f"Report: results/{record.id}/report.md"))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    drawn = console.export_svg(title="bench run", code_format=OWN_FORMAT)
    PICTURE.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{PICTURE.relative_to(HOME)}\n")


if __name__ == "__main__":
    main()
