"""The paper's figures from its tables: what size is worth."""

from typing import Any

from common.contract import Table

TASKS = ("ending, %", "cloze, %", "last word, %")


def losses(table: Table) -> Any:
    """Loss of training and test text against parameters (the paper's figure 4)."""
    curves = {name: _column(table, name) for name in ("train", "test")}
    sizes = _column(table, "parameters")
    from common import figures

    return figures.curves(
        {name: (sizes, values) for name, values in curves.items()},
        "parameters",
        "nats a token",
        log_x=True,
        points=True,
    )


def zero_shot(table: Table) -> Any:
    """Right answers against parameters (the paper's figure 1)."""
    sizes = _column(table, "parameters")
    from common import figures

    return figures.curves(
        {name.removesuffix(", %"): (sizes, _column(table, name)) for name in TASKS},
        "parameters",
        "right, %",
        log_x=True,
        points=True,
    )


def _column(table: Table, name: str) -> list:
    """The column's values of those rows that are runs."""
    size = table.columns.index("parameters")
    column = table.columns.index(name)
    return [row[column] for row in table.rows if row[size] is not None]
