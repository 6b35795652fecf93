"""The Children's Book Test: which of ten words was taken out of the 21st sentence."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from common.contract import UserError
from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.choices import accuracy, chance, most_probable
from papers.gpt2.zero_shot.detokenise import BOOKS, detokenise
from papers.gpt2.zero_shot.model import Model

KINDS = {
    "CN": "common nouns",
    "NE": "named entities",
    "V": "verbs",
    "P": "prepositions",
}
BLANK = "XXXXX"
_FORM = (
    "20 numbered sentences and '21 a sentence with XXXXX', the answer, an empty column "
    "and the candidates a|b|c between tabs, then an empty line"
)


class Cloze(NamedTuple):
    """context: the text before the blank, without the space before it.
    after: what follows the blank, with its space. candidates: as in the text.
    label: which candidate is right. spaced: whether a space stands before the blank."""

    context: str
    after: str
    candidates: tuple[str, ...]
    label: int
    spaced: bool = True


def read(root: str | Path, kind: str = "CN") -> files.Found[Cloze]:
    """cbtest_<kind>_test_2500ex.txt; its text is de-tokenised.

    kind: "CN", common nouns, "NE", named entities, "V", verbs, or "P", prepositions.
    """
    if kind not in KINDS:
        known = ", ".join(f"{name} ({what})" for name, what in KINDS.items())
        raise UserError(f"no kind of cloze {kind!r}; there are: {known}")
    names = (f"cbtest_{kind}_test_*.txt", f"cbtest_{kind}_valid_*.txt")
    path = files.find(root, names, f"CBT {kind}")
    return files.gather(path, _groups(path), _parse, _FORM)


def _groups(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The lines of each item, which end with the query: empty lines may be missing."""
    lines: list[str] = []
    place = path.name
    for place, line in files.read_lines(path):
        lines.append(line)
        if "\t" in line:
            yield place, lines
            lines = []
    if lines:
        yield place, lines


def _parse(lines: list[str]) -> Cloze:
    columns = lines[-1].split("\t")
    if len(columns) < 3:
        raise files.Broken("no query with its answer and candidates")
    query, answer, candidates = columns[0], columns[1].strip(), columns[-1]
    sentences = [_sentence(line) for line in [*lines[:-1], query]]
    if sentences[-1].split(" ").count(BLANK) != 1:
        raise files.Broken(f"not one {BLANK} in the query")
    words = tuple(dict.fromkeys(filter(None, map(str.strip, candidates.split("|")))))
    if answer not in words:
        raise files.Broken(f"the answer {answer!r} is not a candidate")
    if len(words) < 2:
        raise files.Broken("a single candidate")
    text = detokenise("\n".join(sentences), BOOKS).replace("\n", " ")
    before, _, after = text.rpartition(BLANK)
    context = before.removesuffix(" ")
    return Cloze(context, after, words, words.index(answer), context != before)


def _sentence(line: str) -> str:
    number, space, sentence = line.strip().partition(" ")
    if not (space and number.isdecimal()):
        raise files.Broken(f"no number before {line[:30]!r}")
    return sentence.replace("-LRB-", "(").replace("-RRB-", ")")


def score(model: Model, clozes: Sequence[Cloze]) -> dict[str, float]:
    """The share of right choices: that of p(candidate and the rest of the sentence),
    given the text before the blank (section 3.2)."""
    items = [
        [(item.context, f"{' ' * item.spaced}{c}{item.after}") for c in item.candidates]
        for item in clozes
    ]
    best, cropped = most_probable(model, items)
    return {
        "accuracy": accuracy(best, [item.label for item in clozes]),
        "chance": chance([len(item.candidates) for item in clozes]),
        "cropped": cropped,
        "items": len(clozes),
    }
