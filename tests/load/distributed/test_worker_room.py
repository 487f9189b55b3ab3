"""What a load worker says before a load that its machine has no room for."""

import subprocess
import sys

CODE = """
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
from pathlib import Path
from load.distributed.worker_locustfile import lacks  # first: Locust patches sockets
from load.spec import LoadSpec

for users in (800, 804):
    print(lacks(LoadSpec("http://app", Path("."), None, users=users, load_workers=4)))
"""


def test_too_few_open_files_for_its_share_of_the_users_are_said_with_the_remedy() -> None:
    """In a process of its own, as Locust changes the one it is imported in."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    enough, too_few = done.stdout.splitlines()
    assert enough == "None"
    assert "allows 400 open files, and its share of the users needs 401" in too_few
    assert "ulimit -Hn 401" in too_few
