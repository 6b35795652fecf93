"""What the fields of a config mean: the comments beside them in the source."""

import functools
import inspect
import io
import itertools
import tokenize
from typing import Any

from common import config as configs


def meanings(config: Any, path: str = "config") -> dict[str, str]:
    """{dotted path: meaning} of the fields that have a comment."""
    found = {}
    for cls in reversed(type(config).__mro__[:-1]):
        found |= {f"{path}.{name}": text for name, text in _comments(cls).items()}
    for name, section in configs.sections(config):
        found |= meanings(section, f"{path}.{name}")
    return found


@functools.cache
def _comments(cls: type) -> dict[str, str]:
    """{field: the comment lines above it and the one behind it}."""
    found: dict[str, str] = {}
    above: list[str] = []
    name = ""
    tokens = [*tokenize.generate_tokens(io.StringIO(inspect.getsource(cls)).readline)]
    for token, after in itertools.pairwise(tokens):
        if token.type == tokenize.COMMENT:
            above.append(token.string.lstrip("# "))
        elif token.type == tokenize.NEWLINE:  # a statement has ended
            if name and above:
                found[name] = " ".join(above)
            name, above = "", []
        elif token.type == tokenize.NL and not token.line.strip():
            above = []  # a comment that stands alone is on what follows as a whole
        elif not name and token.type == tokenize.NAME and after.string == ":":
            name = token.string
    return found
