"""What Locust's own fast client hides is counted and said: by client = "stock", and in a user's own locustfile."""

import pytest

from tests.scripts.test_no_wrong_number import configure, serving
from tests.support import Bench

LOCUSTFILE = """
from locust import FastHttpUser, task

class Mine(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/q")
"""


@pytest.mark.parametrize("own", [False, True], ids=["client = stock", "own locustfile"])
@pytest.mark.parametrize(("how", "counter"), [("no response", "repeated"), ("less than Content-Length", "cut_off")])
def test_what_locust_s_fast_client_hides_makes_the_run_invalid(
    bench: Bench, how: str, counter: str, *, own: bool
) -> None:
    (bench.folder / "mine.py").write_text(LOCUSTFILE)
    with serving(bench, how) as app:
        configure(bench, app=app, client="stock", endpoint='locustfile = "mine.py"' if own else "")
        done = bench.call("run", "--profile", "p")
    read = int((bench.folder / "read.count").read_text())
    wrong = int((bench.folder / "wrong.count").read_text())
    (found,) = bench.record().endpoints[0].rounds
    assert done.returncode == 3, done.stderr
    at_most_under_way = 4
    assert wrong - at_most_under_way <= getattr(found, counter) <= wrong
    if counter == "repeated":
        assert found.requests < read - 1, "it reports two attempts as one request"
