"""What the paper claims, and whether it is so on our data."""

from collections.abc import Iterator, Mapping

import numpy as np

from common.contract import Claim
from papers.dkn.measure import auc_error
from papers.dkn.paper_results import TABLE_2
from papers.dkn.scoring import Scored


def _error(row: Scored) -> float:
    """The standard error that the test set gives the run's AUC, in points."""
    label = row.test[0].label
    positive = int(np.sum(label > 0))
    return 100 * auc_error(float(row.auc.mean()), positive, len(label) - positive)


def of(rows: Mapping[str, Scored], said: str) -> Iterator[Claim]:
    """Claims of tables 2 and 3, as far as the runs tell."""
    auc = {name: 100 * float(np.mean(row.auc)) for name, row in rows.items()}
    if {"dkn", "dkn_words"} <= auc.keys():
        error = _error(rows["dkn"])
        ahead = auc["dkn"] - auc["dkn_words"]
        yield Claim(
            "knowledge makes news vectors better",
            "AUC 65.9 with all, 1.3 less without entities (Bing News)",
            f"AUC {auc['dkn']:.1f}, {auc['dkn_words']:.1f} with words alone, standard "
            f"error {error:.1f} ({said})",
            True if ahead > 2 * error else None if ahead > -2 * error else False,
        )
    if {"dkn", "dkn_no_attention"} <= auc.keys():
        change = auc["dkn"] - auc["dkn_no_attention"]
        error = _error(rows["dkn"])
        yield Claim(
            "attention to the clicks that resemble a candidate helps",
            "AUC 0.9 more than with their mean",
            f"AUC {auc['dkn']:.1f} with, {auc['dkn_no_attention']:.1f} without",
            True if change > 2 * error else None if change > 0 else False,
        )
    baselines = [name for name in auc if name in TABLE_2 and name != "dkn"]
    if "dkn" in auc and baselines:
        best = max(baselines, key=auc.get)
        yield Claim(
            "DKN is ahead of all baselines",
            "AUC 65.9, KPCNN 64.2 the next",
            f"AUC {auc['dkn']:.1f}, {best} {auc[best]:.1f} the best of "
            f"{len(baselines)} others",
            auc["dkn"] > auc[best],
        )
