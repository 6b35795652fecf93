"""What a user may have meant by a name that is unknown."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """ "nearest: ..." of the known names."""
    near = difflib.get_close_matches(name, list(known), n=4, cutoff=0)
    return f"nearest: {', '.join(near)}"
