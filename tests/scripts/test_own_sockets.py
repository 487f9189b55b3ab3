"""`sockets = "per-worker"`: connections are dealt evenly, whatever ends a worker ends its round, nothing is left."""

import signal

import pytest

from tests.support.bench import Bench, assert_measured

USERS = 100
NO_DATABASE = """
from fastapi import FastAPI

async def lifespan(_app):
    raise RuntimeError("no database")
    yield

app = FastAPI(lifespan=lifespan)
"""

SENDS_AT_ONCE = """
import json, os, socket

def sends_at_once(client):
    for name in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
        except FileNotFoundError:  # it was what listed them
            continue
        found = socket.socket(fileno=int(name))
        try:
            if found.family == socket.AF_INET and not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                if found.getpeername() == tuple(client):
                    return bool(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        finally:
            found.detach()  # it is the server's

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = json.dumps({"at once": sends_at_once(scope["client"])}).encode()
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def own(bench: Bench) -> Bench:
    """Two workers with a socket each; users come one after the other, whom a shared socket would give to one worker."""
    bench.configure(target='sockets = "per-worker"', duration="3s")
    return bench


def test_connections_are_dealt_evenly_and_the_record_says_how(own: Bench) -> None:
    done = own.call("run", "--users", str(USERS), "--spawn-rate", str(USERS))
    assert_measured(done)
    record = own.record()
    assert record.plan.target.sockets == "per-worker"
    split = record.endpoints[0].rounds[0].connections_per_worker
    assert split is not None
    assert sum(split) == USERS
    assert max(split) < 0.75 * USERS, "by chance once in a million times"
    assert record.method.server_command == (
        "python -P benchmark/measure/own_sockets.py app_under_test:app "
        "--host 127.0.0.1 --port PORT --workers 2 --loop uvloop"
    )


def test_a_worker_that_is_killed_ends_its_round_and_the_next_one_has_a_server_again(own: Bench) -> None:
    own.configure(target='sockets = "per-worker"', duration="3s", profile="rounds = 2")
    running = own.start("run")
    own.wait_for(lambda: len(own.commands("spawn_main")) == 2)
    own.wait_for(lambda: bool(own.commands("locust")))
    own.commands("spawn_main")[0].send_signal(signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 3, said
    record = own.record()
    assert [(lost.round, lost.endpoint) for lost in record.missing] == [(1, "quick")]
    assert "in the middle of the load" in record.missing[0].reason
    assert [item.round for item in record.endpoints[0].rounds] == [2]


def test_an_app_that_ends_while_it_starts_is_said_with_its_last_lines(own: Bench) -> None:
    own.configure(app=NO_DATABASE, target='sockets = "per-worker"')
    done = own.call("run")
    assert done.returncode == 4, done.stderr
    assert "no database" in done.stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_every_worker_sends_small_answers_at_once_with_either_event_loop(bench: Bench, loop: str) -> None:
    """Else TCP holds the second part of each answer back until the first was acknowledged, some 40 ms later."""
    at_once = 'expect = { contains = "\\"at once\\": true" }'
    bench.configure(SENDS_AT_ONCE, target=f'sockets = "per-worker"\nloop = "{loop}"', endpoint=at_once)
    done = bench.call("run", "--users", "20", "--spawn-rate", "20")
    assert_measured(done)
    ((measured,),) = [endpoint.rounds for endpoint in bench.record().endpoints]
    assert measured.requests > 0
    assert measured.failures == 0
