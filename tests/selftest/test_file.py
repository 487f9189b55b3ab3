"""A self-test is kept whole, and one that cannot be read is refused in one line."""

from pathlib import Path

import pytest

from benchmark.errors import InvalidRunError, UnwritableRunError
from benchmark.report.noise_floor import FILE_NAME, read_selftest, write_selftest
from tests.support.selftests import some_selftest


def test_what_is_kept_is_read_again_and_replaces_the_one_before(tmp_path: Path) -> None:
    write_selftest(some_selftest(python="CPython 3.11.0"), tmp_path)
    write_selftest(some_selftest(), tmp_path)
    assert read_selftest(tmp_path) == some_selftest()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_where_none_was_kept_there_is_none(tmp_path: Path) -> None:
    assert read_selftest(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 2}', "\udcff"], ids=repr)
def test_what_is_no_self_test_is_refused_in_one_line_that_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidRunError, match=r"^[^\n]*selftest\.json is not a self-test: [^\n]*; delete it[^\n]*$"):
        read_selftest(tmp_path)


def test_a_directory_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnwritableRunError, match="cannot be written"):
        write_selftest(some_selftest(), tmp_path / "nowhere")
