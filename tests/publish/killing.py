"""A `bench` that is killed at the n-th step of writing: what the kernel does when memory runs out, or a person."""

import builtins
import io
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STEPS = ("mkdir", "rename", "replace", "unlink", "remove", "rmdir", "fchmod", "chmod", "fsync", "truncate", "symlink")
"""Calls that change what is on the disk; before each of them the process may die."""


@dataclass
class Killer:
    """Kills this process at the n-th step below a folder; 0: at none. Each step is noted in a log.

    Opening a file to write it are two steps: the process may die before, and behind it, when the file is empty.
    """

    number: int
    folder: Path
    log: Path

    def __call__(self) -> None:
        """Put itself in the way of every call that writes."""
        opened = io.open
        self._note = opened(self.log, "w", buffering=1)
        io.open = self._opening(opened)
        builtins.open = io.open
        os.open = self._opening(os.open)
        for name in STEPS:
            setattr(os, name, self._stepping(name, getattr(os, name)))

    def _step(self, what: str) -> None:
        self._note.write(f"{what}\n")
        self.number -= 1
        if self.number == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_here(self, path: Any, dir_fd: int | None = None) -> bool:
        if isinstance(path, int):
            place = str(Path(f"/proc/self/fd/{path}").readlink())
        elif dir_fd is not None:
            place = f"{Path(f'/proc/self/fd/{dir_fd}').readlink()}/{os.fsdecode(path)}"
        else:
            place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - follows no link
        return Path(place).is_relative_to(self.folder)

    def _stepping(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(path: Any, *arguments: Any, **places: Any) -> Any:
            if self._is_here(path, places.get("dir_fd")):
                self._step(f"{name} {path}")
            return real(path, *arguments, **places)

        return step

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opening(path: Any, mode: Any = "r", *arguments: Any, **more: Any) -> Any:
            writes = set(mode) & set("wax+") if isinstance(mode, str) else mode & (os.O_WRONLY | os.O_RDWR)
            if not writes or isinstance(path, int) or not self._is_here(path):
                return real(path, mode, *arguments, **more)
            self._step(f"before opening {path}")
            opened = real(path, mode, *arguments, **more)
            self._step(f"opened {path}")
            return opened

        return opening
