"""The picture of docs/judging.md is what the rule says of the data, and nothing older."""

from experiments.rule_picture import PICTURE, picture


def test_the_committed_picture_is_the_one_that_is_drawn() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture()


def test_it_shows_what_the_text_beside_it_says() -> None:
    drawn = picture()
    assert "divided by the reference regressed since run " in drawn
    assert "as measured improved since run " in drawn
