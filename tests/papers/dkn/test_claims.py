"""A claim holds where the difference is larger than the error of the test set."""

from types import SimpleNamespace

import numpy as np
import pytest

from papers.dkn import claims


def row(auc, items):
    label = np.tile([1.0, 0.0], items // 2)
    return SimpleNamespace(
        auc=np.array([auc, auc]), test=[SimpleNamespace(label=label)]
    )


@pytest.mark.parametrize(
    ("words", "items", "holds"),
    [(0.53, 462, None), (0.53, 80_000, True), (0.7, 462, False)],
)
def test_a_small_test_set_shows_no_ordering(words, items, holds):
    rows = {"dkn": row(0.56, items), "dkn_words": row(words, items)}
    (claim,) = claims.of(rows, "a set")
    assert claim.holds is holds
