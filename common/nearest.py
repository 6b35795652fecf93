"""What a user may have meant by an unknown name."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names closest to `name`, for an error: "nearest: a, b"."""
    near = difflib.get_close_matches(name, list(known), n=4, cutoff=0)
    return f"nearest: {', '.join(near)}"
