"""The record: written whole or not at all, read back as it was, refused in one line when it is none."""

import resource
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError, InvalidRunError
from benchmark.record import NO_TIMELINE
from benchmark.store import parse_record, read_record, save, to_json, without_timelines
from tests.support.records import some_record


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = some_record()
    save(record, tmp_path / "run.json")
    assert read_record(tmp_path) == record
    assert read_record(tmp_path / "run.json") == record


@pytest.mark.parametrize("names", ["as it is", '"timeline": {', "}"])
def test_timelines_can_be_left_out_and_nothing_else_is(tmp_path: Path, names: str) -> None:
    record = some_record(command=names)
    save(record, tmp_path / "run.json")
    read = read_record(tmp_path, timelines=False)
    lines = [measured.timeline for result in read.endpoints for measured in result.rounds]
    assert lines
    assert set(lines) == {NO_TIMELINE}
    assert without_timelines(read) == without_timelines(record)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_record_is_refused_without_its_timelines_too(tmp_path: Path, share: float) -> None:
    whole = to_json(some_record())
    (tmp_path / "run.json").write_text(whole[: int(share * len(whole))])
    with pytest.raises(InvalidRunError, match="is not a record"):
        read_record(tmp_path, timelines=False)


def test_writing_leaves_no_draft_behind(tmp_path: Path) -> None:
    save(some_record(), tmp_path / "run.json")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_record_that_can_not_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    old = some_record()
    save(old, tmp_path / "run.json")
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            save(some_record(reason="new"), tmp_path / "run.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    assert read_record(tmp_path) == old
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_lists_of_numbers_stand_on_one_line() -> None:
    text = to_json(some_record())
    assert '"requests": [500, 500],' in text
    assert parse_record(text, "here") == some_record()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "truncated or not JSON", id="empty"),
        pytest.param(to_json(some_record())[:500], "truncated or not JSON", id="truncated"),
        pytest.param("[]", "truncated or not JSON", id="no object"),
        pytest.param("[" * 100_000, "truncated or not JSON", id="nested too deeply"),
        pytest.param('{"schema_version": 2}', "schema version 2, this program reads 1", id="from the future"),
        pytest.param('{"schema_version": 1}', "not a valid record: id", id="without content"),
        pytest.param(
            to_json(some_record()).replace('"state": "complete"', '"state": "fine"'), "valid record: state", id="state"
        ),
        pytest.param(
            to_json(some_record()).replace('"id": "2026', '"id": "../2026'), "valid record: id", id="an id that climbs"
        ),
        pytest.param(
            to_json(some_record()).replace('"run_url": null', '"run_url": "javascript:x"'),
            "run_url",
            id="a link to code",
        ),
        pytest.param(
            to_json(some_record()).replace('"name": "pooled",\n   "users"', '"name": "renamed",\n   "users"'),
            "valid record: its results do not fit its plan; restore it",
            id="an endpoint that was not planned",
        ),
        pytest.param(to_json(some_record()).replace('"seats": 80', '"seats": 0'), "limit.seats", id="no seats"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line_that_names_it(text: str, said: str) -> None:
    with pytest.raises(InvalidRunError) as caught:
        parse_record(text, "reports/runs/x/run.json")
    assert said in str(caught.value)
    assert "reports/runs/x/run.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_without_a_record_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="name a directory that `bench run` wrote"):
        read_record(tmp_path)
