"""Files that are written whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmark.errors import UnwritableRunError

DRAFT = ".draft"
"""How the name of a file ends that is not yet written: what a killed process leaves of it may be deleted."""


def write_whole(path: Path, content: str | bytes, *, lasting: bool = True) -> None:
    """Write a file next to its place and rename it: whatever ends this process, there is the old file or the new one.

    The mode of the old file stays. A link is replaced, not followed. Not `lasting`: a power failure may lose it, as
    what can be rendered again. OSError: not written, the old file stands.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}{DRAFT}")
    try:
        with draft.open("xb") as file:
            _be_like(path, file.fileno())
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(OSError):  # it is gone, or nothing can be written here
            draft.unlink()


def write_changed(path: Path, content: str, *, lasting: bool = False) -> None:
    """Write a file unless it holds just that. UnwritableRunError: the disk is full or gone."""
    wanted = content.encode("utf-8")
    with writing(path):
        if path.is_symlink() or not path.is_file() or path.read_bytes() != wanted:
            write_whole(path, wanted, lasting=lasting)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """UnwritableRunError: the disk is full or gone, or may not be written."""
    try:
        yield
    except OSError as error:
        message = f"{path} can not be written: {error.strerror or error}"
        raise UnwritableRunError(message) from None


def _be_like(path: Path, descriptor: int) -> None:
    """Give an open file the mode and, where that is allowed, the owner of the file in whose place it comes."""
    if path.is_symlink() or not path.is_file():
        return
    old = path.stat()
    with suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, old.st_mode & 0o7777)
