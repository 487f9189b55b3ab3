"""The record of an attempt that led to no run: without it, a schedule that fails looks like one that rests."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from benchmark.environment import RUN_URL
from benchmark.errors import InvalidRunError, one_line
from benchmark.model import Frozen
from benchmark.record import Moment

FOLDER = "failures"


class Failure(Frozen):
    """One attempt that failed: when, why, and where its log is."""

    schema_version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    at: Moment
    reason: Annotated[str, AfterValidator(one_line), Field(min_length=1)]
    trigger: Annotated[str, AfterValidator(one_line)]
    run_url: Annotated[str, Field(pattern=RUN_URL)] | None
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None


def failure_to_json(failure: Failure) -> str:
    """Serialise a failure: keys in their order."""
    return json.dumps(failure.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def read_failure(path: Path) -> Failure:
    """Read the record of a failure. InvalidRunError names the file and what to do."""
    if path.is_symlink() or not path.is_file():
        raise InvalidRunError(f"{path} is a link or no regular file, which is not followed; put the file itself there")
    try:
        failure = Failure.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        message = f"{path} is not the record of a failure: {one_line(reason)}; delete it or restore it from git"
        raise InvalidRunError(message) from None
    if failure.id != path.stem:
        message = f"{path} holds the failure {failure.id}; rename it to that, or delete the copy"
        raise InvalidRunError(message)
    return failure
