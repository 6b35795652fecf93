"""The page of `predict`: inputs beside outputs, for every paper in the same way.

A picture stands beside what was made of it, and a slider lays one over the other where
both have one shape. Of a text that goes on, what was given is grey.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from common.contract import Records
from common.files.pictures import is_picture
from launch.reports import beside, images, page
from launch.reports.given import Given, given
from launch.reports.results import Result
from launch.workdir import write_whole

MOST = 30  # pictures of a folder that the page shows
LETTERS = 4000  # of an input that is a text


class Predicted:
    """What is predicted from `--input`, as it comes.

    folder: where the files of results are.
    """

    def __init__(self, inputs: str, folder: Path) -> None:
        self._inputs = inputs
        self._folder = folder
        self._results: list[Result] = []
        self._records: list[Records] = []
        self._text = ""

    def __bool__(self) -> bool:
        """Whether anything came."""
        return bool(self._results or self._records or self._text.strip())

    def text(self, text: str) -> None:
        self._text += text

    def result(self, result: Result) -> None:
        self._end_text()
        self._results.append(result)

    def records(self, records: Records) -> None:
        self._records.append(records)

    def write(self, path: Path, title: str, facts: Mapping[str, str]) -> None:
        """Writes the page."""
        self._end_text()
        known = given(self._inputs)
        if known.path and any(_begins(x, self._inputs) for x in self._results):
            known = Given(self._inputs)  # a text that is called as a file here
        sections = _Sections(known, self._folder, path.parent)
        own = _told(self._results, self._records, known)
        groups, others = beside.by_input(known.pictures, own)
        names = {}
        if any(groups.values()):
            names = dict(zip(_ids(MOST), groups, strict=False))
            parts = sections.of_pictures(groups)
            parts += [sections.left_over(len(groups), others)]
        else:
            parts = [sections.of_text(others)]
        html = page.framed(title, [*filter(None, parts)], names, facts, links={})
        write_whole(path, html)

    def _end_text(self) -> None:
        if self._text.strip():
            self._results.append(Result("", "text", self._text))
        self._text = ""


def _begins(result: Result, inputs: str) -> bool:
    return result.kind == "text" and result.value.startswith(inputs)


def _told(
    results: Sequence[Result], records: Sequence[Records], known: Given
) -> list[Result]:
    """The results, and of texts the classes that their records have."""
    classes = beside.classes(records)
    return [*results, *(x for x in classes if x.name not in known.pictures)]


def _ids(count: int) -> list[str]:
    return [f"input-{i}" for i in range(1, count + 1)]


class _Sections:
    """folder: of the results' files; place: the page's."""

    def __init__(self, known: Given, folder: Path, place: Path) -> None:
        self._given = known
        self._folder = folder
        self._place = place

    def of_pictures(self, groups: Mapping[str, Sequence[Result]]) -> list[str]:
        shown = [*groups.items()][:MOST]
        return [
            f'<section id="{own}"><h2>{escape(name)}</h2>\n{self._picture(*group)}'
            "</section>"
            for own, (name, *_), group in zip(
                _ids(len(shown)), shown, shown, strict=True
            )
        ]

    def left_over(self, count: int, results: Sequence[Result]) -> str:
        """What is of no input, and how many inputs are not shown."""
        said = ""
        if count > MOST:
            said = f'<p class="note">the first {MOST} of {count:,} inputs</p>\n'
        parts = "\n".join(map(self._rest, results))
        return f"<section>{said}{parts}</section>" if said or parts else ""

    def _rest(self, result: Result) -> str:
        """A result, or the note of a table whose rows are all with their inputs."""
        if result.kind == "table" and not result.value.rows:
            name, note = escape(result.name), escape(result.value.note)
            return f'<p class="note">{name}: {note}</p>'
        return self._named(result.name, result)

    def of_text(self, results: Sequence[Result]) -> str:
        """A text or file, beside all that was made of it."""
        made = "\n".join(self._named(result.name, result) for result in results)
        texts = [result.value for result in results if result.kind == "text"]
        if any(map(self._given.beginning, texts)):
            note = '<p class="note">grey: the input</p>'
            return f"<section>{made}\n{note}</section>"
        return f"<section>{_beside(self._input(), made)}</section>"

    def _input(self) -> str:
        path, text = self._given.path, self._given.text
        parts = ["<h3>input</h3>"]
        if path:
            parts.append(page.file(path, self._place))
        if text:
            cut = " …" if len(text) > LETTERS else ""
            parts.append(f'<pre class="input">{escape(text[:LETTERS])}{cut}</pre>')
        return "\n".join(parts)

    def _picture(self, name: str, results: Sequence[Result]) -> str:
        """Left the input, under what was made in its shape; right the rest."""
        own = images.users(self._given.pictures[name])
        left, right = [], []
        for result in results:
            label = result.name.replace(name, "").strip(" ,") or "output"
            made = own and self._shown(result)
            if made and own.agrees(made):
                left.append(self._heading(label, result) + _laid_over(own, made))
            else:
                right.append(self._named(label, result))
        if not left:
            path = self._given.pictures[name]
            image = page.linked(path, self._place, own.html("input")) if own else ""
            left = [f"<h3>input</h3>\n{image or 'not a readable picture'}"]
        return _beside("\n".join(left), "\n".join(right))

    def _heading(self, label: str, result: Result) -> str:
        """With a link to the file: a picture under a slider does not open."""
        where = page.address_of(self._file(result), self._place)
        return f'<h3>{escape(label)} <a href="{where}">file</a></h3>\n'

    def _shown(self, result: Result) -> images.Shown | None:
        """A result that is a picture."""
        if result.kind == "figure":
            shown = images.own(self._file(result))
            return None if shown.is_figure else shown
        is_file = result.kind == "file" and is_picture(self._file(result))
        return images.users(self._file(result)) if is_file else None

    def _file(self, result: Result) -> Path:
        """Of a figure or a file."""
        path = Path(result.value)
        return self._folder / path if result.kind == "figure" else path

    def _named(self, name: str, result: Result) -> str:
        heading = f"<h3>{escape(name)}</h3>\n" if name else ""
        start = result.kind == "text" and self._given.beginning(result.value)
        if not start:
            return heading + page.body(result, self._folder, self._place)
        rest = escape(result.value[len(start) :])
        grey = f'<span class="input">{escape(start)}</span>'
        return f"{heading}<pre>{grey}{rest}</pre>"


def _laid_over(own: images.Shown, made: images.Shown) -> str:
    """A slider over both, in one size."""
    width = max(own.width, made.width)
    shown = {}
    for word, picture in ("input", own), ("output", made):
        columns, rows = picture.size
        shown[f"{word}, {columns} x {rows}"] = picture.html(word, width)
    return page.pair(shown)


def _beside(left: str, right: str) -> str:
    sides = [f"<div>{side}</div>" for side in (left, right) if side]
    return f'<div class="beside">{"".join(sides)}</div>'
