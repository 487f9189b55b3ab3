"""Where a run was made: part of its record."""

from typing import Annotated

from pydantic import Field

from benchmark.model import Frozen, Whole

RUN_URL = r"^https?://[A-Za-z0-9._~:/%?#=-]+$"


class Cpu(Frozen):
    """The processor as the system names it."""

    model: str
    count: Whole


class Environment(Frozen):
    """Where and from what a run was made."""

    cpu: Cpu
    memory_bytes: Whole
    kernel: str
    os_image: str
    python: str
    packages: dict[str, str]
    requirements_sha256: str | None
    commit: str | None
    commit_dirty: bool | None
    trigger: str
    run_url: Annotated[str, Field(pattern=RUN_URL)] | None

    @property
    def repository(self) -> str | None:
        """Whose workflow made the run: "github.com/owner/name". None: it was made by hand, or nobody knows."""
        where, workflow, _ = (self.run_url or "").partition("/actions/runs/")
        return where.partition("://")[2].lower() if workflow else None
