"""What a workflow's inputs become: text in variables, checked before anything is started."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from benchmark.config import FLAGS, make_plan, make_plans, read_config
from benchmark.errors import UsageError
from benchmark.handover import SECRETS
from benchmark.pipeline import RunRequest
from benchmark.plan import Plan
from scripts import cli, run

RUN_VARIABLES = {"BENCH_PROFILE"} | {flag.variable for flag in FLAGS.values() if flag.variable}


@pytest.fixture
def ask(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call `bench run` up to its plans, with variables and flags; gives the plans."""

    def call(variables: Mapping[str, str], *flags: str) -> list[Plan]:
        heard: list[RunRequest] = []

        def listen(request: RunRequest, *_rest: object) -> list[object]:
            heard.append(request)
            return []

        monkeypatch.setattr(run, "measure_all", listen)
        flags = (*flags, "--config", str(repository / "benchmark.toml"))
        done = CliRunner().invoke(cli.app, ["run", *flags], env={**dict.fromkeys(RUN_VARIABLES, ""), **variables})
        if done.exception is not None:
            raise done.exception
        (request,) = heard
        config = read_config(repository / "benchmark.toml")
        return make_plans(config, request.profile, {**request.values, "users": request.users})

    return call


def test_empty_variables_ask_for_nothing(ask: Any, repository: Path) -> None:
    (plan,) = ask({})
    assert plan == make_plan(read_config(repository / "benchmark.toml"), "quick", {})


def test_headline_is_the_profile_that_the_readme_shows_unless_one_is_named(ask: Any) -> None:
    (scheduled,) = ask({}, "--headline")
    (asked,) = ask({"BENCH_PROFILE": "smoke"}, "--headline")
    assert scheduled.profile.headline
    assert asked.profile.name == "smoke"


def test_every_variable_changes_its_value(ask: Any) -> None:
    variables = {"BENCH_PROFILE": "smoke", "BENCH_SPAWN_RATE": "5.0", "BENCH_DURATION": "1m30s", "BENCH_WORKERS": "4.0"}
    variables |= {"BENCH_TASK_SECONDS": "0.5", "BENCH_ENDPOINTS": "sync_baseline, async_concurrent"}
    (plan,) = ask(variables | {"BENCH_USERS": "14100.0"})
    profile = plan.profile
    assert (profile.users, profile.spawn_rate_per_s, profile.duration_s, profile.task_seconds) == (14100, 5, 90, 0.5)
    assert profile.endpoints == ("sync_baseline", "async_concurrent")
    assert plan.target.workers == 4


@pytest.mark.parametrize("text", ["100,500,1000", "100, 500, 1000", " 100 ,500,1000, "])
def test_several_users_are_a_sweep(ask: Any, text: str) -> None:
    assert [plan.profile.users for plan in ask({"BENCH_USERS": text})] == [100, 500, 1000]


def test_a_flag_outdoes_its_variable(ask: Any) -> None:
    assert [plan.profile.users for plan in ask({"BENCH_USERS": "7"}, "--users", "8", "--users", "9")] == [8, 9]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BENCH_USERS", "-5"),
        ("BENCH_USERS", "0"),
        ("BENCH_USERS", "500; touch pwned"),
        ("BENCH_USERS", "$(id)"),
        ("BENCH_USERS", "1e9"),
        ("BENCH_USERS", "1.5"),
        ("BENCH_USERS", "100001"),
        ("BENCH_USERS", ","),
        ("BENCH_USERS", "100 500"),
        ("BENCH_USERS", "nan"),
        ("BENCH_PROFILE", "no such profile"),
        ("BENCH_SPAWN_RATE", "fast"),
        ("BENCH_DURATION", "25h"),
        ("BENCH_DURATION", "1.5s"),
        ("BENCH_TASK_SECONDS", "0"),
        ("BENCH_ENDPOINTS", "sync_baseline,nowhere"),
        ("BENCH_ENDPOINTS", "../../etc/passwd"),
        ("BENCH_WORKERS", "257"),
    ],
)
def test_what_is_no_such_value_is_refused_in_one_line(ask: Any, variable: str, value: str) -> None:
    with pytest.raises(UsageError) as refused:
        ask({variable: value})
    assert "\n" not in str(refused.value)


def _workflow(repository: Path, name: str) -> Any:
    """A workflow. YAML 1.1 reads its `on` as true."""
    return yaml.safe_load((repository / ".github/workflows" / name).read_text(encoding="utf-8"))


def test_every_input_but_publish_reaches_a_variable_that_bench_run_reads(repository: Path) -> None:
    inputs = _workflow(repository, "benchmark.yml")[True]["workflow_dispatch"]["inputs"]
    steps = _workflow(repository, "measure.yml")["jobs"]["measure"]["steps"]
    (environment,) = [step["env"] for step in steps if step.get("name") == "Measure"]
    command: Any = typer.main.get_command(cli.app).get_command(None, "run")  # type: ignore[attr-defined]
    read = {parameter.envvar for parameter in command.params if parameter.envvar}
    assert read == RUN_VARIABLES
    assert {name for name in environment if name.startswith("BENCH_")} == read | {SECRETS}
    handed = {f"BENCH_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in inputs if name != "publish"}
    assert handed.items() <= environment.items()
    assert handed.keys() == RUN_VARIABLES - {"BENCH_PYTHON"}, "that one follows from the requirements"


def test_who_calls_has_the_inputs_of_who_presses_the_button_and_each_is_handed_on(repository: Path) -> None:
    benchmark, measure = (_workflow(repository, f"{name}.yml") for name in ("benchmark", "measure"))
    pressed, called = (benchmark[True][event]["inputs"] for event in ("workflow_dispatch", "workflow_call"))
    measured = measure[True]["workflow_call"]["inputs"]
    assert pressed.keys() <= called.keys()
    assert called.keys() - {"publish", "pages"} == measured.keys()
    job = benchmark["jobs"]["measure"]
    assert job["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in measured}
    assert benchmark[True]["workflow_call"]["secrets"] == measure[True]["workflow_call"]["secrets"]
    assert job["secrets"] == {name: f"${{{{ secrets.{name} }}}}" for name in measure[True]["workflow_call"]["secrets"]}


def test_no_input_names_what_benchmark_toml_decides(repository: Path) -> None:
    """Who deletes profiles, or measures others, edits no workflow; an empty field is what benchmark.toml says."""
    inputs = _workflow(repository, "benchmark.yml")[True]["workflow_dispatch"]["inputs"]
    texts = {name: field for name, field in inputs.items() if name != "publish"}
    assert {name for name, field in texts.items() if field["type"] != "string" or "default" in field} == set()
