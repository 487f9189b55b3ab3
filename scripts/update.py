"""`bench update`: take a newer version of the repository that this one was forked from."""

import os
import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from benchmark.publish.fork import update as take
from benchmark.shell import run

RENDERING_S = 600.0


def update(
    remote: Annotated[str, Option(help="What you forked: a remote of this clone, or an address.")] = "upstream",
    branch: Annotated[str | None, Option(help="Branch to take; its default branch when left out.")] = None,
) -> None:
    """Merge a newer version of the repository that you forked into your branch, without its runs.

    Your reports stay, and are rendered by the new version. A file that both sides changed is never decided for you:
    nothing is done then, and what to do is said. Nothing is pushed. Exit codes: 2 when something here is not
    committed or in the way, 5 when both sides changed a file or git refuses.

    Example: bench update --remote https://github.com/OWNER/NAME.git
    """
    done = take(Path.cwd(), remote, branch, _render)
    if done.files is None:
        sys.stdout.write(f"Nothing to do: {done.commit[:10]} of {remote} is in your branch already.\n")
        return
    if not done.rendered:
        sys.stderr.write(
            "Your reports are as they were: the new version needs packages that are not here yet. "
            "After make .venv/.run: bench report --all, and commit what that changes.\n"
        )
    sys.stdout.write(
        f"Your branch is at {done.commit[:10]} now, {done.files} files changed; your reports were kept. Next: "
        "make .venv/.run, as its packages may be newer; bench doctor; git push\n"
    )


def _render(checkout: Path) -> bool:
    """Render with the code of the checkout, not with the code that runs. 3: what cannot be read is in the index."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "-m", "scripts", "report", "--all"]
    done = run(command, checkout, variables | {"PYTHONDONTWRITEBYTECODE": "1"}, RENDERING_S)
    return done.code in {0, 3}
