"""English words by rules: contractions, abbreviations, signs at a word's ends.

GPT was trained on the tokens of spaCy's English tokeniser. These rules give the same
ones for the text that `cleaning.standardise` returns, save for rare words; the tests
compare them. spaCy itself is not used: its rules change with its version, and a model
that is bound to its tokens must not change with what is installed.
"""

from collections.abc import Iterable, Iterator

import regex

# Another number when a rule changes, here or in `cleaning`, because tokens then change.
RULES = "english-1"

_QUOTE = "'\"`´«»‘’‚“”„"  # noqa: RUF001
_PUNCT = r",:;!?¿¡()\[\]{}<>_\#*&…·"
_MONEY = r"\p{Sc}"
_UNITS = (
    "km²|km³|km|m²|m³|m|dm²|dm³|dm|cm²|cm³|cm|mm²|mm³|mm|ha|µm|nm|yd|in|ft|kg|g|mg|µg|"
    "t|lb|oz|m/s|km/h|mph|hPa|Pa|mbar|mb|MB|kb|KB|gb|GB|tb|TB|T|G|M|K|%"
)
_LOW = r"\p{Ll}\p{Lo}"
_HIGH = r"\p{Lu}\p{Lt}\p{Lo}"
_ALPHA = r"\p{L}"

_PREFIX = regex.compile(
    rf"[§%=]|\+(?![0-9])|\.\.+|[{_PUNCT}{_QUOTE}]|(?:US|C|A)?\$|{_MONEY}|\p{{So}}"
)
# The leftmost match counts, so the longest that fits. Runs of dots are longer.
_SUFFIX = regex.compile(
    rf"(?:[{_PUNCT}{_QUOTE}]|''|\p{{So}}|'[sS]"
    rf"|(?<=[0-9])(?:\+|{_MONEY}|{_UNITS})|(?<=°[FfCcKk])\."
    rf"|(?<=[0-9{_LOW}%²\-+{_PUNCT}{_QUOTE}])\.|(?<=[{_HIGH}][{_HIGH}])\.)$"
)
_LONGEST_SUFFIX = 8
_INFIX = regex.compile(
    rf"\.\.+|…|\p{{So}}|(?<=[0-9])[+\-*^](?=[0-9-])"
    rf"|(?<=[{_LOW}{_QUOTE}])\.(?=[{_HIGH}{_QUOTE}])"
    rf"|(?<={_ALPHA}),(?={_ALPHA})|(?<={_ALPHA})[-~](?={_ALPHA})"
    rf"|(?<=[{_ALPHA}0-9])[:<>=/](?={_ALPHA})"
)


def words(text: str) -> Iterator[str]:
    """The words of a text that `cleaning.standardise` returned."""
    for chunk in text.split(" "):
        yield from chunk_words(chunk)


def chunk_words(chunk: str) -> Iterator[str]:
    """The words of a text without white space, such as "don't" -> "do", "n't"."""
    first: list[str] = []
    last: list[str] = []
    start = 0
    end = len(chunk)
    while start < end and not _is_special(chunk, start, end):
        after = _prefix_end(chunk, start, end)
        before = _suffix_start(chunk, after, end)
        if _is_special(chunk, after, end):
            before = end
        elif _is_special(chunk, start, before):
            after = start
        if (after, before) == (start, end):
            break
        first += [chunk[start:after]] if after > start else []
        last += [chunk[before:end]] if before < end else []
        start = after
        end = before
    yield from first
    yield from _SPECIAL.get(chunk[start:end]) or _between(chunk[start:end])
    yield from reversed(last)


def _is_special(chunk: str, start: int, end: int) -> bool:
    return end - start <= _LONGEST_SPECIAL and chunk[start:end] in _SPECIAL


def _prefix_end(chunk: str, start: int, end: int) -> int:
    found = _PREFIX.match(chunk, start, end)
    return found.end() if found else start


def _suffix_start(chunk: str, start: int, end: int) -> int:
    if chunk.endswith("..", start, end):
        return start + len(chunk[start:end].rstrip("."))
    found = _SUFFIX.search(chunk, max(start, end - _LONGEST_SUFFIX), end)
    return found.start() if found else end


def _between(chunk: str) -> Iterator[str]:
    """A word, cut at the signs within it."""
    start = 0
    for sign in _INFIX.finditer(chunk):
        if sign.start() > 0:
            yield from filter(None, (chunk[start : sign.start()], sign[0]))
            start = sign.end()
    yield from filter(None, [chunk[start:]])


def _titled(cut: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """A cut word, and the same with a capital."""
    first, *rest = cut
    yield (first, *rest)
    yield (first[0].upper() + first[1:], *rest)


# The ends of contractions, with _ between two of them, and what they follow.
_CONTRACTIONS = """
'll 'll_'ve 'd 'd_'ve: i you he she it we they who what when where why how there that
'll 'll_'ve 'd 'd_'ve: this these those
've: i you we they could might must should would who what when where why how there
're: you we they who what when where why how there these those
've: these those
's: he she it who what when where why how there that this
n't n't_'ve: ca could do does did had may might must need ought sha should wo would
n't: ai are is was were have has dare
'm 'm_a: i
"""
# Contractions without their apostrophe that are words of their own.
_WORDS = {"ill", "its", "hell", "shell", "shed", "were", "well", "whore"}
_CUT = """
can|not Can|not gon|na Gon|na got|ta Got|ta let|'s Let|'s c'm|on C'm|on y'|all y|all
not|'ve not|ve Not|'ve Not|ve how|'d|'y How|'d|'y
"""
_WHOLE = """
ma'am o'clock lovin' havin' doin' goin' nothin' nuthin' somethin' ol'
Ma'am O'clock Lovin' Havin' Doin' Goin' Nothin' Nuthin' Somethin' Ol'
'cause 'cos 'coz 'cuz 'bout 'em 'nuff 'll 're 's 'S 'd 'Cause 'Cos 'Coz 'Cuz
Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id.
Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H.
N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash.
Wis. a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E.
Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St.
vs. v.s. C++ :D :P :p :o :O :0 :3 :x :X :> <3 =D =3 xD XD xDD XDD o.o o.O O.o O.O
0.0 0.o o.0 v.v V.V >.< ^^ ^.^ ''
"""


def _special() -> dict[str, tuple[str, ...]]:
    """Words that no rule fits, and what they are cut into."""
    cuts = [tuple(word.split("|")) for word in _CUT.split()]
    for line in _CONTRACTIONS.strip().splitlines():
        ends, starts = (part.split() for part in line.split(":"))
        for cut in ((a, *b.split("_")) for a in starts for b in ends):
            bare = tuple(part.replace("'", "") for part in cut)
            cuts += _titled(cut)
            cuts += _titled(bare) if "".join(bare) not in _WORDS else []
    cuts += [(word,) for word in _WHOLE.split()]
    cuts += [(letter + ".",) for letter in "abcdefghijklmnopqrstuvwxyzäöü"]
    for hour in range(1, 13):
        cuts += [(str(hour), noon) for noon in ("am", "pm", "a.m.", "p.m.")]
    return {"".join(cut): cut for cut in cuts}


_SPECIAL = _special()
_LONGEST_SPECIAL = max(map(len, _SPECIAL))
