"""What the paper claims, and whether it is so on our tasks."""

from collections.abc import Iterator, Sequence

from common.contract import Claim, Table
from papers.gpt import tables
from papers.gpt.measure import Group

FULL, PLAIN, SCRATCH, LSTM = tables.CONDITIONS


def of(groups: Sequence[Group], curve: tuple[str, Table] | None) -> Iterator[Claim]:
    """Claims of tables 4 and 5 and of figure 2, as far as the runs tell.

    curve: a task, and its `tables.along_training`; the Transformer's stands first.
    """
    names = [*dict.fromkeys(g.config.task for g in groups)]
    means = {
        name: {c: tables.mean(g) for c, g in tables.of_task(groups, name).items()}
        for name in names
    }
    yield from _compared(
        means,
        "pre-training is ahead of training on the task alone",
        "average of nine tasks 74.7, without pre-training 59.9 (table 5)",
        max_of=(FULL, PLAIN),
        against=SCRATCH,
    )
    yield from _compared(
        means,
        "small sets do better without the auxiliary loss",
        "average 75.0 without, 74.7 with it; it helps on the large sets (table 5)",
        max_of=(PLAIN,),
        against=FULL,
    )
    yield from _compared(
        means,
        "the Transformer is ahead of an LSTM in its place",
        "average 74.7 against 69.1 (table 5)",
        max_of=(FULL,),
        against=LSTM,
    )
    for name in names:
        if table := tables.transfer(groups, name):
            yield _layers(name, [row[1] for row in table.rows])
            break
    if curve:
        yield _zero_shot(*curve)


def _compared(
    means: dict[str, dict[str, float]],
    claim: str,
    there: str,
    *,
    max_of: tuple[str, ...],
    against: str,
) -> Iterator[Claim]:
    """One claim over all tasks that have both sides."""
    pairs = {
        name: (max(found[c] for c in max_of if c in found), found[against])
        for name, found in means.items()
        if against in found and any(c in found for c in max_of)
    }
    if pairs:
        here = "; ".join(
            f"{n} {a:.1f} against {b:.1f} %" for n, (a, b) in pairs.items()
        )
        right = [a > b for a, b in pairs.values()]
        holds = True if all(right) else None if any(right) else False
        yield Claim(claim, there, here, holds)


def _layers(name: str, scores: list[float]) -> Claim:
    """From nothing, through the embeddings, to all layers."""
    nothing, embeddings, *_, everything = scores
    return Claim(
        "each layer that is taken over helps",
        "MultiNLI gains up to 9 % over the embeddings alone (figure 2)",
        f"{name}: nothing {nothing:.1f}, embeddings {embeddings:.1f}, "
        f"all layers {everything:.1f} %",
        True
        if scores == sorted(scores)
        else None
        if everything > embeddings
        else False,
    )


def _zero_shot(name: str, table: Table) -> Claim:
    scores = [row[1] for row in table.rows]
    return Claim(
        "without fine-tuning, tasks are done the better the longer it was pre-trained",
        "rises steadily on four tasks (figure 2)",
        f"{name}: {scores[0]:.1f} at the start to {scores[-1]:.1f} %",
        True
        if scores[-1] == max(scores) > scores[0]
        else None
        if scores[-1] > scores[0]
        else False,
    )
