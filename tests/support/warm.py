"""Imported by the process that calls of `bench` are forked from: each would spend a fifth of a second on templates."""

from pathlib import Path

from benchmark.report import report

for file in Path(report.__file__).with_name("templates").glob("*.j2"):
    report.templates().get_template(file.name)
