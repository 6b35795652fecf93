"""The rows of the tables."""

from collections.abc import Mapping

import numpy as np

from common.contract import Table
from papers.dkn import sources
from papers.dkn.config import Config
from papers.dkn.measure import GROUPED, auc_error, paired_p, spread
from papers.dkn.paper_results import AHEAD_BY, TABLE_2
from papers.dkn.scoring import Scored

Rows = Mapping[str, Scored]


def compared(rows: Rows) -> Table:
    """The paper's table 2: F1, AUC, and whether the difference from DKN is chance."""
    found = []
    for name in TABLE_2:
        if name in rows:
            found.append(_compared(rows[name], rows.get("dkn"), TABLE_2[name]))
    columns = (
        "model", "F1", "±", "best F1", "AUC", "± ", "p",
        "paper's F1", "paper's AUC", "paper's p",
    )  # fmt: skip
    return Table(columns, found, _note(rows))


def _compared(row: Scored, dkn: Scored | None, paper: tuple) -> list:
    p = None if dkn is None or dkn is row else paired_p(dkn.auc, row.auc)
    return [
        row.name,
        *_percent(row.values("F1")),
        _percent(row.values("F1, best"))[0],
        *_percent(row.auc),
        p,
        *paper,
    ]


def _percent(values: np.ndarray) -> list[float | None]:
    """Mean and spread in per cent."""
    most = spread(values)
    return [100 * float(values.mean()), None if most is None else 100 * most]


def _note(rows: Rows) -> str:
    first = next(iter(rows.values()))
    seeds = first.config.seeds
    label = first.test[0].label
    positive = int(np.sum(label > 0))
    error = 100 * auc_error(float(first.auc.mean()), positive, len(label) - positive)
    said = sources.corpus(first.config).said_in
    return (
        f"per cent of {len(label):,} test candidates ({said}); {seeds} seed(s), their "
        "mean and largest deviation from it. F1: at a probability of 1/2, and at the "
        "threshold that is best on validation. p: a paired t-test of AUC against dkn "
        "over the seeds. The test set alone gives an AUC a standard error of "
        f"{error:.1f}, which seeds do not show"
    )


def ablated(rows: Rows) -> list[str]:
    """The rows of table 3, DKN's first."""
    names = [name for name in rows if name.startswith("dkn_")]
    return ["dkn", *names] if "dkn" in rows and names else []


def ablation(rows: Rows) -> Table:
    """The paper's table 3: AUC and F1 of DKN's variants, and what DKN is ahead by."""
    whole = rows["dkn"]
    found = []
    for name in ablated(rows):
        row = rows[name]
        behind = 100 * float(whole.auc.mean() - row.auc.mean())
        p = None if row is whole else paired_p(whole.auc, row.auc)
        found.append(
            [
                name,
                what(row.config),
                *_percent(row.values("F1")),
                *_percent(row.auc),
                None if row is whole else behind,
                p,
                AHEAD_BY.get(name),
            ]
        )
    columns = (
        "run", "what it has", "F1", "±", "AUC", "± ", "DKN ahead by", "p",
        "paper: ahead by",
    )  # fmt: skip
    return Table(columns, found, f"{_note(rows)}. Ahead: points of AUC")


def what(config: Config) -> str:
    """The parts of a DKN in words."""
    m = config.model
    channels = ["words", *["entities"] * m.entities, *["contexts"] * m.contexts]
    parts = [" + ".join(channels)]
    if len(channels) > 1:
        v = config.vectors
        parts.append(v.method if v.source == "run" else v.source)
        parts.append("no g" if m.mapping == "none" else f"g {m.mapping}")
    if m.attention != "network":
        parts.append(
            {"none": "mean of clicks"}.get(m.attention, "attention by products")
        )
    return ", ".join(parts)


def swept(rows: Rows) -> list[str]:
    """The runs of the paper's figures 7 and 8."""
    return [n for n in rows if n[:1] in "dmw" and n.split("_")[0][1:].isdigit()] + [
        n for n in rows if n.startswith("windows_to_")
    ]


def sweeps(rows: Rows) -> Table:
    """AUC over the widths d and k, the filters m, and the window sets."""
    found = []
    for name in swept(rows):
        m = rows[name].config.model
        sizes = [m.d_word, m.d_entity, m.filters, max(m.windows)]
        found.append([name, *sizes, *_percent(rows[name].auc)])
    columns = ("run", "d", "k", "filters", "windows to", "AUC", "±")
    return Table(columns, found, _note(rows))


def ranking(rows: Rows) -> Table:
    """How the candidates of a group are ranked, means over the seeds."""
    found = []
    for row in rows.values():
        values = [100 * float(row.values(name).mean()) for name in GROUPED]
        chosen = ", ".join(map(str, row.snapshots)) or None
        found.append([row.name, *values, chosen])
    note = (
        "per cent; groups of candidates as they were shown. Snapshot: the state along "
        "training that validation prefers, of each seed"
    )
    return Table(("run", *GROUPED, "snapshot"), found, note)


def data(config: Config) -> Table:
    """What there is: counts of the paper's table 1."""
    corpus = sources.corpus(config)
    rows = []
    for split, found in corpus.splits.items():
        shown = found.candidates > 0
        clicks = np.sum(found.history > 0, axis=1)
        rows.append(
            [
                split,
                len(np.unique(found.user)),
                len(found),
                int(shown.sum()),
                float(found.label[shown].mean()),
                float(clicks.mean()),
                int(np.sum(clicks == 0)),
            ]
        )
    columns = (
        "split", "users", "rows", "candidates", "clicked", "clicks before", "no click",
    )  # fmt: skip
    words = corpus.words[1:]
    known = np.mean(words[words > 0] > 1)
    links = corpus.links
    note = (
        f"{corpus.said_in}: {len(corpus.titles) - 1:,} titles of "
        f"{np.mean(np.sum(words > 0, axis=1)):.1f} words, {100 * known:.0f} % of them "
        f"known; {len(corpus.entity_names) - 1:,} entities in titles, "
        f"{int(np.sum(links.rows >= 0)):,} of them in the graph, with "
        f"{len(links.edges):,} neighbours"
    )
    return Table(columns, rows, note)
