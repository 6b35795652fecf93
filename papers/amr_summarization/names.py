"""Whether two names are of one bearer."""

from collections.abc import Sequence


def same_name(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether one name contains the other, words in their order, or is its initials:
    ("ABC-CBN", "News") and ("ABC-CBN",) are one, Paris Hilton and Hilton Hotel not."""
    short, long = sorted(([w.lower() for w in name] for name in (one, other)), key=len)
    if not short:
        return False
    for start in range(len(long) - len(short) + 1):
        if long[start : start + len(short)] == short:
            return True
    letters = "".join(short).replace(".", "")
    initials = "".join(word[0] for word in long if word not in ("of", "the", "and"))
    return len(short) == 1 and len(long) > 1 and letters == initials
