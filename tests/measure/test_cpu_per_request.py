"""What a request costs the workers, held against what the app itself counts."""

import json
import os
import threading
import time

import pandas as pd
import psutil
import pytest

from benchmark.measure.sampler import cpu_s
from tests.support.bench import Bench, assert_measured

BURNING_APP = """
import json, time

seen = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        with open("seen.json", "w") as file:
            json.dump(seen, file)
        return await send({"type": "lifespan.shutdown.complete"})
    end_s = time.thread_time() + 0.005
    while time.thread_time() < end_s:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
    seen.append((time.monotonic(), time.process_time()))
"""
"""Burns 5 ms, and notes after each response the time and what its process has used."""


def test_cpu_per_request_is_what_the_app_counts_itself(bench: Bench) -> None:
    bench.configure(app=BURNING_APP, duration="4s", path="/", profile='start = "spread"')
    assert_measured(bench.call("run"))
    (measured,) = bench.record().endpoints[0].rounds
    found_us = measured.resources.server_cpu_us_per_request
    assert found_us is not None
    (folder,) = (bench.folder / "results").glob("*/01-quick-1")
    load, sampled = json.loads((folder / "window.json").read_text()), pd.read_csv(folder / "server.csv")["time_s"]
    sampled = sampled[(sampled >= load["spawned_s"]) & (sampled <= load["stop_s"])]
    noted = [
        (at_s, used_s)
        for at_s, used_s in json.loads((bench.folder / "seen.json").read_text())
        if sampled.iloc[0] < at_s <= sampled.iloc[-1]
    ]
    own_us = 1e6 * (noted[-1][1] - noted[0][1]) / (len(noted) - 1)
    assert found_us == pytest.approx(own_us, rel=0.05)
    assert own_us > 5000


def test_the_clock_of_a_process_counts_threads_that_ended() -> None:
    before_s, own_s = cpu_s(psutil.Process()), time.process_time()

    def burn() -> None:
        end_s = time.thread_time() + 0.05
        while time.thread_time() < end_s:
            pass

    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()
    spent_s, own_spent_s = cpu_s(psutil.Process()) - before_s, time.process_time() - own_s
    assert 0.05 <= spent_s == pytest.approx(own_spent_s, rel=0.1)


def test_a_process_that_ended_has_used_nothing() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    process = psutil.Process(child)
    os.waitpid(child, 0)
    assert cpu_s(process) == 0.0
