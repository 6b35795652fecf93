"""The report as one HTML page: it opens from disk, asks nothing of the network, and can
be read without JavaScript. Links lead to the files beside it."""

import base64
import functools
import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from common.cells import format_cell
from common.contract import Table
from launch.reports.origin import ABOUT, address
from launch.reports.results import SUMMARY, Result
from launch.reports.tables import html_table

OWN = Path(__file__).parent  # the style sheet and the script lie beside this file
REFRESH = '<meta http-equiv="refresh" content="20">'  # seconds
INCH = 96  # CSS pixels
SCRIPTS = ("page.js", "chart.js", "curves.js")
SMALL = 512  # pixels: a picture is shown as often as large as fits in there


def page(
    title: str,
    results: Mapping[str, Result],
    facts: Mapping[str, str],
    folder: Path,
    *,
    links: Mapping[str, Sequence[str]],
    progress: str = "",
    reloads: bool = False,
) -> str:
    """HTML of results `{slug: Result}`, figures taken from their PNGs in `folder`.

    links: {what it is: addresses of files, relative to the page}.
    progress: HTML of how far the training is.
    reloads: the page loads itself again, until it is written without this.
    """
    sections = [
        _section(slug, result, facts, folder) for slug, result in results.items()
    ]
    shown = {name: fact for name, fact in facts.items() if name != ABOUT}
    rows = [f"<dt>{escape(k)}</dt><dd>{_linked(v)}</dd>" for k, v in shown.items()]
    rows += [f"<dt>{escape(k)}</dt><dd>{_links(v)}</dd>" for k, v in links.items()]
    about = f'<p class="about">{_linked(facts[ABOUT])}</p>' if ABOUT in facts else ""
    contents = _contents(results) if len(results) > 5 else ""
    footer = "\n".join(["<footer><dl>", *rows, "</dl></footer>"])
    script = f"<script>\n{''.join(map(_own, SCRIPTS))}</script>"
    parts = (about, progress, contents, *sections, footer, script)
    return document(title, "\n".join(parts), head=REFRESH if reloads else "")


def document(title: str, body: str, *, head: str = "", style: str = "") -> str:
    """A whole HTML page. `head` and `style` add to ours."""
    return DOCUMENT.format(
        title=escape(title), head=head, style=_own("page.css") + style, body=body
    )


def _section(slug: str, result: Result, facts: Mapping[str, str], folder: Path) -> str:
    """One result as HTML, its name above."""
    name = escape(result.name)
    match result.kind:
        case "figure":
            image = _image(folder / result.value, name)
            body = f'<figure><a href="{escape(result.value)}">{image}</a></figure>'
            if result.curves:
                text = (folder / result.curves).read_text(encoding="utf-8")
                body = drawn(body, text)
        case "pair":
            body = _pair(result.value, folder)
        case "table":
            body = html_table(_without_paper(result))
        case "text":
            body = f"<pre>{escape(result.value)}</pre>"
        case _:
            body = f'<p class="number">{format_cell(result.value)}</p>'
    where = address(result.source, facts)
    source = f' <a href="{escape(where)}">source</a>' if where else ""
    return f'<section id="{slug}"><h2>{name}{source}</h2>\n{body}</section>'


def _without_paper(result: Result) -> Table:
    """A summary goes into a table of all papers: on its own page it need not say which
    paper it is of."""
    table = result.value
    if result.name != SUMMARY or len({row[0] for row in table.rows}) != 1:
        return table
    return Table(table.columns[1:], [row[1:] for row in table.rows], table.note)


def _image(path: Path, name: str) -> str:
    """A picture of its own size, a figure of the inches that it was drawn for."""
    from PIL import Image

    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        width, dpi = image.width, image.info.get("dpi")
    times = 1 if dpi else max(1, SMALL // width)
    kind = ' class="pixels"' if times > 1 else ""
    width = round(width * INCH / dpi[0]) if dpi else width * times
    text = base64.b64encode(data).decode()
    source = f"data:image/png;base64,{text}"
    return f'<img{kind} src="{source}" alt="{name}" width="{width}">'


def _pair(files: Mapping[str, str], folder: Path) -> str:
    """Two pictures beside each other, which the script lays over each other."""
    figures = [
        f"<figure>{_image(folder / file, escape(name))}"
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, file in files.items()
    ]
    return f'<div class="pair">{"".join(figures)}</div>'


def drawn(figure: str, curves: str) -> str:
    """HTML of a figure that the script replaces by curves that answer to the mouse.

    curves: `Curves.content` as JSON.
    """
    # Inside a script element "<" can end it, and JSON may write it otherwise.
    data = curves.replace("<", "\\u003c")
    return (
        f'<div class="curves"><noscript>{figure}</noscript>'
        f'<script type="application/json">{data}</script></div>'
    )


def _linked(text: str) -> str:
    """Text whose addresses are links."""
    parts = re.split(r"((?:https?|file)://[^\s<>\"]*[^\s<>\".,;)])", text)
    addresses = map(escape, parts[1::2])
    parts[1::2] = [f'<a href="{a}">{a}</a>' for a in addresses]
    parts[::2] = map(escape, parts[::2])
    return "".join(parts)


def _links(files: Sequence[str]) -> str:
    """Files by their names."""
    pairs = [(quote(file), escape(file.rpartition("/")[2])) for file in files]
    return ", ".join(f'<a href="{where}">{name}</a>' for where, name in pairs)


def _contents(results: Mapping[str, Result]) -> str:
    links = [
        f'<li><a href="#{slug}">{escape(result.name)}</a></li>'
        for slug, result in results.items()
    ]
    return "<nav><ol>\n" + "\n".join(links) + "\n</ol></nav>"


@functools.cache
def _own(name: str) -> str:
    return (OWN / name).read_text(encoding="utf-8")


DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{head}
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
