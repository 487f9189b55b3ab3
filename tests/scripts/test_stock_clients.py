"""What Locust's own fast client hides is counted and said: by client = "stock", and in a user's own locustfile."""

import pytest

from tests.scripts.test_no_wrong_number import configure, serving
from tests.support.bench import Bench, assert_measured

LOCUSTFILE = """
from locust import FastHttpUser, task

class Mine(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/q")
"""


@pytest.mark.parametrize("own", [False, True], ids=["client = stock", "own locustfile"])
def test_requests_that_locust_s_fast_client_sends_again_make_the_run_invalid(bench: Bench, *, own: bool) -> None:
    (bench.folder / "mine.py").write_text(LOCUSTFILE)
    with serving(bench, "no response") as app:
        configure(bench, app=app, client="stock", endpoint='locustfile = "mine.py"' if own else "")
        done = bench.call("run", "--profile", "p")
    read = int((bench.folder / "read.count").read_text())
    (found,) = bench.record().endpoints[0].rounds
    assert done.returncode == 3, done.stderr
    assert "hidden-by-client" in {item.kind for item in found.warnings}
    assert found.repeated is not None
    assert found.requests < read - 1, "it reports several attempts as one request"
    under_way = 3 * found.users_started  # at the end, and while the load is being stopped
    assert read - 1 - under_way <= found.requests + found.repeated <= read


@pytest.mark.parametrize("own", [False, True], ids=["client = stock", "own locustfile"])
def test_a_response_that_breaks_off_is_a_failure_or_is_said_to_be_hidden(bench: Bench, *, own: bool) -> None:
    (bench.folder / "mine.py").write_text(LOCUSTFILE)
    with serving(bench, "less than Content-Length") as app:
        configure(bench, app=app, client="stock", endpoint='locustfile = "mine.py"' if own else "")
        done = bench.call("run", "--profile", "p")
    wrong = int((bench.folder / "wrong.count").read_text())
    (found,) = bench.record().endpoints[0].rounds
    assert done.returncode == 3, done.stderr
    under_way = 3 * found.users_started
    assert wrong - under_way <= found.failures + (found.cut_off or 0) <= wrong


def test_a_connection_that_is_opened_ahead_is_no_request_that_was_sent_again(bench: Bench) -> None:
    bench.configure(profile='client = "stock"\nstart = "spread"')
    done = bench.call("run")
    assert_measured(done)
    (found,) = bench.record().endpoints[0].rounds
    assert found.repeated == 0
    assert "hidden-by-client" not in {item.kind for item in found.warnings}
