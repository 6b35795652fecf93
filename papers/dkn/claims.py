"""What the paper claims, and whether it is so on our data."""

from collections.abc import Iterator, Mapping

import numpy as np

from common.contract import Claim
from papers.dkn.paper_results import TABLE_2
from papers.dkn.scoring import Scored

CERTAIN = 0.05  # a larger p is no difference


def of(rows: Mapping[str, Scored], said: str) -> Iterator[Claim]:
    """Claims of tables 2 and 3, as far as the runs tell."""
    auc = {name: 100 * float(np.mean(row.auc)) for name, row in rows.items()}
    if {"dkn", "dkn_words"} <= auc.keys():
        better = rows["dkn"].auc > rows["dkn_words"].auc
        yield Claim(
            "knowledge makes news vectors better",
            "AUC 65.9 with all, 1.3 less without entities (Bing News)",
            f"AUC {auc['dkn']:.1f}, {auc['dkn_words']:.1f} with words alone ({said})",
            bool(np.all(better)),
        )
    if {"dkn", "dkn_no_attention"} <= auc.keys():
        change = rows["dkn"].auc - rows["dkn_no_attention"].auc
        sure = np.all(change > 0) if len(change) > 1 else change[0] > 0.01
        yield Claim(
            "attention to the clicks that resemble a candidate helps",
            "AUC 0.9 more than with their mean",
            f"AUC {auc['dkn']:.1f} with, {auc['dkn_no_attention']:.1f} without",
            True if sure else False if change.mean() <= 0 else None,
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
