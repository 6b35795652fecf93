"""How long a text is, in the units that its likelihood is reported by."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Counts:
    """Tokens that were predicted, and the bytes, words and lines that they stand for.

    A likelihood a byte or a word can be compared between tokenisers; a likelihood a
    token cannot. Words and bytes are of the file as published, also where the model
    reads another form of it (Radford et al. 2019, section 3.1).
    """

    tokens: int
    bytes: int
    words: int  # between white space
    lines: int  # line ends

    @classmethod
    def of(cls, tokens: int, original: bytes) -> "Counts":
        """The counts of a text, which `tokens` predicted tokens stand for."""
        words = len(original.decode("utf-8", "replace").split())
        return cls(tokens, len(original), words, original.count(b"\n"))

    def __add__(self, other: "Counts") -> "Counts":
        ours, theirs = map(dataclasses.astuple, (self, other))
        return Counts(*map(sum, zip(ours, theirs, strict=True)))

    def bits_per_byte(self, nats: float) -> float:
        """Of the summed negative log-likelihood of all tokens."""
        return nats / math.log(2) / self.bytes

    def perplexity(self, nats: float) -> float:
        """A token."""
        return math.exp(nats / self.tokens)

    def word_perplexity(self, nats: float) -> float:
        """A word between white space."""
        return math.exp(nats / self.words)
