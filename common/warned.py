"""What our code warns of, as a line of its own that is printed once.

Python prints a path and a line of source with each warning, and the warning again
whenever a library has changed a filter.
"""

import sys
import warnings
from typing import TextIO

_python = warnings.showwarning
_said: set[str] = set()  # since `in_one_line`


def in_one_line() -> None:
    """From here on "warning: ..." stands on stderr for each `UserWarning`, once. Other
    categories, such as deprecations, are shown as Python does."""
    _said.clear()
    warnings.showwarning = _show


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if category is not UserWarning:
        _python(message, category, filename, lineno, file, line)
        return
    text = " ".join(str(message).split())
    if text not in _said:
        _said.add(text)
        print(f"warning: {text}", file=file or sys.stderr)
