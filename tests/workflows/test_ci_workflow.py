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
