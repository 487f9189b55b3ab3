"""Runs one command, and lets nothing of it outlive it: neither its session nor what it detached.

The parent of the command. What a process detaches (double fork, setsid) becomes a child of this one on Linux, and ends
with the command; and the command ends with whoever started this, for whatever reason: then standard input is closed.
Run by its path with `python -I -S`; it imports nothing of this repository.

    supervise.py REPORT     the command comes on standard input: the number of its bytes, a line break, its words with
                            NUL between them. REPORT is an open file: a line with the command's process id, then one
                            with its exit code (negative for a signal) when nothing of it is left.
"""

import _thread
import ctypes
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NOT_STARTED = 127


def main() -> None:
    report = int(sys.argv[1])
    os.set_inheritable(report, False)  # noqa: FBT003 - it has no name
    command = read_command()
    control(PR_SET_CHILD_SUBREAPER, 1)
    started = os.fork()
    if not started:
        become(command)
    os.write(report, b"%d\n" % started)
    _thread.start_new_thread(end_with_owner, (started,))
    ended, status = os.wait()
    while ended != started:  # something that was detached, and is not waited for by anyone else
        ended, status = os.wait()
    end_the_rest(started)
    with suppress(BrokenPipeError):
        os.write(report, b"%d\n" % os.waitstatus_to_exitcode(status))


def read_command() -> "list[bytes]":
    head = b""
    while not head.endswith(b"\n"):
        head += read(1)
    words = b""
    while len(words) < int(head):
        words += read(int(head) - len(words))
    return words.split(b"\0")


def read(most: int) -> bytes:
    """Read at least a byte. Where none comes any more, the owner ended before it sent the command: so does this."""
    found = os.read(0, most)
    if not found:
        sys.exit(NOT_STARTED)
    return found


def control(what: int, value: int) -> None:
    """Ask the kernel for something that only Linux knows."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(what, value, 0, 0, 0)


def become(command: "list[bytes]") -> None:
    os.setsid()
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell reads it
    except OSError as error:
        os.write(2, b"%s cannot be started: %s\n" % (command[0], str(error.strerror).encode()))
        os._exit(NOT_STARTED)


def end_with_owner(started: int) -> None:
    while os.read(0, 1):
        pass
    kill(started)


def end_the_rest(session: int) -> None:
    """Kill the session, and then every child, and the children that these leave behind, until there is none."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    while killed := [child for child in children() if kill(child)]:
        for _ in killed:
            os.wait()


def kill(process: int) -> bool:
    try:
        os.kill(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def children() -> "list[int]":
    """Processes whose parent this is, as Linux lists them."""
    found = []
    for name in os.listdir("/proc") if sys.platform == "linux" else ():  # noqa: PTH208 - as below
        with suppress(OSError, ValueError):
            with open(f"/proc/{int(name)}/stat", "rb") as file:  # noqa: PTH123 - pathlib takes longer to import
                state = file.read()
            if int(state.rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(name))
    return found


if __name__ == "__main__":
    main()
