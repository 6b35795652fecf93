"""The most probable next word: a beam over its tokens, closed where a new word begins.

A word is a token " letters" or " ", and tokens "letters" after it. Its probability is
that of its tokens times that of all tokens that end it: those which begin with anything
but a letter or a digit, and end-of-text. " the" followed by "m" is thus no occurrence
of "the". Of several ways to write a word in tokens the most probable one counts.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from papers.gpt2.zero_shot.model import Ids, Model, before

# Function words: articles, pronouns, prepositions, conjunctions, auxiliaries, and
# adverbs without a subject of their own. The paper does not print its list.
_FUNCTION_WORDS = """
a about above after again against ain all also am an and any anyone anything are aren
around as at away back be because been before behind being below between both but by can
cannot could couldn did didn do does doesn doing don done down during each either else
even ever every everyone everything few for from further get go going gone got had hadn
has hasn have haven having he her here hers herself him himself his how however i if in
into is isn it its itself just like ll made make many may me might mine more most much
must my myself neither never no nobody none nor not nothing now of off on once one only
onto or other others our ours ourselves out over own re said same say says see shall she
should shouldn so some someone something still such t than that the their theirs them
themselves then there these they thing things this those though through to together too
toward towards two under until up upon us ve very was wasn way we well were weren what
whatever when where whether which while who whom whose why will with within without won
would wouldn yes yet you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
BEAM = 16
MAX_TOKENS = 12  # a longer word is not found; 12 characters, where those are tokens


class _Open(NamedTuple):
    """A word that may still go on."""

    log_prob: float
    tokens: tuple[int, ...]


class Words:
    """The kinds of a vocabulary's tokens, read once."""

    def __init__(self, model: Model, stop_words: frozenset[str] = STOP_WORDS):
        self.model = model
        self.stop_words = stop_words
        self._begins = np.zeros(0, bool)  # [vocab], read with the first probabilities
        self._continues = np.zeros(0, bool)

    def best(self, context: str, spaced: bool = True, beam: int = BEAM) -> str:
        """The most probable word after `context` that is not a stop word; "" where the
        beam finds none. With `spaced` a space is before it, which the context lacks.

        The beam keeps the `beam` most probable open words of each length. It ends when
        no open word is as probable as the best closed one, which no longer word can
        then reach: exact but for words that fell off the beam or are too long.
        """
        ids = before(self.model, context)
        begins = self._log_probs([ids])[0]
        self._read_kinds(len(begins))
        first = self._begins if spaced else self._continues
        opened = self._longer([_Open(0.0, ())], begins[None], first, beam)
        best = (-np.inf, "")
        for _ in range(MAX_TOKENS):
            if not opened or opened[0].log_prob <= best[0]:
                break
            rows = self._log_probs([np.append(ids, word.tokens) for word in opened])
            for word, row in zip(opened, rows, strict=True):
                closed = word.log_prob + _log_sum(row[~self._continues])
                text = self.model.decode(np.asarray(word.tokens)).strip()
                if text and text.lower() not in self.stop_words:
                    best = max(best, (closed, text))
            opened = self._longer(opened, rows, self._continues, beam)
        return best[1]

    def _log_probs(self, sequences: list[Ids]) -> Float[np.ndarray, "rows vocab"]:
        length = self.model.context_length
        cropped = [np.asarray(ids[-length:], np.int32) for ids in sequences]
        return np.asarray(self.model.next_log_probs(cropped), np.float64)

    def _longer(
        self,
        opened: list[_Open],
        rows: Float[np.ndarray, "rows vocab"],
        allowed: Bool[np.ndarray, "vocab"],
        beam: int,
    ) -> list[_Open]:
        """The most probable words of one token more, best first."""
        ids = np.flatnonzero(allowed)
        total = np.asarray([word.log_prob for word in opened])[:, None] + rows[:, ids]
        order = np.argsort(-total, axis=None, kind="stable")[:beam]
        places = zip(*np.unravel_index(order, total.shape), strict=True)
        return [
            _Open(float(total[row, at]), (*opened[row].tokens, int(ids[at])))
            for row, at in places
            if np.isfinite(total[row, at])
        ]

    def _read_kinds(self, size: int) -> None:
        if len(self._begins):
            return
        pieces = [self.model.decode(np.asarray([i])) for i in range(size)]
        spaced = [p == " " or (p[:1] == " " and p[1:].isalnum()) for p in pieces]
        plain = [_inside(piece) for piece in pieces]
        self._begins = np.asarray(spaced)
        self._continues = np.asarray(plain)
        for kind in (self._begins, self._continues):
            kind[self.model.end] = False


def _inside(piece: str) -> bool:
    """Letters or digits; U+FFFD is a part of a letter of several bytes."""
    return bool(piece) and piece.replace("\ufffd", "a")[0].isalnum()


def _log_sum(log_probs: Float[np.ndarray, "n"]) -> float:
    top = log_probs.max(initial=-np.inf)
    return float(top + np.log(np.exp(log_probs - top).sum())) if top > -np.inf else top
