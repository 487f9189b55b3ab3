"""The two knobs of the app, read from the environment when it starts."""

from pydantic import Field
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """`TASK_SECONDS` and `THREADS`; a value out of range stops the app with the variable's name."""

    task_seconds: float = Field(default=5.0, gt=0, le=3600)
    """How long one task takes (s). Every endpoint does three."""

    threads: int = Field(default=40, ge=1, le=10_000)
    """Seats of the thread pool in each worker process. 40 is AnyIO's own default."""
