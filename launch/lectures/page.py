"""The pages as HTML. They open from disk and ask nothing of the network; pictures are
files beside them, for slides."""

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from common import formulas
from common.cells import format_cell
from launch.lectures.shown import Shown, Value
from launch.lectures.sources import Source
from launch.reports.page import document
from launch.reports.results import Result
from launch.reports.tables import html_table


def page(title: str, shown: Sequence[Shown], folder: Path) -> str:
    """A paper's items one after another: formula, code, pictures and tables."""
    contents = "".join(
        f'<li><a href="#{slug(one)}">{escape(one.item.name)}</a> '
        f"{escape(one.item.what)}</li>"
        for one in shown
    )
    sections = "\n".join(_section(one, folder) for one in shown)
    body = f"<nav><ol>{contents}</ol></nav>\n{sections}"
    return document(title, body, style=MORE)


def overview(papers: Mapping[str, Sequence[Shown]]) -> str:
    """All papers: a table of item, source and picture for each."""
    parts = []
    for name, shown in papers.items():
        rows = "\n".join(_row(name, one) for one in shown)
        head = "<tr><th>item</th><th>function or command</th><th>ours</th></tr>"
        parts.append(
            f'<h2 id="{name}"><a href="{name}/index.html">{name}</a></h2>\n'
            f'<table class="items">{head}\n{rows}</table>'
        )
    links = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in papers)
    body = f"<nav><ol>{links}</ol></nav>" + "\n".join(parts)
    return document("Papers in lectures", body, style=MORE)


def slug(one: Shown) -> str:
    words = f"{one.item.name} {one.item.what}"
    return re.sub(r"[\W_]+", "-", words.lower()).strip("-")


def _section(one: Shown, folder: Path) -> str:
    item = one.item
    parts = [
        f'<section id="{slug(one)}"><h2>{escape(item.name)}</h2>',
        f"<p>{escape(item.what)}</p>",
    ]
    if item.formula:
        parts.append(f'<div class="formula">{formulas.svg(item.formula)}</div>')
    parts += [_code(source, folder) for source in one.sources]
    parts += [_value(value) for value in one.values]
    if one.missing:
        parts.append(f"<p>To make it:</p><pre>{escape(one.command)}</pre>")
    if item.note:
        parts.append(f'<p class="note">{escape(item.note)}</p>')
    return "\n".join([*parts, "</section>"])


def _code(source: Source, folder: Path) -> str:
    """A function's name, its first line, where it is, and its text when unfolded."""
    link = Path(os.path.relpath(source.file, folder)).as_posix()
    said = f" {escape(source.doc)}" if source.doc else ""
    return (
        f"<details><summary><code>{escape(source.name)}</code>{said} "
        f'<a href="{escape(link)}">{escape(source.place)}</a></summary>'
        f"<pre>{escape(source.text)}</pre></details>"
    )


def _value(value: Value) -> str:
    result = value.result
    caption = escape(result.name)
    if value.command:
        caption += f", of <code>{escape(value.command)}</code>"
    match result.kind:
        case "figure" | "pair":
            body = "".join(
                f'<img src="{escape(file)}" alt="{escape(name)}">'
                for name, file in pictures(result).items()
            )
        case "table":
            body = html_table(result.value)
        case "text":
            body = f"<pre>{escape(result.value)}</pre>"
        case _:
            body = f'<p class="number">{format_cell(result.value)}</p>'
    return f"<figure>{body}<figcaption>{caption}</figcaption></figure>"


def pictures(result: Result) -> dict[str, str]:
    """{what it shows: its PNG file} of a figure or of a pair; {}: it has none."""
    match result.kind:
        case "figure":
            return {result.name: result.value}
        case "pair":
            return dict(result.value)
    return {}


def _row(paper: str, one: Shown) -> str:
    link = f"{paper}/index.html#{slug(one)}"
    sources = [source.name for source in one.sources]
    sources += [one.command] if one.missing or not sources else []
    code = "<br>".join(f"<code>{escape(name)}</code>" for name in sources)
    return (
        f'<tr><td><a href="{link}">{escape(one.item.name)}</a><br>'
        f"{escape(one.item.what)}</td><td>{code}</td><td>{_small(paper, one)}</td></tr>"
    )


def _small(paper: str, one: Shown) -> str:
    """The first picture, or the formula, or a word of what the paper's page has."""
    link = f"{paper}/index.html#{slug(one)}"
    for value in one.values:
        for name, file in pictures(value.result).items():
            image = f'src="{escape(f"{paper}/{file}")}" alt="{escape(name)}"'
            return f'<a href="{link}"><img {image} loading="lazy"></a>'
    if one.values:
        first = one.values[0].result
        return f'<a href="{link}">{first.kind}: {escape(first.name)}</a>'
    if one.item.formula:
        return formulas.svg(one.item.formula)
    if one.command:
        return f"<code>{escape(one.command)}</code>"
    return f'<a href="{link}">the code</a>'


MORE = """\
.formula { margin: 0.8rem 0; overflow-x: auto; }
.formula svg, .items svg { max-width: 100%; height: auto; }
details { margin: 0.3rem 0; font-size: 0.925rem; }
summary { cursor: pointer; }
figure { margin-top: 1.2rem; }
code { font-size: 0.875em; }
.items { width: 100%; table-layout: fixed; }
.items td { overflow-wrap: anywhere; }
.items img { max-width: 100%; max-height: 10rem; background: #fff; }
"""
