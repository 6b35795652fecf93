"""What a user may have meant by an unknown name."""

import difflib
from collections.abc import Iterable

from common.contract import UserError


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names closest to `name`, for an error: "nearest: a, b"."""
    near = difflib.get_close_matches(name, list(known), n=4, cutoff=0)
    return f"nearest: {', '.join(near)}"


def refuse_unknown(kind: str, name: str, valid: Iterable[str]) -> None:
    """UserError unless `name` is one of `valid`. It names the closest ones first."""
    valid = list(valid)
    if name not in valid:
        close = difflib.get_close_matches(name, valid, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}?" if close else ""
        rest = f"there are: {', '.join(valid)}"
        raise UserError(f"no {kind} {name!r}: {hint} {rest}".replace("  ", " "))
