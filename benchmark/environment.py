"""Where a run was made: part of its record."""

from typing import Annotated

from pydantic import Field

from benchmark.model import Frozen


class Cpu(Frozen):
    """The processor as the system names it."""

    model: str
    count: int


class Environment(Frozen):
    """Where and from what a run was made."""

    cpu: Cpu
    memory_bytes: int
    kernel: str
    os_image: str
    python: str
    packages: dict[str, str]
    requirements_sha256: str | None
    commit: str | None
    commit_dirty: bool | None
    trigger: str
    run_url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._~:/%?#=-]+$")] | None
