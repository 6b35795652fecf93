"""What the paper claims, and whether it is so on our documents."""

from collections.abc import Iterator, Mapping

from common.contract import Claim
from papers.amr_summarization.measure import Scores
from papers.amr_summarization.paper_results import CLAIM

MARGIN = 0.3  # points that are no difference on so few documents


def of(rows: Mapping[str, Scores], said_in: str) -> Iterator[Claim]:
    """Claims about the selection and about merging."""
    ours = rows["ours"]
    rival = rows["TextRank"]
    ahead = 100 * (ours.node_f1 - rival.node_f1)
    yield Claim(
        CLAIM,
        "proxy reports of the AMR bank",
        f"node F1 {100 * ours.node_f1:.1f}, TextRank {100 * rival.node_f1:.1f}, lead "
        f"{100 * rows['lead'].node_f1:.1f} ({said_in})",
        _verdict(ahead),
    )
    apart = rows["ours, names not merged"]
    change = 100 * (ours.node_f1 - apart.node_f1)
    yield Claim(
        "merging names and coreference finds what a document is about",
        "part of the method",
        f"node F1 {100 * ours.node_f1:.1f} with, {100 * apart.node_f1:.1f} without",
        _verdict(change),
    )


def _verdict(points: float) -> bool | None:
    if abs(points) <= MARGIN:
        return None
    return points > 0
