"""compare.json is read as if a stranger had written it."""

import json
from pathlib import Path

import pytest

from benchmark.compare.model import FILE_NAME, read_comparison, read_newest
from benchmark.errors import BenchmarkError, InvalidRunError, UsageError
from benchmark.store import to_json
from tests.compare.comparisons import make_comparison, make_turns


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = make_comparison(make_turns(lambda *_: 50.0, passes=8))
    (tmp_path / "compare-1").mkdir()
    (tmp_path / "compare-1" / FILE_NAME).write_text(to_json(made))
    assert read_comparison(tmp_path / "compare-1") == read_newest(tmp_path) == made


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schema_version": 2}, id="of the future"),
        pytest.param({"surprise": 1}, id="unknown key"),
        pytest.param({"started_at": "<script>"}, id="no time"),
        pytest.param({"differences": [{"endpoint": "x"}]}, id="half a difference"),
    ],
)
def test_what_is_no_comparison_is_refused_in_one_line(tmp_path: Path, change: dict[str, object]) -> None:
    made = make_comparison(make_turns(lambda *_: 50.0, passes=8)).model_dump(mode="json")
    (tmp_path / FILE_NAME).write_text(json.dumps({**made, **change}))
    with pytest.raises(InvalidRunError, match="is not a valid comparison") as caught:
        read_comparison(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_json_at_all_is_refused_and_so_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for text in ("", "[" * 100_000, "\x00"):
        (tmp_path / "x" / FILE_NAME).write_text(text)
        with pytest.raises(BenchmarkError):
            read_newest(tmp_path)
    (tmp_path / "x" / FILE_NAME).unlink()
    with pytest.raises(UsageError, match="holds no comparison"):
        read_newest(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        read_comparison(tmp_path)
