"""docs/reuse.md, executed: another repository calls the workflows of this one, with the files that the document shows.

Real: both checkouts, pip, uvicorn, Locust, the commit on the caller's origin. Stood in for: GitHub, and the packages
that pip would fetch.
"""

import json
import re
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.workflows.forge import ROOT, Forge, Outcome, git

MakeForge = Callable[[], Forge]

NAME = "octo/load-benchmark"
TOKEN = "s3cr3t-of-the-caller"  # noqa: S105 - what must not be found anywhere
DATABASE = 'postgresql://shop:p4ss"w0rd{}#@db/shop?a=b'
FILES = {"orders.py": "python", "requirements.txt": "text", "benchmark.toml": "toml", "README.md": "markdown"}
"""What the caller's repository holds, and in which language the document shows it."""


def _block(language: str, holding: str = "") -> str:
    document = (ROOT / "docs" / "reuse.md").read_text(encoding="utf-8")
    (block,) = [text for text in re.findall(rf"(?ms)^```{language}\n(.*?)^```$", document) if holding in text]
    return str(block)


def _shown() -> dict[str, str]:
    """The files of the caller's repository, by name."""
    return {name: _block(language) for name, language in FILES.items()}


def _publishing() -> str:
    """The workflow that publishes, for an app that is served with the packages of the harness."""
    return _block("yaml", "publish: true").replace("      requirements: requirements.txt\n", "")


@pytest.fixture(scope="module")
def harness(make_forge: MakeForge) -> Forge:
    """What others call: this repository."""
    forge = make_forge()
    forge.fork()
    return forge


def _packages(home: Path) -> None:
    """What pip finds in the place of an index: packages by name, of what the tests have installed."""
    wheels = home / "wheels"
    wheels.mkdir()
    for name, extra in (("fastapi", ""), ("uvicorn", "Provides-Extra: standard\n")):
        with ZipFile(wheels / f"{name}-99.0-py3-none-any.whl", "w") as wheel:
            info = f"{name}-99.0.dist-info"
            wheel.writestr(f"{name}.pth", sysconfig.get_paths()["purelib"])
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n{extra}")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    settings = home / "config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[install]\nfind-links = {wheels}\n")


def _call(
    harness: Forge,
    caller: Forge,
    workflow: str,
    folder: str = "",
    inputs: Mapping[str, str] | None = None,
    event: str = "workflow_dispatch",
    files: Mapping[str, str] | None = None,
) -> Outcome:
    """Lay the caller's repository as the document has it, its app in a folder, and press the button, or what else."""
    _packages(caller.home)
    commit, told = harness.offer(NAME, caller)
    text = workflow.replace("OWNER/REPOSITORY", NAME).replace("COMMIT", commit)
    laid = {f"{folder}{name}": content for name, content in (files or _shown()).items()}
    toml = f"{folder}benchmark.toml"
    laid[toml] = laid[toml].replace('duration = "30s"', 'duration = "2s"\nreference = 0')
    caller.begin({**laid, ".github/workflows/benchmark.yml": text})
    secrets = ("--secret", f"ORDERS_TOKEN={TOKEN}", "--secret", f"ORDERS_DATABASE={DATABASE}")
    return caller.run(event, inputs, more=[*told, *secrets])


def _asked(caller: Forge) -> list[str]:
    """What GitHub's program was asked, but for logins."""
    return sorted(words.split(" --")[0] for words in caller.told() if not words.startswith("auth "))


def test_another_repository_measures_its_own_endpoint_in_a_folder_of_its_own_and_nothing_is_written_to_it(
    harness: Forge, make_forge: MakeForge
) -> None:
    caller = make_forge()
    workflow = _block("yaml", "measure.yml@COMMIT").replace("# working_directory: ", "working_directory: ")
    shown = _shown()
    printing = "print('serving from', database, flush=True)"
    files = {**shown, "orders.py": shown["orders.py"].replace("app = ", f"{printing}\napp = ")}
    outcome = _call(harness, caller, workflow, "services/orders/", {"users": "3"}, files=files)
    assert outcome.jobs == {"measure": "success"}, outcome.output
    (file,) = caller.artifacts.glob("results/*/run.json")
    record = json.loads(file.read_text())
    assert [endpoint["name"] for endpoint in record["endpoints"]] == ["list_orders"]
    assert record["endpoints"][0]["rounds"][0]["failures"] == 0
    assert record["plan"]["profile"]["users"] == 3
    environment = record["environment"]
    assert environment["packages"]["fastapi"] == "99.0", "the app was not served with its own packages"
    assert environment["packages"]["locust"] != "99.0"
    assert not environment["commit_dirty"], "something was written into the caller's checkout"
    assert "| list_orders | " in outcome.output
    assert "| list_orders | " in (file.parent / "report.md").read_text()
    assert caller.log() == ["tester: An app"]
    (log,) = file.parent.rglob("server.log")
    assert "serving from [redacted]" in log.read_text()
    assert "p4ss" not in outcome.output
    written = [path.read_bytes() for path in caller.artifacts.rglob("*") if path.is_file()]
    assert not any(text in content for content in written for text in (TOKEN.encode(), b"p4ss"))


def test_what_it_asks_to_be_published_is_committed_to_its_own_repository(harness: Forge, make_forge: MakeForge) -> None:
    """Its own requirements left out, the app is served with the packages of the harness. No report was there before."""
    caller = make_forge()
    outcome = _call(harness, caller, _publishing())
    assert outcome.code == 0, outcome.output
    assert outcome.jobs == {"measure": "success", "publish": "success", "watch": "success"}, outcome.output
    (record,) = caller.records()
    assert record["plan"]["profile"]["name"] == "mine"
    assert [endpoint["name"] for endpoint in record["endpoints"]] == ["list_orders"]
    assert caller.log()[0] == f"github-actions[bot]: Publish {record['id']}"
    assert "list_orders" in caller.published("README.md")
    assert record["environment"]["packages"]["fastapi"] != "99.0"
    assert _asked(caller) == ["issue list"], "its Pages are its own"
    assert len(harness.log()) == 1


def test_only_who_asks_for_it_has_the_page_built_and_a_readme_without_markers_stops_nothing(
    harness: Forge, make_forge: MakeForge
) -> None:
    caller = make_forge()
    unmarked = {**_shown(), "README.md": "# Orders\n"}
    outcome = _call(harness, caller, _publishing().replace("# pages: true", "pages: true"), files=unmarked)
    assert outcome.code == 0, outcome.output
    assert _asked(caller) == ["api repos/acme/bench/pages", "issue list"]
    assert caller.published("README.md") == "# Orders"
    assert "README.md is left as it is" in outcome.output


def test_a_pull_request_is_measured_and_publishes_nothing(harness: Forge, make_forge: MakeForge) -> None:
    caller = make_forge()
    outcome = _call(
        harness,
        caller,
        _publishing().replace("workflow_dispatch:", "pull_request:\n  workflow_dispatch:"),
        event="pull_request",
    )
    assert outcome.code == 0, outcome.output
    assert outcome.jobs["measure"] == "success"
    assert outcome.jobs.get("publish", "skipped") == "skipped"
    assert caller.log() == ["tester: An app"]
    assert git(caller.origin, "branch", "--list").split() == ["*", "main"]
