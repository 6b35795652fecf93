"""De-tokenisers that can be inverted: " the dog 's food , he did n't say ( much ) " as
"the dog's food, he didn't say (much)".

Data sets were cut into words by tokenisers that a model of plain text has never seen;
to undo it is worth 2.5 to 5 perplexity to the paper (section 3.1), which does not print
its rules. Undoing must lose nothing, or the perplexity is of another text. Here that
holds by construction: `inverse` splits each chunk between spaces by itself, and
`detokenise` joins a token to the chunk before it only if the longer chunk still splits
into the same tokens. What is left are tokens that split although they stand alone, such
as an original "e-mail" in WikiText: `lost` counts them.
"""

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

_MARKED = {"@-@": "-", "@,@": ",", "@.@": "."}
_ABBREVIATIONS = """
mr. mrs. ms. dr. st. jr. sr. prof. gen. col. lt. sgt. capt. gov. sen. rep. rev. hon.
inc. corp. co. ltd. bros. vs. etc. ave. mt. ft. jan. feb. mar. apr. jun. jul. aug. sep.
sept. oct. nov. dec. ala. ariz. ark. calif. colo. conn. del. fla. ga. ill. ind. kan. ky.
la. mass. md. mich. minn. miss. mo. mont. neb. nev. okla. ore. pa. tenn. tex. va. vt.
wash. wis. wyo. vol. vols. op. pp. fig. figs. ca. approx. est. dept. univ. messrs. adm.
cmdr. maj. pvt. lieut. hwy. rte. al. cf. nos. lbs. feat. esp. yds. cpl. brig. fr. bldg.
blvd. rd.
"""
_KEPT = frozenset(_ABBREVIATIONS.split())


class Style(NamedTuple):
    """How a set's tokeniser has cut words.

    opening: signs that lean on the next token. closing: signs that lean on the last.
    doubled: signs that lean on a sign of their own.
    opening_quote, closing_quote: the tokens that are written as `quote`; where they are
      one token, it opens and closes in turn.
    clitics: ends of words that are tokens of their own.
    marked: whether @-@ stands for a hyphen inside a word, @,@ and @.@ for the signs
      inside a number.
    periods: whether the period of a sentence is a token; abbreviations keep theirs.
    margin: what stands before and after the tokens of a line; blank: a line without.
    """

    opening: str = ""
    closing: str = ""
    doubled: str = ""
    opening_quote: str = ""
    closing_quote: str = ""
    quote: str = '"'
    clitics: tuple[str, ...] = ()
    marked: bool = False
    periods: bool = False
    margin: str = ""
    blank: str = ""


_CLITICS = ("'s", "'re", "'ve", "'ll", "'d", "'m", "'")
WIKITEXT = Style(
    opening="([$£€",
    closing=",;:!?)]%",
    doubled="=",  # of headings
    opening_quote='"',
    closing_quote='"',
    clitics=(*_CLITICS, "'t"),  # Moses cuts "don 't"
    marked=True,
    periods=True,
    margin=" ",
    blank=" ",
)
# Mikolov's PTB has no punctuation but the signs of money and %, <unk>, and N, a number.
PENN = Style(opening="$#", closing="%", clitics=(*_CLITICS, "n't"), margin=" ")
ONE_BILLION = Style(
    opening="([{$£€",
    closing=",;:!?)]}%",
    opening_quote='"',
    closing_quote='"',
    clitics=(*_CLITICS, "n't"),
    periods=True,
)
BOOKS = ONE_BILLION._replace(opening_quote="``", closing_quote="''")  # LAMBADA, CBT


def style_of(text: str, style: Style) -> Style:
    """The style with the cut of "don't" that is commoner in a text, "don 't" or "do
    n't". The inverse needs the same style."""
    own = "n't" if text.count(" n't ") > text.count(" 't ") else "'t"
    others = tuple(each for each in style.clitics if each not in ("n't", "'t"))
    return style._replace(clitics=(*others, own))


def detokenise(text: str, style: Style) -> str:
    """Plain text, line by line."""
    return _by_line(text, style, _plain)


def inverse(text: str, style: Style) -> str:
    """The tokenised text that `detokenise` has made plain."""
    return _by_line(text, style, _tokenised)


def lost(text: str, style: Style) -> int:
    """How many lines of a tokenised text the inverse does not give back."""
    back = inverse(detokenise(text, style), style)
    pairs = zip(text.split("\n"), back.split("\n"), strict=True)
    return sum(own != other for own, other in pairs)


def _by_line(text: str, style: Style, change: Callable[[str, Style], str]) -> str:
    """Nothing follows the newline that ends the text."""
    body, end = (text[:-1], "\n") if text.endswith("\n") else (text, "")
    if not text:
        return ""
    return "\n".join(change(line, style) for line in body.split("\n")) + end


def _tokenised(line: str, style: Style) -> str:
    if not line:
        return style.blank
    tokens = [token for chunk in line.split(" ") for token in split(chunk, style)]
    return style.margin + " ".join(tokens) + style.margin


def _plain(line: str, style: Style) -> str:
    if line == style.blank:
        return ""
    margin = style.margin
    whole = len(line) > 2 * len(margin)
    if margin and whole and line.startswith(margin) and line.endswith(margin):
        line = line[len(margin) : -len(margin)]
    return " ".join(_chunks(line.split(" "), style))


def _chunks(tokens: list[str], style: Style) -> list[str]:
    """Tokens in chunks, each of which `split` takes apart again."""
    chunks: list[str] = []
    held: tuple[str, ...] = ()  # the tokens of the last chunk
    leans = False  # whether it ends with an opening sign
    quoting = False
    at = 0
    while at < len(tokens):
        token = tokens[at]
        written = token
        opens = token in style.opening
        closes = token in style.closing or token in style.clitics
        closes |= token == "." and style.periods
        closes |= token in style.doubled and held[-1:] == (token,)
        if token in (style.opening_quote, style.closing_quote) and token:
            one = style.opening_quote == style.closing_quote
            quoting = not quoting if one else token == style.opening_quote
            written, opens, closes = style.quote, quoting, not quoting
        part = (token,)
        if style.marked and token in _MARKED:
            part = tuple(tokens[at : at + 2])
            written = _MARKED[token] + "".join(part[1:])
            closes = True
        joined = chunks[-1] + written if chunks else ""
        if chunks and (leans or closes) and split(joined, style) == held + part:
            chunks[-1] = joined
            held += part
        else:
            part = (token,)
            alone = split(written, style) == part
            chunks.append(written if alone else token)
            held = part
        leans = opens
        at += len(part)
    return chunks


@functools.lru_cache(1 << 16)
def split(chunk: str, style: Style) -> tuple[str, ...]:
    """The tokens of what stands between two spaces."""
    if chunk == style.quote and style.opening_quote:
        return (style.opening_quote,)
    if chunk and chunk[0] in style.doubled and chunk == chunk[0] * len(chunk):
        return tuple(chunk)
    front: list[str] = []
    while len(chunk) > 1 and (token := _first(chunk, style)):
        front.append(token)
        chunk = chunk[1:]
    back: list[str] = []
    while len(chunk) > 1 and (found := _last(chunk, style)):
        size, token = found
        back.append(token)
        chunk = chunk[:-size]
    middle = _MARKS.split(chunk) if style.marked else [chunk]
    middle = [_MARK_OF.get(piece, piece) for piece in middle] if middle[1:] else middle
    return (*front, *middle, *reversed(back))


# A sign with a letter or digit on both sides; of , and . only digits.
_MARKS = re.compile(r"((?<=[^\W_])-(?=[^\W_])|(?<=\d)[,.](?=\d))")
_MARK_OF = {sign: mark for mark, sign in _MARKED.items()}
_SHORT = re.compile(r"[^\W\d_]\.|([^\W\d_]+\.){2,}")  # J. and Ph.D. and U.S.


def _first(chunk: str, style: Style) -> str:
    """The opening sign that a chunk begins with."""
    if chunk[0] == style.quote and style.opening_quote:
        return style.opening_quote
    return chunk[0] if chunk[0] in style.opening else ""


def _last(chunk: str, style: Style) -> tuple[int, str] | None:
    """The token that ends a chunk, and how many characters it has there."""
    end = chunk[-1]
    if end == style.quote and style.closing_quote:
        return 1, style.closing_quote
    if end in style.closing or (end == "." and style.periods and _sentence_end(chunk)):
        return 1, end
    if chunk == "n't":  # where "'t" is the clitic
        return None
    for clitic in sorted(style.clitics, key=len, reverse=True):
        stem = chunk.removesuffix(clitic)
        leans = stem[-1:].isalnum() or stem[-1:] in (">", ".")  # <unk>'s, U.S.'s
        if stem != chunk and leans and (clitic != "'" or stem[-1] == "s"):
            return len(clitic), clitic
    return None


def _sentence_end(chunk: str) -> bool:
    """Whether the period is that of a sentence: not of "Mr.", "U.S." or "..."."""
    if chunk.lower() in _KEPT or chunk == "No." or chunk[-2] == ".":
        return False
    return not _SHORT.fullmatch(chunk)
