"""WMT: a translation is what follows "sentence =" after examples of that form."""

import html
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from common.contract import UserError
from common.files import storage
from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.conversation import first_line
from papers.gpt2.zero_shot.model import Model, prompts
from papers.gpt2.zero_shot.sentences import sentences

TOKENS = 128
_SEGMENT = re.compile(r"<seg\b[^>]*>(.*?)</seg>", re.DOTALL | re.IGNORECASE)
_FORM = "a sentence, a tab and its translation a line"


class Pair(NamedTuple):
    source: str
    target: str


def read(root: str | Path, source: str = "en", target: str = "fr") -> files.Found[Pair]:
    """Sentences and their translations under `root`: newstest*-src.<source>.sgm and
    -ref.<target>.sgm as WMT gives them, two parallel files that end in .<source> and
    .<target>, or a .tsv of two columns, whose name says their order: en-fr.tsv. A root
    that is a file has the source first. An empty side is skipped."""
    path = storage.path(root)
    if path.is_file():
        return files.gather(path, files.read_lines(path), _from_columns, _FORM)
    what = f"{source}-{target} newstest"
    same, turned = (f"*{a}?{b}*.tsv" for a, b in ((source, target), (target, source)))
    own = files.find(root, (*_names("src", source, target), same, turned), what)
    if ".tsv" in own.name.lower():
        found = files.gather(own, files.read_lines(own), _from_columns, _FORM)
        if files.fits(own, same):
            return found
        return found._replace(items=tuple(Pair(b, a) for a, b in found.items))
    other = files.find(root, _names("ref", target, source), what)
    sides = _sentences(own), _sentences(other)
    if len(sides[0]) != len(sides[1]):
        counts = f"{own.name!r} has {len(sides[0])}, {other.name!r} {len(sides[1])}"
        raise UserError(f"the sentences of both languages differ in number: {counts}")
    parts = [
        (f"{own.name}, sentence {number}", pair)
        for number, pair in enumerate(zip(*sides, strict=True), 1)
    ]
    filled = [part for part in parts if all(part[1])]
    skipped = tuple(f"{place}: an empty side" for place, pair in parts if not all(pair))
    if not filled:
        raise UserError(f"no sentences in {str(own)!r} and {str(other)!r}")
    return files.Found(tuple(Pair(*pair) for _, pair in filled), skipped)


def _names(side: str, language: str, other: str) -> tuple[str, ...]:
    return (
        f"newstest*-{language}{other}-{side}.{language}.sgm",
        f"newstest*-{other}{language}-{side}.{language}.sgm",
        f"newstest*-{side}.{language}.sgm",
        f"newstest*.{language}",
        f"*.{language}",
    )


def _sentences(path: Path) -> list[str]:
    """The sentences of a side, empty ones too: their places pair them."""
    found = files.text(path)
    if ".sgm" in path.name.lower():
        inner = _SEGMENT.findall(found)
        return [" ".join(html.unescape(each).split()) for each in inner]
    return [line.strip() for line in found.removesuffix("\n").split("\n")]


def _from_columns(line: str) -> Pair:
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) != 2 or not all(columns):
        raise files.Broken(f"{sum(map(bool, columns))} filled columns of 2")
    return Pair(*columns)


def score(
    model: Model, pairs: Sequence[Pair], *, shots: int = 5, seed: int = 0
) -> dict[str, float]:
    """BLEU of the first sentence of each greedy translation (section 3.7: English to
    French 5, French to English 11.5).

    The first `shots` pairs are the examples, "english = french" a line, and are not
    counted. BLEU is sacrebleu's, with its own tokens ("13a"); the paper does not say
    which it took.
    """
    examples, rest = pairs[:shots], pairs[shots:]
    if not rest:
        raise UserError(f"{len(pairs)} pairs are too few after {shots} examples")
    shown = "".join(f"{each.source} = {each.target}\n" for each in examples)
    pairs = [("", f"{shown}{each.source} =") for each in rest]
    asking = prompts(model, pairs, TOKENS)
    texts = model.continue_(asking.texts, TOKENS, top_k=1, seed=seed)
    found = [" ".join(sentences(first_line(text))[:1]) for text in texts]
    return {
        "bleu": bleu(found, [each.target for each in rest]),
        "cropped": asking.cropped,
        "items": len(rest),
    }


def bleu(found: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU of 0 to 100. UserError: sacrebleu is not installed."""
    if importlib.util.find_spec("sacrebleu") is None:
        raise UserError("BLEU needs sacrebleu: pip install '.[translation]'")
    import sacrebleu

    return sacrebleu.corpus_bleu([*found], [[*references]]).score
