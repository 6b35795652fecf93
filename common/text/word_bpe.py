"""Byte-pair encoding of lower-case words, the vocabulary of GPT (Radford et al. 2018).

The last letter of a word carries </w>: "low" is l o w</w> before any merge.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from common.contract import UserError
from common.text import cleaning, english
from common.text import merges as bpe
from common.text.parts import parts
from common.text.vocab import Decoder, Vocab

UNK = "<unk>"
WORD_END = "</w>"
LINE_END = "\n" + WORD_END
_REMEMBERED = 2**18  # words whose ids are looked up
_PRIVATE = range(0xF0000, 0x10FFFE)  # characters that nobody has given a meaning


@dataclasses.dataclass(frozen=True, repr=False)
class WordBPE(Vocab):
    """Letters, word-final letters, and merges within English words in lower case.

    Text comes back from ids in lower case, with space around signs and between the
    parts of contractions, as GPT writes it: "do n't , he said". Letters that are not in
    the vocabulary become <unk>. UserError: merges do not fit the vocabulary.
    """

    tokens: tuple[str, ...]  # by id
    merges: tuple[bpe.Pair, ...]  # by rank
    splitter: str = english.RULES  # what cuts text into words

    unit = "word_bpe"

    def __str__(self) -> str:
        return f"{super().__str__()}, words by the rules {self.splitter}"

    def __post_init__(self):
        bpe.check(self.tokens, self.merges)
        if UNK not in self.tokens:
            raise UserError(f"no {UNK} in the vocabulary: it is not GPT's kind")
        if self.splitter != english.RULES:
            raise UserError(
                f"this tokeniser cuts words by the rules {self.splitter!r}; this code "
                f"has {english.RULES!r}, by which a trained model would meet other ids"
            )

    @classmethod
    def of(cls, train: bytes | Iterable[bytes], *, vocab_size: int) -> "WordBPE":
        """The vocabulary of a text or of documents: <unk>, its letters by code point,
        the line end and the same letters as word-final ones, and merges.

        Args:
          train: text that is counted.
          vocab_size: the largest `size`; less where a text has fewer pairs.
        """
        documents = [train] if isinstance(train, bytes) else [*train]
        texts = [_cleaned(data) for data in documents]
        letters = sorted({*itertools.chain(*map(str.lower, texts))} - {" ", "\n"})
        least = 2 + 2 * len(letters)
        if vocab_size < least:
            raise UserError(
                f"vocab_size={vocab_size} must be {least} or more: the text has "
                f"{len(letters)} different letters, each also at the end of words"
            )
        # While merges are learnt, one character stands for a letter and its </w>.
        spare = (chr(code) for code in _PRIVATE if chr(code) not in letters)
        final = dict(zip(["\n", *letters], spare, strict=False))
        marked = functools.lru_cache(_REMEMBERED)(
            lambda chunk: " ".join(w[:-1] + final[w[-1]] for w in _chunk_words(chunk))
        )
        found, pairs = bpe.learn(
            (" ".join(map(marked, text.split(" "))) for text in texts),
            [*letters, *final.values()],
            vocab_size - 1,
        )
        plain = {ord(b): a + WORD_END for a, b in final.items()}
        tokens = (token.translate(plain) for token in found)
        merges = tuple((a.translate(plain), b.translate(plain)) for a, b in pairs)
        return cls((UNK, *tokens), merges)

    @property
    def size(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def marks(self) -> list[str]:
        """The tokens that are neither letters nor merged, such as <unk>."""
        found = bpe.made_by_none(self.tokens, self.merges)
        return [token for token in found if len(token.removesuffix(WORD_END)) != 1]

    @functools.cached_property
    def unk(self) -> int:
        return self.tokens.index(UNK)

    @functools.cached_property
    def eos(self) -> int | None:
        return self.tokens.index(LINE_END) if LINE_END in self.tokens else None

    def _encode(self, data: bytes) -> np.ndarray:
        ids_of = self._ids_of
        found = [np.zeros(0, np.int32)]
        for text in _cleaned_parts(data):
            ids: list[int] = []
            for chunk in text.split(" "):
                ids += ids_of(chunk)
            found.append(np.array(ids, np.int32))
        return np.concatenate(found)

    @functools.cached_property
    def _ids_of(self) -> Callable[[str], list[int]]:
        merge = bpe.merger(
            self.tokens, self.merges, end_of_word_suffix=WORD_END, unk_token=UNK
        )
        return functools.lru_cache(_REMEMBERED)(
            lambda chunk: [i for word in _chunk_words(chunk) for i in merge(word)]
        )

    def decoder(self) -> Decoder:
        space = ""  # written before the next word; none at the start of a line

        def decode(ids: ArrayLike, final: bool = False) -> str:
            nonlocal space
            pieces = []
            for i in self.checked(ids):
                token = self.tokens[i]
                line_end = token == LINE_END
                pieces += ["\n"] if line_end else [space, token.removesuffix(WORD_END)]
                space = " " if token.endswith(WORD_END) and not line_end else ""
            return "".join(pieces)

        return decode


def _cleaned_parts(data: bytes) -> Iterator[str]:
    """Text as `english.chunk_words` wants it, without white space around the whole."""
    held = ""  # white space: something must follow it
    started = False
    for part in parts(data):
        raw = part.decode("utf-8", "replace")
        text = held + cleaning.standardise(cleaning.fix(raw))
        body = text.rstrip()
        held = text[len(body) :]
        yield body if started else body.lstrip()
        started = started or bool(body)


def _cleaned(data: bytes) -> str:
    return "".join(_cleaned_parts(data))


def _chunk_words(chunk: str) -> list[str]:
    """The words of text between spaces, in lower case."""
    return [word.lower() for word in english.chunk_words(chunk)]
