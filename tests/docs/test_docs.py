"""What the documents tell people to type works."""

import re
import shlex
import sys
import textwrap
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo
from typer.testing import CliRunner, Result

from benchmark.config import FLAGS, make_plan, make_plans, read_config
from benchmark.fields import Frozen
from benchmark.pipeline import RunRequest
from benchmark.plan import Profile, Target
from scripts import run
from scripts.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES)


def commands(repository: Path, documents: Sequence[str] = DOCUMENTS) -> list[list[str]]:
    """Every `bench` command line in the documents."""
    found = []
    for name in documents:
        lines = re.findall(r"(?:\.venv/bin/|`)(bench [^`\n]+)", (repository / name).read_text())
        found += [shlex.split(line.split("#")[0]) for line in lines]
    return found


def test_every_command_in_the_documents_exists_with_its_flags(repository: Path) -> None:
    found = commands(repository)
    assert len(found) > 5
    for words in found:
        arguments = [word for word in words[1:] if not word.startswith("-")]
        shown = CliRunner().invoke(app, [*arguments[:1], "--help"], terminal_width=200)
        assert shown.exit_code == 0, words
        for flag in (word for word in words if word.startswith("--")):
            assert flag in shown.output, words


@pytest.fixture
def folder(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are typed: this repository's configuration, with the example's endpoints and profile in it.

    The app can be reached from other machines, as docs/scaling.md asks before it names any.
    """
    example = re.findall(r"```toml\n(.*?)```", (repository / "docs" / "own-endpoints.md").read_text(), re.DOTALL)
    text = (repository / "benchmark.toml").read_text() + "\n".join(block for block in example if "[app]" not in block)
    (tmp_path / "benchmark.toml").write_text(text.replace("[app]\n", '[app]\nhost = "0.0.0.0"\n', 1))
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(words: list[str]) -> Result:
    """Type a command as the documents have it; N stands for a number."""
    done = CliRunner().invoke(app, ["4" if word == "N" else word for word in words[1:]])
    if done.exception is not None:
        raise done.exception
    return done


def test_every_run_in_the_documents_is_a_plan_as_it_is_typed(
    repository: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_config(folder / "benchmark.toml")
    heard: list[RunRequest] = []

    def listen(request: RunRequest, *_rest: object) -> list[object]:
        heard.append(request)
        return []

    monkeypatch.setattr(run, "measure_all", listen)
    typed_runs = [words for words in commands(repository) if words[1] == "run" and not {"NAME", "--help"} & set(words)]
    for words in typed_runs:
        typed(words)
        request = heard[-1]
        plans = make_plans(config, request.profile, {**request.values, "users": request.users})
        rates = [plan.profile.rate_per_s for plan in plans]
        assert [f"{rate:g}/s" for rate in rates if rate] == [word for word in words if word.endswith("/s")], words
    assert len(heard) == len(typed_runs) > 5


def test_every_prediction_in_the_documents_is_worked_out_as_it_is_typed(repository: Path, folder: Path) -> None:
    assert folder.is_dir()
    for line in {shlex.join(words) for words in commands(repository) if words[1] == "predict"}:
        assert "Predicted, not measured." in typed(shlex.split(line)).output, line


def test_a_prediction_that_a_document_shows_is_the_one_that_is_printed(repository: Path, folder: Path) -> None:
    assert folder.is_dir()
    text = (repository / "docs" / "commands.md").read_text(encoding="utf-8")
    ((line, shown),) = re.findall(r"(?m)^\$ \.venv/bin/(bench predict .+)\n(Predicted(?:.|\n)+?)\n```", text)
    assert " ".join(shown.split()) in " ".join(typed(shlex.split(line)).output.split())


def test_a_rate_that_the_document_predicts_is_the_one_it_measures(repository: Path) -> None:
    lines = [words for words in commands(repository, ("docs/commands.md",)) if words[1] in {"predict", "run"}]
    (asked,) = [dict(zip(words[2::2], words[3::2], strict=True)) for words in lines if "--open-rate" in words]
    (sent,) = [dict(zip(words[2::2], words[3::2], strict=True)) for words in lines if "--rate" in words]
    assert sent.pop("--arrivals") == "poisson"
    assert sent.pop("--rate") == f"{asked.pop('--open-rate')}/s"
    assert sent == asked


def test_the_example_of_one_s_own_endpoints_is_a_valid_configuration(repository: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (repository / "docs" / "own-endpoints.md").read_text(), re.DOTALL)
    (whole,) = [block for block in blocks if block.startswith(" ")]
    (tmp_path / "benchmark.toml").write_text(textwrap.dedent(whole))
    plan = make_plan(read_config(tmp_path / "benchmark.toml"), "mine", {})
    assert [endpoint.name for endpoint in plan.endpoints] == ["list_orders"]
    apps = [block for block in blocks if block.startswith("[app]")]
    rest = "\n".join(block for block in blocks if not block.startswith(("[app]", " ")))
    assert len(apps) == 2
    for block in apps:
        (tmp_path / "benchmark.toml").write_text(f"schema_version = 1\n{block}\n{rest}")
        plan = make_plan(read_config(tmp_path / "benchmark.toml"), "mine", {})
        assert [endpoint.name for endpoint in plan.endpoints] == ["list_orders", "create_order"]


def test_the_promises_of_the_guide_are_a_valid_configuration(repository: Path, folder: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (repository / "docs" / "slo.md").read_text(), re.DOTALL)
    base = (folder / "benchmark.toml").read_text()
    nightly = 'users = 1\nspawn_rate = 1\nduration = "1s"\nendpoints = ["list_orders"]'
    found = []
    for block in blocks:
        (folder / "benchmark.toml").write_text(f"{base}\n[profiles.nightly]\n{nightly}\n{block}")
        config = read_config(folder / "benchmark.toml")
        plans = [make_plan(config, name, {}) for name in ("mine", "nightly")]
        found.append([[(one.metric, one.limit) for one in plan.slo] for plan in plans])
    everywhere = [("p95", 300.0), ("failures", 0.1), ("throughput", 50.0)]
    assert found == [[everywhere, everywhere], [[("p95", 300.0)], [("p95", 2000.0)]]]


SMALLEST: dict[type[Frozen], dict[str, Any]] = {
    Target: {"import": "app:app"},
    Profile: {"name": "mine", "users": 1, "spawn_rate": 1, "duration": "1s", "endpoints": ["one"]},
}
"""Tables of benchmark.toml that hold what they must."""


def keys(model: type[Frozen]) -> dict[str, FieldInfo]:
    """What the fields of a model are called in benchmark.toml; `name` is the table's own, `wait_as` part of `wait`."""
    fields = {name: field for name, field in model.model_fields.items() if name not in {"name", "wait_as"}}
    aliases = {name: field.validation_alias for name, field in fields.items()}
    return {str(getattr(aliases[name], "choices", [name])[0]): field for name, field in fields.items()}


@pytest.mark.parametrize("model", SMALLEST, ids=["app", "profile"])
def test_every_key_of_the_app_and_of_a_profile_is_in_the_table_with_its_default(
    repository: Path, model: type[Frozen]
) -> None:
    document = (repository / "docs" / "own-endpoints.md").read_text()
    told = dict(re.findall(r"(?m)^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", document.partition("## All keys")[2]))
    assert len(told) == sum(len(keys(one)) for one in SMALLEST), "a key is there twice, or is none"
    for key, field in keys(model).items():
        match told[key].strip("`"):
            case "required":
                assert field.is_required(), key
            case "none" | "one of three":
                assert field.default is None, key
            case value:
                given = model.model_validate(SMALLEST[model] | tomllib.loads(f"{key} = {value}"))
                assert given == model.model_validate(SMALLEST[model]), key
                assert key not in SMALLEST[model]


def test_every_flag_of_a_plan_fills_a_key_and_is_called_as_it_is() -> None:
    fields = Profile.model_fields | Target.model_fields
    called = {
        key: field
        for model in SMALLEST
        for key, info in keys(model).items()
        for field in fields
        if fields[field] is info
    }
    others = {"load_workers": "--expect-workers", "endpoints": "--endpoint"}
    assert {field: f"--{key.replace('_', '-')}" for key, field in called.items() if field in FLAGS} | others == {
        field: flag.name for field, flag in FLAGS.items()
    }


def test_the_commented_example_in_the_repository_s_file_is_valid_when_uncommented(
    repository: Path, tmp_path: Path
) -> None:
    text = (repository / "benchmark.toml").read_text()
    example = re.sub(r"(?m)^# ?(?=\[endpoints|method|path =|json|headers|expect =|locustfile)", "", text)
    assert "\n[endpoints.create_order]" in example
    (tmp_path / "benchmark.toml").write_text(example)
    assert {"create_order", "checkout"} <= set(read_config(tmp_path / "benchmark.toml").endpoints)


def anchors(document: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"(?m)^#+ (.+)$", text)}


def links(repository: Path, name: str) -> list[tuple[Path, str]]:
    """Where the links of a document lead: the file, and the heading in it if one is named."""
    document = repository / name
    found = re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)", document.read_text(encoding="utf-8"))
    return [((document.parent / path).resolve() if path else document, anchor) for path, anchor in found]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_to_a_file_and_a_heading_in_it(repository: Path, name: str) -> None:
    for target, anchor in links(repository, name):
        assert target.exists(), target
        rendered = "reports" in target.relative_to(repository).parts
        assert not anchor or rendered or anchor in anchors(target), f"{target.name}#{anchor}"


def test_every_page_named_in_code_and_workflows_exists(repository: Path) -> None:
    """Messages, templates and comments send readers to pages, some to a heading."""
    places = ("benchmark", "scripts", "load", "app", "experiments", ".github", "tests")
    files = [file for place in places for file in (repository / place).rglob("*")]
    files = [file for file in files if file.suffix in {".py", ".j2", ".yml", ".js", ".toml"} and file.is_file()]
    named = [
        (file, *found)
        for file in [repository / "benchmark.toml", *files]
        for found in re.findall(r"\b(docs/[\w/-]+\.md)(?:#([\w-]+))?", file.read_text(encoding="utf-8"))
    ]
    assert len(named) > 20
    for file, page, anchor in named:
        assert (repository / page).exists(), f"{file}: {page}"
        assert not anchor or anchor in anchors(repository / page), f"{file}: {page}#{anchor}"


def test_every_page_is_in_the_index_of_the_documentation(repository: Path) -> None:
    indexed = {target for target, _ in links(repository, "docs/README.md")}
    assert {repository / page for page in PAGES} - indexed == {repository / "docs" / "README.md"}


LONG = 140  # lines: about three screens


@pytest.mark.parametrize("name", PAGES)
def test_a_long_page_begins_with_its_contents(repository: Path, name: str) -> None:
    head, *sections = re.split(r"(?m)^## ", (repository / name).read_text(encoding="utf-8"))
    assert len("".join(sections).splitlines()) < LONG or head.count("](#") >= len(sections)


def test_every_target_of_the_makefile_is_named_for_who_contributes(repository: Path) -> None:
    (targets,) = re.findall(r"(?m)^\.PHONY: (.+)$", (repository / "Makefile").read_text())
    document = (repository / "CONTRIBUTING.md").read_text() + (repository / "README.md").read_text()
    assert [name for name in targets.split() if f"make {name}" not in document] == ["help"]


def test_no_placeholder_is_left_in_the_documents(repository: Path) -> None:
    for file in (repository / name for name in DOCUMENTS):
        left = re.findall(r"\b(?:TODO|TBD|FIXME|[A-Z]+_TABLE)\b", file.read_text())
        assert not left, f"{file.name}: {left}"
