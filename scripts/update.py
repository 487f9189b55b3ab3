"""`bench update`: take a newer version of the repository that this one was forked from."""

import os
import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from benchmark.formatting import say
from benchmark.publish.fork import update as take
from benchmark.shell import run

RENDERING_S = 600.0


def update(
    remote: Annotated[
        str, Option(metavar="<remote>", help="The upstream repository: a remote of this clone, or a URL.")
    ] = "upstream",
    branch: Annotated[
        str | None, Option(metavar="<branch>", help="Branch to merge; by default its default branch.")
    ] = None,
) -> None:
    """Merge a newer version of the repository that you forked into your branch, without its runs.

    Your reports stay and are rendered by the new version. If both sides changed the same file, nothing is changed and
    the message says what to do. Nothing is pushed. Exit codes: 2 uncommitted changes or something in the way, 5 both
    sides changed a file, or git refused.

    Examples:
        bench update --remote https://github.com/OWNER/NAME.git

    """
    done = take(Path.cwd(), remote, branch, _render)
    if done.files is None:
        say(f"Nothing to do: your branch already has {done.commit[:10]} of {remote}.", sys.stdout)
        return
    if not done.rendered:
        say(
            "Your reports were not rendered: the new version needs packages that are not installed yet. "
            "Run make .venv/.run, then bench report --all, and commit the changes.",
            sys.stderr,
        )
    say(
        f"Your branch is at {done.commit[:10]} now ({done.files} files changed); your reports were kept. Next: "
        "make .venv/.run (packages may be newer), bench doctor, git push",
        sys.stdout,
    )


def _render(checkout: Path) -> bool:
    """Render with the code of the checkout, not with the code that runs. 3: what cannot be read is in the index."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "-m", "scripts", "report", "--all"]
    done = run(command, checkout, variables | {"PYTHONDONTWRITEBYTECODE": "1"}, RENDERING_S)
    return done.code in {0, 3}
