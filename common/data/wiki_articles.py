"""Real prose inside the gensim package: Wikipedia articles, and news stories.

gensim's test data have a piece of Wikipedia's dump of 2016 (CC BY-SA) and the stories
that Lee, Pincombe and Welsh (2005) had people compare. The package is not imported.
"""

import bz2
import dataclasses
import functools
import html
import importlib.util
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from common.contract import UserError

PAGES = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
STORIES = ("lee_background.cor", "lee.cor")  # 300 and 50


@dataclasses.dataclass(frozen=True)
class Article:
    """An article without markup: `lead` is what stands before the first heading, and an
    empty line ends each paragraph. `links` are (text as it stands, title that it leads
    to), in order."""

    title: str
    lead: str
    body: str
    links: tuple[tuple[str, str], ...]


@functools.cache
def articles() -> tuple[Article, ...]:
    """The articles that have prose, in the order of the dump: redirects, lists of other
    pages and templates are left out. UserError: gensim is not installed."""
    pages = ((title, text) for title, text in _pages() if text)
    found = (_article(title, text) for title, text in pages)
    return tuple(
        article
        for article in found
        if (article.lead or article.body) and not _POINTS.search(article.lead)
    )


@functools.cache
def news() -> tuple[str, ...]:
    """News stories of the Australian Broadcasting Corporation, of 2000 and 2001, each
    of some 200 words. UserError: gensim is not installed."""
    return tuple(
        line.strip()
        for name in STORIES
        for line in _file(name).read_bytes().decode("latin-1").split("\n")
        if line.strip()
    )


def _file(name: str) -> Path:
    package = importlib.util.find_spec("gensim")
    if package is None:
        raise UserError("articles and news are files of gensim: pip install gensim")
    (root,) = package.submodule_search_locations
    return Path(root) / "test" / "test_data" / name


def _pages() -> Iterator[tuple[str, str]]:
    """(title, wikitext) of each article; "" for the text of a redirect."""
    with bz2.open(_file(PAGES)) as stream:
        for _, element in ElementTree.iterparse(stream):
            if element.tag.endswith("}page"):
                parts = {part.tag.rpartition("}")[2]: part for part in element.iter()}
                if parts["ns"].text == "0":
                    text = "" if "redirect" in parts else parts["text"].text or ""
                    yield parts["title"].text, text
                element.clear()


_HEADING = re.compile(r"^==+\s*(.*?)\s*==+\s*$", re.MULTILINE)
# Sections at an article's end that have no prose.
_ENDINGS = re.compile(
    "see also|notes|references|further reading|external links|bibliography|footnotes|"
    "sources|works cited|notes and references|citations|gallery|works|publications",
    re.IGNORECASE,
)


def _article(title: str, text: str) -> Article:
    text = _without_blocks(text)
    pieces = _HEADING.split(text)
    prose = [pieces[0]]
    for heading, section in zip(pieces[1::2], pieces[2::2], strict=True):
        if _ENDINGS.fullmatch(heading):
            break
        prose.append(section)
    links: list[tuple[str, str]] = []
    plain = [_plain(piece, links) for piece in prose]
    return Article(title, plain[0], "\n\n".join(filter(None, plain[1:])), tuple(links))


_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_REFERENCE = re.compile(
    r"<(ref|math|gallery|timeline|table|score|code|pre|source|syntaxhighlight|chem)\b"
    r"(?:[^<>]*/>|[^<>]*>.*?</\1\s*>)",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_INNER = re.compile(r"\{\{((?:(?!\{\{|\}\}).)*)\}\}", re.DOTALL)
_TABLE = re.compile(r"\{\|(?:(?!\{\||\|\}).)*\|\}", re.DOTALL)
_MEDIA = re.compile(
    r"\[\[\s*(?:File|Image|Category|[a-z-]{2,12})\s*:(?:[^\[\]]|\[\[[^\[\]]*\]\]|"
    r"\[[^\[\]]*\])*\]\]",
    re.IGNORECASE,
)
_LINK = re.compile(r"\[\[([^\[\]|]*)(?:\|([^\[\]]*))?\]\]([a-z]*)")
_OUTSIDE = re.compile(r"\[(?:https?:|ftp:|//)[^\s\]]*\s*([^\]]*)\]")
_LEFT = ("[[", "]]", "{{", "}}", "|")  # of broken markup
# What templates leave behind that are gone, and what stands there instead.
_REMAINS = (
    (re.compile(r"\s+"), " "),
    (re.compile(r"\((?: [^()]*|[\s,;'.]*)\)"), ""),
    (re.compile(r"\([\s,;]+"), "("),
    (re.compile(r"[\s,;]+\)"), ")"),
    (re.compile(r" +(?=[,;.](?:\s|$))"), ""),
    (re.compile(r",(?:\s*,)+"), ","),
    (re.compile(r"  +"), " "),
)
_POINTS = re.compile(r"may (?:also )?refer to:?$")  # a list of other pages


def _without_blocks(text: str) -> str:
    """The text without comments, references, templates, tables and pictures."""
    text = _REFERENCE.sub("", _COMMENT.sub("", text))
    for pattern, by in ((_INNER, _template), (_TABLE, "")):
        count = 1
        while count:
            text, count = pattern.subn(by, text)
    return _MEDIA.sub("", text)


def _template(found: re.Match) -> str:
    """What a template reads as: a measure keeps its first number and unit."""
    name, *values = (part.strip() for part in found[1].split("|"))
    if name.lower() in ("convert", "cvt") and len(values) > 1:
        return f"{values[0]} {values[1]}"
    if name.lower() == "lang" and len(values) > 1:
        return values[1]
    return ""


def _plain(text: str, links: list[tuple[str, str]]) -> str:
    """Paragraphs of prose, with an empty line between them. Lists are left out."""

    def shown(link: re.Match) -> str:
        said = link[2] if link[2] is not None else link[1]
        links.append((said + link[3], link[1].partition("#")[0]))
        return said + link[3]

    paragraphs = []
    for line in text.split("\n"):
        if line.strip() and line[0] not in "*#:;|!{}= <" and len(line.split()) > 3:
            line = _OUTSIDE.sub(r"\1", _LINK.sub(shown, line))
            line = _TAG.sub("", html.unescape(line)).replace("'''", "")
            line = line.replace("''", "")
            for pattern, by in _REMAINS:
                line = pattern.sub(by, line)
            if not any(mark in line for mark in _LEFT):
                paragraphs.append(line.strip())
    return "\n\n".join(filter(None, paragraphs))
