"""The most probable classes of a user's pictures or texts: a table for readers, records
for programs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from common.contract import Records, Table
from common.host import to_host
from common.pixels import Picture, as_channels

Answer = tuple[dict[str, str], Float[np.ndarray, "classes"]]
Images = Shaped[np.ndarray, "images height width channels"]


def top_classes(
    answers: Iterable[Answer],
    class_names: Sequence[str],
    top: int,
    skipped: Sequence[str] = (),
) -> Iterator[tuple[str, Table] | Records]:
    """The `top` most probable classes of each answer.

    answers: pairs of a question, such as {"input": "a.png", "model": "teacher"}, and
      the probabilities of all classes. All questions have the same keys.
    skipped: names of the pictures that could not be read.
    """
    rows = []
    records = []
    question: dict[str, str] = {"input": ""}
    for question, probabilities in answers:
        classes = best(class_names, probabilities)[:top]
        rows += [
            [*question.values(), rank, each["name"], each["probability"]]
            for rank, each in enumerate(classes, start=1)
        ]
        records.append({**question, "classes": classes})
    columns = (*question, "rank", "class", "probability")
    note = f"skipped, unreadable: {', '.join(skipped)}" if skipped else ""
    yield "Most probable classes", Table(columns, rows, note)
    unread = [{"input": name, "error": "not a readable picture"} for name in skipped]
    yield Records([*records, *unread])


def best(
    class_names: Sequence[str], probabilities: Float[np.ndarray, "classes"]
) -> list[dict[str, Any]]:
    """[{"name", "probability"}, ...] of all classes, the most probable first."""
    order = np.argsort(-probabilities, kind="stable")
    return [
        {"name": class_names[i], "probability": float(probabilities[i])} for i in order
    ]


def in_batches(
    run: Callable[[Images], Any], images: Images, rows: int
) -> Float[np.ndarray, "images classes"]:
    """`run` of all images, at most `rows` at once. All batches have one shape, so that
    one program serves them."""
    size = min(rows, len(images))
    found = []
    for start in range(0, len(images), size):
        part = images[start : start + size]
        batch = np.zeros((size, *part.shape[1:]), part.dtype)
        batch[: len(part)] = part
        found.append(to_host(run(batch))[: len(part)])
    return np.concatenate(found)


def as_images(
    pictures: Iterable[Any], channels: int, fit: Callable[[Picture], Picture]
) -> dict[str, Picture]:
    """A user's arrays, fitted, by their numbers. UserError: as of
    `as_channels`."""
    return {
        str(i): fit(as_channels(picture, channels))
        for i, picture in enumerate(pictures)
    }


def answers(
    names: Iterable[str], probabilities: Float[np.ndarray, "images classes"]
) -> Iterator[Answer]:
    """Questions of pictures with their answers."""
    for name, p in zip(names, probabilities, strict=True):
        yield {"input": name}, p
