"""ci.yml, executed. Its checks are replaced by one that passes or fails: these very tests are among them."""

from collections.abc import Callable

import pytest

from tests.workflows.forge import Forge

MakeForge = Callable[[], Forge]


@pytest.mark.parametrize(
    ("check", "result"), [pytest.param("true", "success", id="pass"), pytest.param("false", "failure", id="fail")]
)
def test_a_real_pipeline_runs_unpublished_and_the_last_job_says_whether_all_passed(
    make_forge: MakeForge, check: str, result: str
) -> None:
    forge = make_forge()
    forge.fork({"Makefile": f"test:\n\t{check}\n"})
    outcome = forge.run("push", workflow="ci.yml")
    assert outcome.jobs == {"test": result, "pipeline": "success", "required-checks-pass": result}, outcome.output
    assert "Summary - ## smoke: 2 users" in outcome.output
    assert forge.log() == ["tester: A fork"], "the pipeline published something"


def test_who_measures_an_app_of_their_own_leaves_the_tests_out_by_a_variable(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork({"Makefile": "test:\n\tfalse\n"})
    outcome = forge.run("push", workflow="ci.yml", more=["--var", "BENCH_TESTS=no"])
    assert outcome.code == 0, outcome.output
    assert outcome.jobs.get("test", "skipped") == "skipped"
    assert outcome.jobs["required-checks-pass"] == "success"
