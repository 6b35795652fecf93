"""Pictures with boxes around their objects, whatever set they come from."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from common.contract import UserError
from common.data.image_set import Pictures
from common.pixels import Picture
from common.truth import Truth, Truths


@dataclasses.dataclass(frozen=True)
class AnnotatedImages:
    """Items that are looked up by index.

    Attributes:
      names: of the classes, which the objects' `classes` index.
      pictures: uint8 [n, height, width, 3], or pictures that are decoded on access,
        None where one cannot be read.
      truths: the objects of each picture.
      category_ids: the classes' numbers in COCO's json, which have gaps; of other sets
        1, 2, and so on.
      sizes: int [n, 2], height and width of each picture.
    """

    names: tuple[str, ...]
    pictures: np.ndarray | Pictures
    truths: Sequence[Truth]
    category_ids: tuple[int, ...] = ()
    sizes: Int[np.ndarray, "n 2"] | None = None

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.truths):
            both = f"{len(self.pictures)} pictures and {len(self.truths)} truths"
            raise UserError(f"a set of {both}: each picture needs its own")
        if type(self.truths) is not Truths:
            object.__setattr__(self, "truths", Truths(self.truths))
        if not self.category_ids:
            numbers = tuple(range(1, len(self.names) + 1))
            object.__setattr__(self, "category_ids", numbers)
        if self.sizes is None:
            same = np.array([self.pictures.shape[1:3]] * len(self))
            object.__setattr__(self, "sizes", same.reshape(-1, 2))

    def __len__(self) -> int:
        return len(self.truths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """{"image": `picture(index)`, "truth": `truth(index)`}."""
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return {"image": self.picture(index), "truth": self.truth(index)}

    @property
    def decoded_on_access(self) -> bool:
        """Whether a picture costs milliseconds: it is not in memory."""
        return not isinstance(self.pictures, np.ndarray)

    def picture(self, index: int) -> Picture | None:
        """RGB [height, width, 3]; None, after a warning, where it cannot be read.
        UserError: it is of another size than its boxes are for."""
        return self.pictures[index]

    def truth(self, index: int) -> Truth:
        return self.truths[index]

    def with_names(self, names: Sequence[str]) -> "AnnotatedImages":
        """The set with its classes in this order, among others that it has none of.
        UserError: it has a class that is not one of them."""
        names = tuple(names)
        if names == self.names:
            return self
        missing = [name for name in self.names if name not in names]
        if missing:
            known = ", ".join(names[:8]) + ", ..." * (len(names) > 8)
            raise UserError(
                f"the set has the class {missing[0]!r}, and not only {known}"
            )
        numbers = np.array([names.index(name) for name in self.names], np.int32)
        ids = dict(zip(self.names, self.category_ids, strict=True))
        free = iter(sorted({*range(1, len(ids) + len(names) + 1)} - {*ids.values()}))
        return dataclasses.replace(
            self,
            names=names,
            truths=[
                dataclasses.replace(x, classes=numbers[x.classes]) for x in self.truths
            ],
            category_ids=tuple(
                ids[name] if name in ids else next(free) for name in names
            ),
        )

    def take(self, indices: Int[np.ndarray, "m"] | Sequence[int]) -> "AnnotatedImages":
        """The set of these items, in this order."""
        indices = np.asarray(indices, int)
        if self.decoded_on_access:
            pictures = Chosen(self.pictures, indices)
        else:
            pictures = self.pictures[indices]
        truths = [self.truths[i] for i in indices]
        return dataclasses.replace(
            self, pictures=pictures, truths=truths, sizes=self.sizes[indices]
        )


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Some of the pictures."""

    pictures: Pictures
    indices: Int[np.ndarray, "m"]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Picture | None:
        return self.pictures[int(self.indices[index])]
