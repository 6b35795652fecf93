"""The Winograd Schema Challenge: whom a pronoun means."""

import itertools
import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common.contract import UserError
from common.files import texts
from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.choices import accuracy, chance, most_probable
from papers.gpt2.zero_shot.model import Model

NAMES = ("wscollection.xml", "wsc273.json*", "wsc*.json*", "winograd*.json*")
_FORM = (
    "WSCollection.xml; or objects with text, pronoun, pronoun_loc, options and label; "
    "or pairs of objects with question_id, substitution and correctness"
)
_POSSESSIVE = ("his", "its", "their")
_LOWERED = ("A", "An", "The", "My", "His", "Her", "Their", "Our", "Its", "Your")


class Schema(NamedTuple):
    """before and after: the text around the pronoun, stripped. options: what may stand
    in its place, as it is written there."""

    before: str
    options: tuple[str, ...]
    after: str
    label: int


def read(root: str | Path) -> files.Found[Schema]:
    """The collection as XML; as JSON with the place of the pronoun; or as the pairs of
    whole sentences of Trinh and Le (2018), wsc273.json, which the paper takes.

    In the first two an option inside a sentence begins with a small article, and ends
    with 's in place of "his", "its" and "their". "her" gets none: its cases look alike.
    """
    path = files.find(root, NAMES, "Winograd schemas")
    if path.name.lower().removesuffix(".gz").endswith(".xml"):
        parts = enumerate(_schemas(path), 1)
        parse = _from_xml
    elif ".jsonl" in path.name.lower():
        parts = ((place, line) for place, line in files.read_lines(path))
        parse = _from_line
    else:
        found = texts.read_json(path)
        if not isinstance(found, list):
            raise UserError(f"{str(path)!r} is no JSON list; its form is {_FORM}")
        parts = enumerate(_pairs(found), 1)
        parse = _from_objects
    named = (
        (place if isinstance(place, str) else f"{path.name}, item {place}", part)
        for place, part in parts
    )
    return files.gather(path, named, parse, _FORM)


def _schemas(path: Path) -> list[ET.Element]:
    try:
        return ET.fromstring(files.text(path)).findall("schema")
    except ET.ParseError as error:
        raise UserError(f"{str(path)!r} is no XML: {error}") from None


def _from_xml(schema: ET.Element) -> Schema:
    before, pronoun, after = (
        " ".join((schema.findtext(f"text/{name}") or "").split())
        for name in ("txt1", "pron", "txt2")
    )
    options = [" ".join((each.text or "").split()) for each in schema.iter("answer")]
    letter = (schema.findtext("correctAnswer") or "").strip().strip(".").strip()
    if not (before or after) or not pronoun:
        raise files.Broken("no text/txt1, pron or txt2")
    if len(letter) != 1 or not 0 <= ord(letter.upper()) - ord("A") < len(options):
        raise files.Broken(f"the correct answer {letter!r} is none of {len(options)}")
    return _schema(before, pronoun, after, options, ord(letter.upper()) - ord("A"))


def _pairs(found: list[Any]) -> list[Any]:
    """The objects of one question together; objects with options by themselves."""
    if not all(isinstance(each, dict) for each in found):
        return found
    groups: dict[Any, list[Any]] = {}
    for index, each in enumerate(found):
        key = each.get("question_id") if "substitution" in each else f"item {index}"
        groups.setdefault(json.dumps(key), []).append(each)
    return [*groups.values()]


def _from_line(line: str) -> Schema:
    return _from_objects([files.json_object(line)])


def _from_objects(objects: list[dict[str, Any]]) -> Schema:
    if not isinstance(objects, list):
        raise files.Broken("no JSON object")
    if "substitution" in objects[0]:
        return _from_sentences(objects)
    return _from_place(objects[0])


def _from_place(found: dict[str, Any]) -> Schema:
    text = files.field(found, "text", str)
    pronoun = files.field(found, "pronoun", str)
    at = files.field(found, "pronoun_loc", int)
    options = files.field(found, "options", list)
    label = files.field(found, "label", int)
    if at < 0 or text[at : at + len(pronoun)] != pronoun:
        raise files.Broken(f"no pronoun {pronoun!r} at {at} of the text")
    if not 0 <= label < len(options):
        raise files.Broken(f"the label {label} is none of {len(options)} options")
    before, after = text[:at].strip(), text[at + len(pronoun) :].strip()
    return _schema(before, pronoun, after, [str(each) for each in options], label)


def _from_sentences(objects: list[dict[str, Any]]) -> Schema:
    """Whole sentences, which differ in the words of the options."""
    sentences = [files.field(each, "substitution", str).split() for each in objects]
    right = [files.field(each, "correctness", bool) for each in objects]
    if len(sentences) < 2 or right.count(True) != 1:
        raise files.Broken(f"{len(sentences)} sentences, {right.count(True)} correct")
    if len({*map(tuple, sentences)}) < len(sentences):
        raise files.Broken("the same sentence twice")
    start = _common(sentences)
    end = _common([words[start:][::-1] for words in sentences])
    while min(map(len, sentences)) <= start + end:  # "the man" and "the old man"
        start, end = (start - 1, end) if start else (start, end - 1)
    options = [" ".join(words[start : len(words) - end]) for words in sentences]
    words = sentences[0]
    before, after = " ".join(words[:start]), " ".join(words[len(words) - end :])
    if not after:
        raise files.Broken("nothing follows the options")
    return Schema(before, tuple(options), after, right.index(True))


def _common(lists: list[list[str]]) -> int:
    """How many words all lists begin with."""
    columns = zip(*lists, strict=False)
    return sum(
        1 for _ in itertools.takewhile(lambda words: len({*words}) == 1, columns)
    )


def _schema(
    before: str, pronoun: str, after: str, options: list[str], label: int
) -> Schema:
    placed = [_placed(each.strip(), before, pronoun) for each in options]
    if len({*placed}) < 2 or not all(placed):
        raise files.Broken("fewer than two options")
    if not after:
        raise files.Broken("nothing follows the pronoun")
    return Schema(before, tuple(placed), after, label)


def _placed(option: str, before: str, pronoun: str) -> str:
    """An option in the place of the pronoun."""
    first, space, rest = option.partition(" ")
    if before and before[-1] not in ".!?" and first in _LOWERED:
        option = first.lower() + space + rest
    if not before or before[-1] in ".!?":
        option = option[:1].upper() + option[1:]
    return option + "'s" * (pronoun.lower() in _POSSESSIVE)


def score(model: Model, schemas: Sequence[Schema]) -> dict[str, float]:
    """Accuracies by both rules of Trinh and Le (2018).

    full: the most probable whole sentence. partial: the most probable rest of the
    sentence, given the text up to the option and it. The paper has 70.70 (section 3.4).
    """
    full, _ = most_probable(model, [_sentences(item) for item in schemas])
    partial, _ = most_probable(model, [_rests(item) for item in schemas])
    labels = [item.label for item in schemas]
    return {
        "full": accuracy(full, labels),
        "partial": accuracy(partial, labels),
        "chance": chance([len(item.options) for item in schemas]),
        "items": len(schemas),
    }


def _sentences(item: Schema) -> list[tuple[str, str]]:
    return [("", _joined(item.before, each, item.after)) for each in item.options]


def _rests(item: Schema) -> list[tuple[str, str]]:
    after = _joined("|", item.after)[1:]
    return [(_joined(item.before, each), after) for each in item.options]


def _joined(*parts: str) -> str:
    """Parts with spaces between, none before punctuation."""
    text = ""
    for part in filter(None, parts):
        close = not text or part[0] in ",.;:!?)'"
        text += part if close else f" {part}"
    return text
