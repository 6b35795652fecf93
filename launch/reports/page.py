"""The report as one HTML page: it opens from disk, asks nothing of the network, and can
be read without JavaScript. Links lead to the files beside it."""

import functools
import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from common.cells import format_cell
from common.contract import Table
from common.files.pictures import is_picture
from common.files.video import is_video
from launch.reports import images
from launch.reports.origin import ABOUT, address
from launch.reports.results import SUMMARY, Result
from launch.reports.tables import html_table

OWN = Path(__file__).parent  # the style sheet and the script lie beside this file
REFRESH = '<meta http-equiv="refresh" content="20">'  # seconds
SCRIPTS = ("page.js", "chart.js", "curves.js")


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
    names = {slug: result.name for slug, result in results.items()}
    more = {"links": links, "progress": progress, "reloads": reloads}
    return framed(title, sections, names, facts, **more)


def framed(
    title: str,
    sections: Sequence[str],
    names: Mapping[str, str],
    facts: Mapping[str, str],
    *,
    links: Mapping[str, Sequence[str]],
    progress: str = "",
    reloads: bool = False,
) -> str:
    """HTML of sections, `{id: name}`, between what they are of and where they are from;
    the rest as of `page`."""
    shown = {name: fact for name, fact in facts.items() if name != ABOUT}
    rows = [f"<dt>{escape(k)}</dt><dd>{_linked(v)}</dd>" for k, v in shown.items()]
    rows += [f"<dt>{escape(k)}</dt><dd>{_links(v)}</dd>" for k, v in links.items()]
    about = f'<p class="about">{_linked(facts[ABOUT])}</p>' if ABOUT in facts else ""
    contents = _contents(names) if len(names) > 5 else ""
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
    where = address(result.source, facts)
    source = f' <a href="{escape(where)}">source</a>' if where else ""
    shown = body(result, folder, folder)
    return f'<section id="{slug}"><h2>{name}{source}</h2>\n{shown}</section>'


def body(result: Result, folder: Path, place: Path) -> str:
    """One result as HTML, without its name.

    folder: with the files of figures. place: the page's, from which links lead.
    """
    match result.kind:
        case "figure":
            path = folder / result.value
            figure = linked(path, place, images.own(path).html(result.name))
            if not result.curves:
                return figure
            text = (folder / result.curves).read_text(encoding="utf-8")
            return drawn(figure, text)
        case "pair":
            shown = {name: images.own(folder / x) for name, x in result.value.items()}
            return pair({name: x.html(name) for name, x in shown.items()})
        case "table":
            return html_table(_without_paper(result))
        case "text":
            return f"<pre>{escape(result.value)}</pre>"
        case "file":
            return file(Path(result.value), place)
    return f'<p class="number">{format_cell(result.value)}</p>'


def file(path: Path, place: Path) -> str:
    """A file as browsers show it, or a link to it."""
    if is_video(path):
        return f'<video controls src="{address_of(path, place)}"></video>'
    if is_picture(path) and (shown := images.users(path)):
        return linked(path, place, shown.html(path.name))
    return f'<p><a href="{address_of(path, place)}">{escape(str(path))}</a></p>'


def linked(path: Path, place: Path, image: str) -> str:
    """A picture that opens large, and its file in a new tab."""
    where = address_of(path, place)
    return f'<figure><a href="{where}">{image}</a></figure>'


def address_of(path: Path, place: Path) -> str:
    """A file's, from a page in the folder `place`."""
    return quote(Path(os.path.relpath(path, place)).as_posix())


def _without_paper(result: Result) -> Table:
    """A summary goes into a table of all papers: on its own page it need not say which
    paper it is of."""
    table = result.value
    if result.name != SUMMARY or len({row[0] for row in table.rows}) != 1:
        return table
    return Table(table.columns[1:], [row[1:] for row in table.rows], table.note)


def pair(shown: Mapping[str, str]) -> str:
    """Two pictures of one shape, {name: img}, beside each other. The script lays the
    second one over the first."""
    figures = [
        f"<figure>{image}<figcaption>{escape(name)}</figcaption></figure>"
        for name, image in shown.items()
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


def _contents(names: Mapping[str, str]) -> str:
    links = [
        f'<li><a href="#{slug}">{escape(name)}</a></li>' for slug, name in names.items()
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
