"""ACE 2004 and 2005: the text of a .sgm, and its entities' heads and relations in the
.apf.xml beside it.

Offsets count the characters of the .sgm without its tags, and an END is inclusive. A
reference such as &amp; counts as one character or as five; what fits the heads counts.
Entities are the heads of mentions, as in Li and Ji 2014, with their coarse types.
"""

import html
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from common.contract import UserError
from common.files import texts
from papers.sptree.sources import layout, spans
from papers.sptree.sources.annotated_sentence import AnnotatedSentence, Dropped

HOLDS = (
    "a folder with .apf.xml and .sgm files, or with folders train, dev, test of them"
)
_TAG = re.compile(r"<[^<>]*>")
_TEXT = re.compile(r"<TEXT>(.*)</TEXT>", re.DOTALL | re.IGNORECASE)


def read(root: str, trees: layout.Trees) -> layout.Read:
    """The folder's sentences. UserError: see `HOLDS`, or a wrong file."""
    about = "ACE's heads and relations"
    return layout.of_documents(root, HOLDS, ".apf.xml", document, trees, about)


def document(
    apf: Path, trees: layout.Trees, dropped: Dropped
) -> list[AnnotatedSentence]:
    """The sentences of one .apf.xml and the .sgm beside it."""
    name = apf.name.removesuffix(".apf.xml")
    sgm = apf.with_name(f"{name}.sgm")
    if not sgm.exists():
        raise UserError(f"{str(apf)!r} has no {sgm.name} beside it")
    text = _without_tags(sgm)
    try:
        root = ElementTree.fromstring(texts.read(apf))
    except ElementTree.ParseError as error:
        raise UserError(f"{str(apf)!r} is not XML: {error}") from None
    try:
        entities = _entities(root, text, str(apf))
    except UserError:
        plain = html.unescape(text)
        if plain == text:
            raise
        text = plain
        entities = _entities(root, text, str(apf))
    relations = _relations(root, str(apf))
    known = {entity.key for entity in entities}
    kept = [link for link in relations if {link.head, link.tail} <= known]
    for link in relations:
        if not {link.head, link.tail} <= known:  # a value or a time
            dropped.relation("lost entity", link.kind)
    return spans.annotated(text, entities, kept, name, trees, dropped)


def _without_tags(sgm: Path) -> str:
    """The characters that offsets count. What is outside <TEXT> is blank, so that no
    sentence is made of it."""
    source = texts.read(sgm).decode().replace("\r\n", "\n")
    body = _TEXT.search(source)
    if not body:
        raise UserError(f"{str(sgm)!r} has no <TEXT> element")
    before = _TAG.sub("", source[: body.start(1)])
    inside = _TAG.sub("", body[1])
    return re.sub(r"\S", " ", before) + inside


def _entities(root: ElementTree.Element, text: str, where: str) -> list[spans.Marked]:
    found = []
    for entity in root.iter("entity"):
        kind = entity.get("TYPE", "")
        for mention in entity.iter("entity_mention"):
            head = mention.find("head/charseq")
            if head is None:
                raise UserError(f"{where}: mention {mention.get('ID')} has no head")
            start, end = _place(head, f"{where}, mention {mention.get('ID')}")
            said = " ".join((head.text or "").split())
            own = " ".join(html.unescape(text[start:end]).split())
            if said and own != said:
                raise UserError(
                    f"{where}: mention {mention.get('ID')} is {said[:40]!r}, and the "
                    f".sgm has {own[:40]!r} at characters {start} to {end - 1}"
                )
            if text[start:end].strip():
                found.append(spans.Marked(mention.get("ID", ""), kind, start, end))
    return found


def _place(head: ElementTree.Element, where: str) -> tuple[int, int]:
    try:
        return int(head.get("START", "")), int(head.get("END", "")) + 1
    except ValueError:
        raise UserError(f"{where}: START and END are whole numbers") from None


def _relations(root: ElementTree.Element, where: str) -> list[spans.Linked]:
    """Relations of mentions, as ACE 2005 and as ACE 2004 write them."""
    found = []
    for relation in root.iter("relation"):
        kind = relation.get("TYPE", "")
        for mention in relation.iter("relation_mention"):
            ends = {}
            for child in mention.iter():
                role = child.get("ROLE") or f"Arg-{child.get('ARGNUM')}"
                key = child.get("REFID") or child.get("ENTITYMENTIONID")
                if key and role in ("Arg-1", "Arg-2"):
                    ends[role] = key
            if len(ends) != 2:
                raise UserError(
                    f"{where}: relation {mention.get('ID')} has no Arg-1 and Arg-2"
                )
            found.append(spans.Linked(kind, ends["Arg-1"], ends["Arg-2"]))
    return found
