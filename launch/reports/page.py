"""The report as one HTML page: it opens from disk and asks nothing of the network."""

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from common.cells import format_cell, numeric_columns
from common.contract import Table
from launch.reports.results import Result


def page(
    title: str, results: Mapping[str, Result], facts: Mapping[str, str], folder: Path
) -> str:
    """HTML of results `{slug: Result}`, figures taken from their PNGs in `folder`."""
    sections = [_section(slug, result, folder) for slug, result in results.items()]
    rows = [f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items()]
    return PAGE.format(
        title=escape(title),
        style=STYLE,
        contents=_contents(results) if len(results) > 5 else "",
        sections="\n".join(sections),
        facts="\n".join(rows),
    )


def _section(slug: str, result: Result, folder: Path) -> str:
    """One result as HTML, with its name as heading, or as caption of a figure."""
    name = escape(result.name)
    match result.kind:
        case "figure":
            data = base64.b64encode((folder / result.value).read_bytes()).decode()
            image = f'<img src="data:image/png;base64,{data}" alt="{name}">'
            return (
                f'<figure id="{slug}">{image}<figcaption>{name}</figcaption></figure>'
            )
        case "table":
            body = _html_table(result.value)
        case "text":
            body = f"<pre>{escape(result.value)}</pre>"
        case _:
            body = f'<p class="number">{format_cell(result.value)}</p>'
    return f'<section id="{slug}"><h2>{name}</h2>\n{body}</section>'


def _html_table(table: Table) -> str:
    right = [' class="right"' if numeric else "" for numeric in numeric_columns(table)]

    def line(tag: str, cells: Sequence[Any]) -> str:
        pairs = zip(right, map(format_cell, cells), strict=True)
        return "".join(f"<{tag}{side}>{_cell(text)}</{tag}>" for side, text in pairs)

    rows = "\n".join(f"<tr>{line('td', row)}</tr>" for row in table.rows)
    head = f"<tr>{line('th', table.columns)}</tr>"
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="wide"><table>\n<thead>{head}</thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>\n{note}"
    )


def _cell(text: str) -> str:
    """A cell's text. Markdown's links are for the README that it may stand in: the page
    lies elsewhere, and shows their words alone."""
    return escape(re.sub(r"\[([^][]+)\]\([^()]+\)", r"\1", text))


def _contents(results: Mapping[str, Result]) -> str:
    links = [
        f'<li><a href="#{slug}">{escape(result.name)}</a></li>'
        for slug, result in results.items()
    ]
    return "<nav><ol>\n" + "\n".join(links) + "\n</ol></nav>"


PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
{contents}
{sections}
<footer><dl>
{facts}
</dl></footer>
</body>
</html>
"""

STYLE = """\
:root {
  color-scheme: light dark;
  --ink: #1d2025; --muted: #646b76; --line: #dcdfe4; --paper: #fff; --tint: #f5f6f8;
  --link: #0067a3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e3e6ea; --muted: #9aa2ad; --line: #353a42; --paper: #15171b;
    --tint: #1f2227; --link: #6cb8ea;
  }
}
body {
  max-width: 54rem; margin: 0 auto; padding: 3.5rem 1.25rem 4rem;
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  color: var(--ink); background: var(--paper);
}
h1 { margin: 0 0 1.5rem; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 2.75rem 0 0.6rem; font-size: 1.15rem; line-height: 1.3; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
nav ol { margin: 0; padding-left: 1.4rem; columns: 16rem; }
nav, .note, figcaption, footer { font-size: 0.875rem; color: var(--muted); }
.wide { overflow-x: auto; }
table { min-width: 60%; border-collapse: collapse; font-size: 0.925rem; }
th, td { padding: 0.4rem 1.4rem 0.4rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; border-bottom: 2px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
th.right, td.right { padding: 0.4rem 0 0.4rem 1.4rem; text-align: right; }
.right + td:not(.right), .right + th:not(.right) { padding-left: 1.4rem; }
td.right { font-variant-numeric: tabular-nums; white-space: nowrap; }
.note { margin: 0.6rem 0 0; }
.number { margin: 0; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
pre {
  margin: 0; padding: 1rem; border-radius: 6px; background: var(--tint);
  font: 0.85rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
figure { margin: 2.75rem 0 0; }
figure img { max-width: 100%; border-radius: 6px; background: #fff; }
figcaption { margin-top: 0.5rem; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1.25rem; }
dl, dd { margin: 0; overflow-wrap: anywhere; }
"""
