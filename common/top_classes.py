"""The most probable classes of a user's pictures, as a table and as JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float

from common.contract import Table

Answer = tuple[dict[str, str], Float[np.ndarray, "classes"]]


def top_classes(
    answers: Iterable[Answer],
    class_names: Sequence[str],
    top: int,
    skipped: Sequence[str] = (),
) -> Iterator[tuple[str, Table | str]]:
    """The `top` most probable classes of each answer.

    answers: pairs of a question, such as {"image": "a.png", "model": "teacher"}, and
      the probabilities of all classes. All questions have the same keys.
    skipped: names of the pictures that could not be read.
    """
    rows = []
    records = []
    for question, probabilities in answers:
        best = np.argsort(-probabilities, kind="stable")[:top]
        classes = [(class_names[i], float(probabilities[i])) for i in best]
        rows += [[*question.values(), i + 1, *each] for i, each in enumerate(classes)]
        named = [dict(zip(("class", "probability"), c, strict=True)) for c in classes]
        records.append({**question, "classes": named})
    columns = (*question, "rank", "class", "probability")
    note = f"skipped, unreadable: {', '.join(skipped)}" if skipped else ""
    yield "Most probable classes", Table(columns, rows, note)
    yield "JSON", json.dumps(records, indent=1, ensure_ascii=False)
