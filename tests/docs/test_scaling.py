"""The files of docs/scaling/: each fits the schema of what reads it, and they agree with each other.

No container and no cluster is started; the image's files and the commands in the manifests are tried without one.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from benchmark.config import make_plan, read_config
from benchmark.measure.load_test import MASTER_PORT
from scripts.cli import app

ROOT = Path(__file__).parents[2]
SCALING = ROOT / "docs" / "scaling"
SCHEMAS = ROOT / "tests" / "data" / "schemas"
KUBERNETES = {
    "Job": "io.k8s.api.batch.v1.Job",
    "Service": "io.k8s.api.core.v1.Service",
    "ConfigMap": "io.k8s.api.core.v1.ConfigMap",
}


def _problems(*arguments: str | Path) -> str:
    """What check-jsonschema says against a file; nothing when all is well."""
    command = [Path(sys.prefix) / "bin" / "check-jsonschema", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SCALING / "kubernetes.yaml").read_text(encoding="utf-8")))


def _kind(kind: str, folder: Path) -> Path:
    """A schema for one kind of Kubernetes."""
    whole = json.loads((SCHEMAS / "kubernetes.json").read_text(encoding="utf-8"))
    file = folder / f"{kind}.schema.json"
    file.write_text(json.dumps({"$ref": f"#/$defs/{KUBERNETES[kind]}", **whole}), encoding="utf-8")
    return file


def test_the_compose_file_fits_its_schema() -> None:
    assert not _problems("--builtin-schema", "vendor.compose-spec", SCALING / "compose.yaml")


@pytest.mark.parametrize("kind", KUBERNETES)
def test_the_manifests_fit_the_schema_of_kubernetes(kind: str, tmp_path: Path) -> None:
    of_this_kind = [manifest for manifest in _manifests() if manifest["kind"] == kind]
    assert of_this_kind
    for number, manifest in enumerate(of_this_kind):
        (tmp_path / f"{number}.json").write_text(json.dumps(manifest))
    assert not _problems("--schemafile", _kind(kind, tmp_path), *tmp_path.glob("[0-9].json"))


def test_a_key_that_kubernetes_does_not_know_would_be_noticed(tmp_path: Path) -> None:
    """Else a schema that accepts everything would go unnoticed."""
    (job, *_) = [manifest for manifest in _manifests() if manifest["kind"] == "Job"]
    job["spec"]["template"]["spec"]["containers"][0]["comand"] = ["sh"]
    (tmp_path / "0.json").write_text(json.dumps(job))
    assert "comand" in _problems("--schemafile", _kind("Job", tmp_path), tmp_path / "0.json")


def test_what_the_operator_reads_fits_its_definition() -> None:
    assert not _problems("--schemafile", SCHEMAS / "locusttest.json", SCALING / "locusttest.yaml")


def test_all_ways_measure_the_same_and_let_the_workers_reach_master_and_app() -> None:
    plan = make_plan(read_config(SCALING / "benchmark.toml"), "many", {"load_workers": "4"})
    by_name = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in _manifests()}
    copied = by_name["ConfigMap", "bench"]["data"]["benchmark.toml"]
    assert copied == (SCALING / "benchmark.toml").read_text(encoding="utf-8")
    assert plan.target.url is None, "an app that is started by bench is started anew for each round"
    (container,) = by_name["Job", "master"]["spec"]["template"]["spec"]["containers"]
    opened = [port["containerPort"] for port in container["ports"]]
    assert opened == [MASTER_PORT, plan.target.port]
    assert by_name["Service", "master"]["spec"]["ports"] == [{"port": MASTER_PORT}]


def test_as_many_workers_are_started_as_the_master_waits_for() -> None:
    jobs = {item["metadata"]["name"]: item["spec"] for item in _manifests() if item["kind"] == "Job"}
    (script,) = jobs["master"]["template"]["spec"]["containers"][0]["args"]
    wanted = re.findall(r"--expect-workers (\d+)", script)
    assert wanted == [str(jobs["worker"]["parallelism"])] == [str(jobs["worker"]["completions"])]
    test = yaml.safe_load((SCALING / "locusttest.yaml").read_text(encoding="utf-8"))["spec"]
    assert re.findall(r"--expect-workers (\d+)", test["args"]) == [str(test["workers"])]
    compose = yaml.safe_load((SCALING / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert compose["worker"]["deploy"]["replicas"] in compose["master"]["command"]


def test_the_image_holds_all_that_bench_needs(tmp_path: Path) -> None:
    for line in re.findall(r"(?m)^COPY (\S+) \S+$", (SCALING / "Dockerfile").read_text(encoding="utf-8")):
        source = ROOT / line
        if source.is_dir():
            shutil.copytree(source, tmp_path / line, ignore=shutil.ignore_patterns("__pycache__"))
    (line,) = re.findall(r"(?m)^ENV PYTHONPATH=(\S+)$", (SCALING / "Dockerfile").read_text(encoding="utf-8"))
    (folder,) = re.findall(r"(?m)^WORKDIR (\S+)$", (SCALING / "Dockerfile").read_text(encoding="utf-8"))
    assert line == folder
    predict = [f"{tmp_path}/scripts", "predict", "--profile", "many", "--users", "20"]
    predict += ["--config", f"{SCALING}/benchmark.toml"]
    find_app = ["-c", "import app.main; print(app.main.__file__)"]
    found = [
        subprocess.run(
            [sys.executable, "-P", *command],
            cwd=SCALING,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        for command in (predict, find_app)
    ]
    assert [done.returncode for done in found] == [0, 0], found
    assert found[1].stdout.startswith(str(tmp_path))


def test_what_locust_s_operator_says_is_passed_on_to_bench(tmp_path: Path) -> None:
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\nexit 3\n')
    (tmp_path / "python").chmod(0o755)

    def said(*arguments: str) -> tuple[str, int]:
        done = subprocess.run(
            ["/bin/sh", SCALING / "operator-entrypoint.sh", *arguments],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "LINGER_S": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip(), done.returncode

    args = shlex.split(yaml.safe_load((SCALING / "locusttest.yaml").read_text(encoding="utf-8"))["spec"]["args"])
    assert said("--master", *args) == (f"/bench/scripts run {' '.join(args)}", 3)
    assert said("--worker", "--master-host", "bench-master", *args) == (
        "/bench/scripts worker --master bench-master",
        3,
    )
    assert said("--headless") == ("", 2)


def _command_lines() -> Iterator[list[str]]:
    """What the containers tell bench."""
    for service in yaml.safe_load((SCALING / "compose.yaml").read_text(encoding="utf-8"))["services"].values():
        if "entrypoint" not in service:
            yield service["command"]
    for job in (manifest for manifest in _manifests() if manifest["kind"] == "Job"):
        args = job["spec"]["template"]["spec"]["containers"][0]["args"]
        yield args if len(args) > 1 else shlex.split(args[0].split(";")[0].partition("/bench/scripts")[2])


def test_every_command_of_the_containers_exists_with_its_flags() -> None:
    for words in _command_lines():
        shown = CliRunner().invoke(app, [words[0], "--help"], terminal_width=200)
        assert shown.exit_code == 0, words
        for flag in (word for word in words if word.startswith("--")):
            assert flag in shown.output, words
