"""Users keep what browsers keep: one connection for all their requests, and the cookies they were given."""

from pathlib import Path

from tests.support.bench import Bench, assert_measured

MOST_OF_SELECT = 1024
"""Files that select() knows: of as many users as that, some have a connection that it does not."""

APP = """
import asyncio
from pathlib import Path

here = Path(__file__).parent
connections = set()
asked_before_the_load = False

async def app(scope, receive, send):
    global asked_before_the_load
    if scope["type"] != "http":
        return
    headers = [(b"content-length", b"2")]
    if not asked_before_the_load:
        asked_before_the_load = True  # whether the answer is right; a user may get the port of that connection again
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})
        return
    if scope["client"] not in connections:
        connections.add(scope["client"])
        with (here / "connections.txt").open("a") as seen:
            seen.write("one\\n")
    if not any(name == b"cookie" and b"visitor=known" in value for name, value in scope["headers"]):
        with (here / "strangers.txt").open("a") as seen:
            seen.write("one\\n")
        headers.append((b"set-cookie", b"visitor=known"))
    await asyncio.sleep(2)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
"""


def seen(folder: Path, what: str) -> int:
    return len((folder / f"{what}.txt").read_text().splitlines())


def test_each_user_connects_once_and_shows_its_cookie_ever_after(bench: Bench) -> None:
    users = MOST_OF_SELECT + 76
    bench.configure(APP, duration="10s", target="workers = 1")
    done = bench.call("run", "--users", f"{users}", "--spawn-rate", f"{users}")
    assert_measured(done)
    (measured,) = bench.record().endpoints[0].rounds
    assert measured.users_answered == users
    assert measured.requests > users + MOST_OF_SELECT, "most have asked twice, so that some beyond the limit have"
    assert seen(bench.folder, "connections") == users
    assert seen(bench.folder, "strangers") == users
