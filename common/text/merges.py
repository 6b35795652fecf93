"""Byte-pair encoding (Sennrich et al. 2016): merges learnt from pieces of text, and
pieces merged into tokens. Both by the library `tokenizers`."""

import collections
import json
import os
from collections.abc import Callable, Iterable

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from common.contract import UserError

Pair = tuple[str, str]
_SEEN_TWICE = 2  # a pair that is seen once is no pattern


def learn(
    texts: Iterable[str], letters: Iterable[str], size: int
) -> tuple[list[str], list[Pair]]:
    """Merges the most frequent pair of neighbours again and again.

    The same texts give the same merges: ties go to the pair with the lower ids, and
    letters are numbered by their code point. (The library's own mark of word ends is
    numbered by a hash that differs from run to run, so we do not use it.)

    Args:
      texts: pieces with spaces between them; no pair crosses a space.
      letters: the characters of the texts.
      size: the largest number of tokens; fewer where no pair is left that occurs twice.

    Returns:
      The tokens by id, letters first, and the merges by rank.
    """
    # Its threads would print a warning into every process that is forked later.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=_SEEN_TWICE,
        initial_alphabet=list(letters),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [(left, right) for left, right in model["merges"]]


def merger(
    tokens: tuple[str, ...], merges: tuple[Pair, ...], **options: str
) -> Callable[[str], list[int]]:
    """`f(piece) -> ids`: of the pairs of neighbours in a piece the one of lowest rank
    is merged, until none is left.

    Args:
      tokens: by id.
      merges: by rank.
      **options: of the library: `end_of_word_suffix`, which the last letter of a piece
        has; `unk_token`, for letters that are not in the vocabulary.
    """
    id_of = {token: i for i, token in enumerate(tokens)}
    model = models.BPE(id_of, list(merges), **options)
    return lambda piece: [token.id for token in model.tokenize(piece)]


def check(tokens: tuple[str, ...], merges: tuple[Pair, ...]) -> None:
    """UserError: the merges are not those of the vocabulary, or not in order."""
    if not tokens:
        raise UserError("the vocabulary is empty")
    known = {*tokens}
    if len(known) < len(tokens):
        twice = collections.Counter(tokens).most_common(1)[0][0]
        raise UserError(f"the vocabulary has {twice!r} twice")
    if broken := [*filter(_broken, tokens)]:
        raise UserError(f"token {broken[0]!r} of the vocabulary is no Unicode text")
    first: dict[Pair, int] = {}
    for rank, pair in enumerate(merges):
        where = f"merge {rank + 1}, {' '.join(pair)!r}"
        if pair in first:
            raise UserError(f"{where}, is merge {first[pair] + 1} again")
        first[pair] = rank
        for token in (*pair, "".join(pair)):
            if token not in known:
                raise UserError(
                    f"{where}, needs {token!r}, which is not in the vocabulary: give "
                    "the vocabulary and the merges of one tokeniser"
                )


def _broken(token: str) -> bool:
    """Whether a token has half a character of UTF-16."""
    return any("\ud800" <= letter < "\ue000" for letter in token)


def made_by_none(tokens: Iterable[str], merges: Iterable[Pair]) -> list[str]:
    """The tokens that no merge makes: letters, marks such as <|endoftext|>, and where
    merges are missing, others."""
    products = {left + right for left, right in merges}
    return [token for token in tokens if token not in products]
