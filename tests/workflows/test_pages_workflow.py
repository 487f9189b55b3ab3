"""pages.yml, executed: the page is built and deployed where Pages are switched on, and nothing fails where not."""

from collections.abc import Callable
from pathlib import Path

from tests.workflows.forge import Forge

MakeForge = Callable[[], Forge]

GH_WITH_PAGES = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/gh.log"
case "$*" in
  *"/pages"*) echo workflow ;;
  "issue list"*) echo '[]' ;;
esac
"""


def test_where_pages_are_on_what_was_measured_is_on_the_page_right_after_it_was_published(
    make_forge: MakeForge,
) -> None:
    """The reports go to the branch that the repository variable names, and are those of the page."""
    forge = make_forge()
    forge.fork()
    (forge.home / "bin" / "gh").write_text(GH_WITH_PAGES)
    outcome = forge.run("schedule", branch="data")
    assert outcome.code == 0, outcome.output
    assert set(outcome.jobs.values()) == {"success"}
    assert forge.log() == ["tester: A fork"], "something went to main"
    names = forge.published("reports/runs/", branch="data").splitlines()
    (name,) = [Path(name) for name in names if name.endswith("/run.json")]
    deployed = forge.artifacts / "deployed"
    assert name.parts[2] in (deployed / "index.html").read_text()
    assert (deployed / "runs" / name.parts[2] / "index.html").exists()
    assert (deployed / "vega.js").exists()


def test_the_page_is_built_and_deployed_once_more_when_the_run_is_started_again(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork()
    (forge.home / "bin" / "gh").write_text(GH_WITH_PAGES)
    for attempt in ("1", "2"):
        outcome = forge.run("workflow_dispatch", workflow="pages.yml", more=["--env", f"GITHUB_RUN_ATTEMPT={attempt}"])
        assert outcome.jobs == {"build": "success", "deploy": "success"}, outcome.output
    assert sorted(path.name for path in forge.artifacts.glob("github-pages*")) == ["github-pages-1", "github-pages-2"]


def test_from_another_branch_nothing_is_built_as_github_would_refuse_to_deploy_it(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork()
    (forge.home / "bin" / "gh").write_text(GH_WITH_PAGES)
    outcome = forge.run("workflow_dispatch", workflow="pages.yml", said={"ref": "refs/heads/mine"})
    assert outcome.code == 0, outcome.output
    assert set(outcome.jobs.values()) <= {"skipped"}


def test_where_they_are_off_nothing_is_built_and_nothing_fails(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork()
    outcome = forge.run("workflow_dispatch", workflow="pages.yml")
    assert outcome.code == 0, outcome.output
    assert outcome.jobs["build"] == "success"
    assert outcome.jobs.get("deploy", "skipped") == "skipped"
    assert "set Settings, Pages, Source to GitHub Actions" in outcome.output
    assert not list(forge.artifacts.iterdir())
