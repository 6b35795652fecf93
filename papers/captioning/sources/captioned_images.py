"""Pictures with captions, whatever set they come from."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from common.contract import UserError
from common.data.annotated import Chosen
from common.data.image_set import Pictures
from common.pixels import Picture


@dataclasses.dataclass(frozen=True, eq=False)
class CaptionedImages:
    """Items that are looked up by index.

    Attributes:
      names: of the pictures: a file's name, or a set's id.
      pictures: uint8 [n, height, width, 3], or pictures that are decoded on access,
        None where one cannot be read.
      texts: the captions of each picture, one at least, as the set has them.
    """

    names: tuple[str, ...]
    pictures: np.ndarray | Pictures
    texts: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        counts = len(self.names), len(self.pictures), len(self.texts)
        if len({*counts}) > 1:
            names, pictures, texts = counts
            raise UserError(
                f"{names} names, {pictures} pictures and captions of {texts}: each "
                "picture needs its own"
            )
        for name, own in zip(self.names, self.texts, strict=True):
            if not own:
                raise UserError(f"the picture {name!r} has no caption")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def decoded_on_access(self) -> bool:
        """Whether a picture costs milliseconds: it is not in memory."""
        return not isinstance(self.pictures, np.ndarray)

    def picture(self, index: int) -> Picture | None:
        """RGB [height, width, 3]; None, after a warning, where it cannot be read."""
        return self.pictures[index]

    def captions(self, index: int) -> tuple[str, ...]:
        return self.texts[index]

    def take(self, indices: Int[np.ndarray, "m"] | Sequence[int]) -> "CaptionedImages":
        """The set of these items, in this order."""
        indices = np.asarray(indices, int)
        if self.decoded_on_access:
            pictures = Chosen(self.pictures, indices)
        else:
            pictures = self.pictures[indices]
        return CaptionedImages(
            tuple(self.names[i] for i in indices),
            pictures,
            tuple(self.texts[i] for i in indices),
        )


Splits = dict[str, CaptionedImages]  # "train", "valid", "test"
