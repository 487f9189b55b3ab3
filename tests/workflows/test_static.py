"""What tools that know GitHub Actions say of the workflows. None of them asks the network."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "bin"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
STUBS = sorted(Path(__file__).parent.glob("stubs/*/action.yml"))
EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)


def _check(*command: str | Path, text: str | None = None) -> None:
    program, *arguments = map(str, command)
    done = subprocess.run(
        [str(BIN / program), *arguments], cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_zizmor_finds_nothing_even_when_pedantic() -> None:
    _check("zizmor", "--offline", "--persona", "pedantic", "--no-progress", "--quiet", ".")


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflows_fit_their_schema(schema: str) -> None:
    _check("check-jsonschema", "--builtin-schema", schema, *WORKFLOWS)


def test_dependabot_fits_its_schema() -> None:
    _check("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


@pytest.fixture(scope="module")
def languageservice(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[str]]:
    """What GitHub's own language service finds in workflows. Skips, with the reason, where it cannot be had."""
    home = tmp_path_factory.mktemp("languageservice") / "here"
    shutil.copytree(Path(__file__).with_name("languageservice"), home)
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("GitHub's language service was not asked: node and npm are not there")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"GitHub's language service was not asked: npm could not fetch it: {done.stderr[:200]}")

    def ask(workflows: Path) -> list[str]:
        files = [str(path) for path in sorted(workflows.glob("*.yml"))]
        said = subprocess.run([node, "check.mjs", *files], cwd=home, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")
        return said.stdout.splitlines()

    return ask


def test_github_s_own_checker_finds_nothing(languageservice: Callable[[Path], list[str]]) -> None:
    assert languageservice(ROOT / ".github" / "workflows") == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("ci.yml", "  test:\n", "  tests:\n", id="a job that is needed and is not there"),
        pytest.param("benchmark.yml", "inputs.users }}", "inputs.user }}", id="an input that is not there"),
        pytest.param("benchmark.yml", "job.workflow_sha", "job.workflow_shaa", id="a word that GitHub does not know"),
        pytest.param("measure.yml", "      profile:\n", "      profil:\n", id="an input that a caller hands over"),
    ],
)
def test_that_checker_finds_what_is_wrong(
    languageservice: Callable[[Path], list[str]], tmp_path: Path, file: str, old: str, new: str
) -> None:
    shutil.copytree(ROOT / ".github" / "workflows", tmp_path / "workflows")
    path = tmp_path / "workflows" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert languageservice(tmp_path / "workflows") != []


@pytest.mark.parametrize("holding", ["measure.yml@COMMIT", "publish: true"])
def test_what_the_document_shows_to_callers_passes_these_tools(
    languageservice: Callable[[Path], list[str]], tmp_path: Path, holding: str
) -> None:
    """What zizmor finds, too: each secret is named there, so none is handed over that is not needed."""
    document = (ROOT / "docs/reuse.md").read_text(encoding="utf-8")
    (shown,) = [text for text in re.findall(r"(?ms)^```yaml\n(.*?)^```$", document) if holding in text]
    beside = tmp_path / "beside"  # with what it calls next to it, whose inputs and secrets are then checked as well
    shutil.copytree(ROOT / ".github" / "workflows", beside)
    called = re.sub(r"OWNER/REPOSITORY/(\S+)@COMMIT", r"./\1", shown)
    (beside / "caller.yml").write_text(called, encoding="utf-8")
    assert called != shown
    assert languageservice(beside) == []
    file = tmp_path / "caller" / ".github" / "workflows" / "caller.yml"
    file.parent.mkdir(parents=True)
    file.write_text(shown.replace("OWNER/REPOSITORY", "octo/bench").replace("COMMIT", "1" * 40), encoding="utf-8")
    _check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", file)
    _check("zizmor", "--offline", "--no-progress", "--quiet", tmp_path / "caller")


def _shell_lines() -> Iterator[tuple[str, str]]:
    for path in [*WORKFLOWS, *STUBS]:
        document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        jobs = document.get("jobs", {"": document.get("runs")})
        for name, job in jobs.items():
            for number, step in enumerate(job.get("steps", ()), start=1):
                if "run" in step:
                    yield f"{path.relative_to(ROOT)} {name} {number}", step["run"]


def test_shellcheck_finds_nothing_in_any_run_block() -> None:
    for where, script in _shell_lines():
        done = subprocess.run(
            [str(BIN / "shellcheck"), "-s", "bash", "-e", "SC2154", "-"],
            input=EXPRESSION.sub("expression", script),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{where}:\n{done.stdout}"


def test_shellcheck_finds_nothing_in_any_shell_script() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git is where PATH says
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.splitlines()]
    scripts = [file for file in files if file.is_file() and _is_shell(file)]
    assert ROOT / ".ci/run" in scripts
    _check("shellcheck", *scripts)


def _is_shell(file: Path) -> bool:
    with file.open("rb") as opened:
        first = opened.readline(100)
    return file.suffix == ".sh" or (first.startswith(b"#!") and re.search(rb"\b(ba)?sh\b", first) is not None)
