"""Published tables of others that state their set-up are what the model works out from it."""

import pytest

from experiments.others_tables import TABLE, Published, predicted


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.source.partition('/')[2][:12]}: {row.what}")
def test_every_published_column_is_within_five_percent(row: Published) -> None:
    published = (row.requests, row.rate_rps, row.mean_s, row.most_s)
    assert predicted(row) == pytest.approx(published, rel=0.05)
