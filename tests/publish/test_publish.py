"""A run directory becomes a commit on a branch of the origin."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.record import Finding, Missing
from tests.support.clones import Clone, forced_pushes, git, origin_files, origin_text
from tests.support.forks import DRAWN
from tests.support.publishable import make_record
from tests.support.records import some_result, some_round

REFUSING_HOOK = "#!/bin/sh\necho 'GH006: Protected branch update failed for refs/heads/main.' >&2\nexit 1\n"


def hook(repository: Path, name: str, script: str) -> None:
    path = repository / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)


def test_a_run_reaches_origin_with_its_report_the_index_and_the_readme_block(clone: Clone) -> None:
    record = make_record()
    done = clone.bench("publish", clone.results(record))
    assert (done.code, done.errors) == (0, "")
    assert "git pull" in done.out
    files = origin_files(clone.origin)
    assert {f"reports/runs/{record.id}/{name}" for name in ("run.json", "report.md")} <= set(files)
    assert record.id in origin_text(clone.origin, "reports/README.md")
    readme = origin_text(clone.origin, "README.md")
    assert readme.startswith("# Mine\n\nBefore.\n\n<!-- benchmark:begin -->\n**async_concurrent handled")
    assert readme.endswith("<!-- benchmark:end -->\n\nAfter.")


def test_the_pictures_of_a_run_are_published_with_it(clone: Clone) -> None:
    record = make_record()
    drawn = record.model_copy(update={"endpoints": (some_result("async_concurrent", some_round()),)})
    assert clone.bench("publish", clone.results(drawn), **DRAWN).code == 0
    assert f"reports/runs/{record.id}/throughput.svg" in origin_files(clone.origin)
    picture = origin_text(clone.origin, f"reports/runs/{record.id}/throughput.svg")
    assert "async_concurrent</text>" in picture
    assert f"(reports/runs/{record.id}/throughput.svg)" in origin_text(clone.origin, "README.md")
    assert "(throughput.svg)" in origin_text(clone.origin, f"reports/runs/{record.id}/report.md")


def test_raw_data_beside_the_record_stays_at_home(clone: Clone) -> None:
    directory = clone.results(make_record())
    (directory / "01-one-1").mkdir()
    (directory / "01-one-1" / "requests.csv").write_text("1\n", encoding="utf-8")
    assert clone.bench("publish", directory).code == 0
    assert not [name for name in origin_files(clone.origin) if name.endswith(".csv")]


def test_the_users_files_index_and_branches_stay_as_they_were(clone: Clone) -> None:
    directory = clone.results(make_record())
    (clone.path / "README.md").write_text("half written", encoding="utf-8")
    (clone.path / "new.txt").write_text("mine", encoding="utf-8")
    clone.git("add", "new.txt")
    before = clone.state()
    assert clone.bench("publish", directory).code == 0
    assert clone.state() == before
    assert (clone.path / "README.md").read_text(encoding="utf-8") == "half written"


def test_the_second_call_with_the_same_run_commits_nothing_and_is_fine(clone: Clone) -> None:
    directory = clone.results(make_record())
    assert clone.bench("publish", directory).code == 0
    tip = git(clone.origin, "rev-parse", "main")
    again = clone.bench("publish", directory)
    assert (again.code, git(clone.origin, "rev-parse", "main")) == (0, tip)
    assert "nothing to do" in again.out


def test_another_run_of_the_same_name_is_refused(clone: Clone, clone_named: Callable[[str], Clone]) -> None:
    assert clone.bench("publish", clone.results(make_record())).code == 0
    tip = git(clone.origin, "rev-parse", "main")
    other = clone_named("other")
    directory = other.results(make_record(command="something else"))
    done = other.bench("publish", directory)
    assert (done.code, git(clone.origin, "rev-parse", "main")) == (5, tip)
    assert "another run of the same name" in done.errors
    assert (directory / "run.json").exists()


def test_a_sweep_is_published_in_one_commit_without_what_never_finished(clone: Clone) -> None:
    for number in range(2):
        clone.results(make_record(number))
    clone.results(make_record(2, state="running", finished_at=None))
    done = clone.bench("publish", clone.path / "results")
    assert (done.code, git(clone.origin, "rev-list", "--count", "main")) == (0, "2")
    assert "Left out, never finished: 20260105T040200-smoke-0002" in done.errors
    assert sum(name.endswith("run.json") for name in origin_files(clone.origin)) == 2


def test_a_run_that_never_finished_is_refused(clone: Clone) -> None:
    done = clone.bench("publish", clone.results(make_record(state="running", finished_at=None)))
    assert (done.code, len(done.errors.splitlines())) == (5, 1)


def test_an_incomplete_run_is_published_as_incomplete_and_only_with_a_flag(clone: Clone) -> None:
    lost = Missing(endpoint="async_concurrent", round=1, reason="it fell over")
    record = make_record(state="incomplete", missing=(lost,), endpoints=())
    refused = clone.bench("publish", clone.results(record))
    assert (refused.code, len(refused.errors.splitlines())) == (5, 1)
    assert "it fell over" in refused.errors
    assert "--incomplete" in refused.errors
    assert clone.bench("publish", clone.path / "results", "--incomplete").code == 0
    index = origin_text(clone.origin, "reports/README.md")
    assert "No usable run yet. The run of [2026‑01‑05](runs/" in index
    assert " is incomplete: async_concurrent, round 1: it fell over." in index


def test_a_push_in_between_loses_nothing(clone: Clone, clone_named: Callable[[str], Clone], tmp_path: Path) -> None:
    rival = clone_named("rival")
    directory = rival.results(make_record(1))
    once = tmp_path / "once"
    # The rival publishes at the moment when our commit is made and not yet pushed.
    command = " ".join(f"'{part}'" for part in rival.command("publish", directory))
    wrapper = fake_git(
        tmp_path,
        f'case " $* " in *" push "*) if mkdir {once} 2>/dev/null; then (cd {rival.path} && {command}) >&2; fi;; esac',
    )
    done = clone.bench("publish", clone.results(make_record()), PATH=wrapper)
    assert done.code == 0
    assert "try 1 of 10" in done.errors
    index = origin_text(clone.origin, "reports/README.md")
    assert [number for number in range(2) if make_record(number).id in index] == [0, 1]
    assert forced_pushes(clone.origin) == 0


def fake_git(directory: Path, before: str) -> str:
    """A PATH on which `git` first does something else, then what it should."""
    folder = directory / "bin"
    folder.mkdir()
    real = os.environ["PATH"]
    (folder / "git").write_text(f'#!/bin/bash\nexport PATH="{real}"\n{before}\nexec git "$@"\n', encoding="utf-8")
    (folder / "git").chmod(0o755)
    return f"{folder}:{real}"


@pytest.mark.parametrize(
    "script",
    [REFUSING_HOOK, REFUSING_HOOK.replace("GH006: Protected branch update", "not today"), "#!/bin/sh\nexit 1\n"],
    ids=["GH006", "other words", "silent"],
)
def test_a_protected_branch_is_tried_once_and_three_ways_out_are_named(clone: Clone, script: str) -> None:
    hook(clone.origin, "pre-receive", script)
    directory = clone.results(make_record())
    began = time.monotonic()
    done = clone.bench("publish", directory)
    assert (done.code, len(done.errors.splitlines())) == (5, 1)
    assert all(way in done.errors for way in ("branch protection", "BENCH_BRANCH", "deploy key"))
    assert time.monotonic() - began < 20
    assert (directory / "run.json").exists()


@pytest.mark.parametrize(
    "readme",
    ["<!-- benchmark:begin -->\n", "<!-- benchmark:begin -->\n<!-- benchmark:end -->\n" * 2],
    ids=["no end", "doubled"],
)
def test_a_readme_whose_markers_are_not_one_pair_is_refused_and_not_written(clone: Clone, readme: str) -> None:
    (clone.path / "README.md").write_text(readme, encoding="utf-8")
    clone.git("commit", "--quiet", "--all", "--message=Break the markers")
    clone.git("push", "--quiet")
    tip = git(clone.origin, "rev-parse", "main")
    done = clone.bench("publish", clone.results(make_record()))
    assert (done.code, git(clone.origin, "rev-parse", "main")) == (5, tip)
    assert "<!-- benchmark:begin -->" in done.errors


@pytest.mark.parametrize("readme", [b"# Mine\n", b"# Caf\xe9\n"], ids=["UTF-8", "Latin-1"])
def test_a_readme_without_markers_is_left_alone_and_said_and_the_run_is_published(clone: Clone, readme: bytes) -> None:
    (clone.path / "README.md").write_bytes(readme)
    clone.git("commit", "--quiet", "--all", "--message=No markers")
    clone.git("push", "--quiet")
    record = make_record()
    done = clone.bench("publish", clone.results(record))
    assert done.code == 0, done.errors
    (said,) = [line for line in done.errors.splitlines() if "README.md is left as it is" in line]
    assert "<!-- benchmark:begin -->" in said
    assert f"reports/runs/{record.id}/report.md" in origin_files(clone.origin)
    assert git(clone.origin, "diff", "--name-only", "main~1", "main", "--", "README.md") == ""


def test_a_data_branch_that_does_not_exist_begins_at_the_default_branch(clone: Clone) -> None:
    directory = clone.results(make_record())
    tip = git(clone.origin, "rev-parse", "main")
    assert clone.bench("publish", directory, "--yes", BENCH_BRANCH="data").code == 0
    assert git(clone.origin, "rev-parse", "data~1", "main").split() == [tip, tip]
    assert clone.bench("publish", directory, "--branch", "data").code == 0
    assert git(clone.origin, "rev-list", "--count", "data") == "2"


def test_a_dry_run_lists_what_would_be_pushed_where_and_pushes_nothing(clone: Clone) -> None:
    record = make_record()
    before = git(clone.origin, "for-each-ref")
    done = clone.bench("publish", clone.results(record), "--branch", "data", "--dry-run")
    assert done.code == 0, done.errors
    assert "Would push to origin/data, a new branch that begins at the default branch" in done.out
    assert f"  A reports/runs/{record.id}/run.json" in done.out.splitlines()
    assert "  M README.md" in done.out.splitlines()
    assert (git(clone.origin, "for-each-ref"), clone.git("status", "--porcelain")) == (before, "")
    assert clone.bench("publish", clone.path / "results").code == 0
    assert "nothing to do" in clone.bench("publish", clone.path / "results", "--dry-run").out


def test_a_run_that_cannot_be_fully_trusted_is_published_with_the_reason(clone: Clone) -> None:
    (endpoint,) = make_record().endpoints
    finding = Finding(kind="other-programs", severity="warning", message="CPU was 95% busy.", remedy="Wait.")
    noisy = endpoint.model_copy(update={"rounds": (endpoint.rounds[0].model_copy(update={"warnings": (finding,)}),)})
    record = make_record().model_copy(update={"endpoints": (noisy,)})
    done = clone.bench("publish", clone.results(record))
    assert done.code == 0, done.errors
    expected = f"warning: {record.id} is noisy and will not be a baseline: {noisy.name}: CPU was 95% busy.\n"
    assert expected in done.errors


def test_an_empty_branch_variable_means_the_branch_that_is_checked_out(clone: Clone) -> None:
    assert clone.bench("publish", clone.results(make_record()), BENCH_BRANCH="").code == 0
    assert git(clone.origin, "rev-list", "--count", "main") == "2"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--branch", "-f"], 2), (["--branch", "a..b"], 2), (["--remote", "--all"], 2), (["--remote", "nowhere"], 5)],
    ids=["an option", "no branch name", "an option as remote", "no such remote"],
)
def test_a_place_that_can_not_be_is_refused_in_one_line(clone: Clone, arguments: list[str], code: int) -> None:
    done = clone.bench("publish", clone.results(make_record()), *arguments)
    assert (done.code, len(done.errors.splitlines())) == (code, 1)


def test_on_github_the_bot_commits_and_elsewhere_the_person(clone: Clone) -> None:
    assert clone.bench("publish", clone.results(make_record()), GITHUB_ACTIONS="true").code == 0
    bot = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"
    assert git(clone.origin, "log", "-1", "--format=%an <%ae>%n%cn <%ce>", "main").splitlines() == [bot, bot]
    clone.git("config", "user.name", "Me")
    clone.git("config", "user.email", "me@example.org")
    assert clone.bench("publish", clone.results(make_record(1))).code == 0
    assert git(clone.origin, "log", "-1", "--format=%an <%ae>", "main") == "Me <me@example.org>"


def test_a_shallow_clone_with_a_detached_head_publishes_where_github_says(clone: Clone, tmp_path: Path) -> None:
    clone.git("commit", "--quiet", "--allow-empty", "--message=More")
    clone.git("push", "--quiet")
    git(tmp_path, "clone", "--quiet", "--depth=1", clone.origin.as_uri(), "shallow")
    shallow = Clone(tmp_path / "shallow", clone.origin)
    shallow.git("checkout", "--quiet", "--detach")
    clone.git("commit", "--quiet", "--allow-empty", "--message=And more")
    clone.git("push", "--quiet")
    directory = shallow.results(make_record())
    assert shallow.bench("publish", directory).code == 2
    assert shallow.bench("publish", directory, GITHUB_REF_TYPE="branch", GITHUB_REF_NAME="main").code == 0
    assert git(clone.origin, "rev-list", "--count", "main") == "4"


def test_a_persons_hooks_are_not_run(clone: Clone) -> None:
    for name in ("pre-commit", "pre-push", "post-index-change"):
        hook(clone.path / ".git", name, "#!/bin/sh\necho hook >> hooked\nexit 1\n")
    assert clone.bench("publish", clone.results(make_record())).code == 0
    assert not (clone.path / "hooked").exists()


def test_local_writes_here_and_asks_no_git(clone: Clone) -> None:
    record = make_record()
    assert clone.bench("publish", clone.results(record), "--local").code == 0
    assert (clone.path / "reports" / "runs" / record.id / "report.md").exists()
    assert git(clone.origin, "rev-list", "--count", "main") == "1"
