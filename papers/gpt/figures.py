"""The two halves of the paper's figure 2, from their tables."""

from typing import Any

from common.contract import Table


def transfer(table: Table) -> Any:
    """Score against the layers taken over; x = -1 is a start without pre-training."""
    from common import figures  # matplotlib takes a second

    scores = [row[1] for row in table.rows]
    depths = [{"none": -1, "embeddings": 0}.get(row[0], row[0]) for row in table.rows]
    x_label = "layers taken over (0: embeddings, -1: nothing)"
    series = {"fine-tuned": ([*map(int, depths)], scores)}
    return figures.curves(series, x_label, table.columns[1], points=True)


def along_training(table: Table) -> Any:
    """Zero-shot score against steps of pre-training."""
    from common import figures

    steps = [row[0] for row in table.rows]
    series = {
        name: (steps, [row[i] for row in table.rows])
        for i, name in enumerate(table.columns[1:], start=1)
    }
    return figures.curves(series, "steps of pre-training", "right, %", points=True)
