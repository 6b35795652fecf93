"""Lemmas of English words by rules and a list of exceptions.

A tree that comes from a parser with lemmas does not need them. The ending that is cut
off is put back by what Brill's lexicon (`common.text.tagging`) knows as a word.
"""

import functools

from common.text import tagging

_VERBS = """
be am is are was were been being 's 're 'm; have has had having 've; do does did done;
go goes went gone; say said; get got gotten; make made; know knew known; think thought;
take took taken; see saw seen; come came; give gave given; find found; tell told; become
became; leave left; feel felt; put; bring brought; begin began begun; keep kept; hold
held; write wrote written; stand stood; hear heard; let; mean meant; set; meet met; run
ran; pay paid; sit sat; speak spoke spoken; lie lay lain; lead led; read; grow grew
grown; lose lost; fall fell fallen; send sent; build built; understand understood; draw
drew drawn; break broke broken; spend spent; cut; rise rose risen; drive drove driven;
buy bought; wear wore worn; choose chose chosen; eat ate eaten; drink drank drunk; sing
sang sung; swim swam swum; win won; teach taught; catch caught; fight fought; seek
sought; sell sold; shoot shot; sleep slept; steal stole stolen; strike struck; swear
swore sworn; sweep swept; throw threw thrown; wake woke woken; bear bore born borne;
bind bound; bite bit bitten; blow blew blown; deal dealt; dig dug; feed fed; flee fled;
fly flew flown; forbid forbade forbidden; forget forgot forgotten; forgive forgave
forgiven; freeze froze frozen; hang hung; hide hid hidden; hit; hurt; kneel knelt; lay
laid; lend lent; light lit; quit; ride rode ridden; ring rang rung; seal; shake shook
shaken; shine shone; show shown; shrink shrank shrunk; sink sank sunk; slide slid; spin
spun; split; spread; spring sprang sprung; stick stuck; sting stung; tear tore torn;
weep wept; wind wound; bend bent; breed bred; cast; cost; shut; withdraw withdrew
withdrawn; overcome overcame; undergo underwent undergone; arise arose arisen; beat
beaten; creep crept; die dying; tie tying; lie lying; will wo 'll; can
ca; shall sha; would 'd
"""
_NOUNS = """
man men; woman women; child children; person people; foot feet; tooth teeth; mouse mice;
goose geese; ox oxen; life lives; wife wives; knife knives; leaf leaves; half halves;
wolf wolves; thief thieves; shelf shelves; self selves; loaf loaves; calf calves;
series; species; means; news; politics; crisis crises; analysis analyses; thesis theses;
basis bases; phenomenon phenomena; criterion criteria; bacterium bacteria; medium media;
datum data; index indices; matrix matrices; policeman policemen; movie movies; cookie
cookies; sheep; fish; aircraft; economics; physics; mathematics; athletics; lens
"""
_PRONOUNS = {
    "me": "i", "my": "i", "mine": "i", "myself": "i", "your": "you", "yours": "you",
    "yourself": "you", "him": "he", "his": "he", "himself": "he", "her": "she",
    "hers": "she", "herself": "she", "its": "it", "itself": "it", "us": "we",
    "our": "we", "ours": "we", "ourselves": "we", "them": "they", "their": "they",
    "theirs": "they", "themselves": "they", "these": "this", "those": "that",
}  # fmt: skip


def _table(text: str) -> dict[str, str]:
    found = {}
    for entry in text.split(";"):
        lemma, *forms = entry.split()
        found |= dict.fromkeys((lemma, *forms), lemma)
    return found


_IRREGULAR = {"V": _table(_VERBS), "N": _table(_NOUNS)}
_DEGREES = {
    "better": "good", "best": "good", "worse": "bad", "worst": "bad", "more": "more",
    "most": "most", "less": "less", "least": "least", "elder": "old", "further": "far",
}  # fmt: skip


@functools.lru_cache(1 << 16)
def lemma(word: str, tag: str) -> str:
    """The lemma of a word with Penn's tag, in lower case but for names (NNP)."""
    low = word.lower()
    kind = tag[:1]
    if tag.startswith("NNP"):
        return word
    if tag.startswith("PRP") or tag in ("DT", "WP$"):
        return _PRONOUNS.get(low, low)
    if kind == "M" or low in ("'re", "'m", "'ve"):
        return _IRREGULAR["V"].get(low, low)
    if kind in _IRREGULAR and low in _IRREGULAR[kind]:
        return _IRREGULAR[kind][low]
    if kind == "V":
        return _verb(low, tag)
    if tag == "NNS":
        return _singular(low)
    if tag in ("JJR", "JJS", "RBR", "RBS"):
        return _DEGREES.get(low) or _cut(low, "er" if tag.endswith("R") else "est")
    return low


def _verb(word: str, tag: str) -> str:
    if tag in ("VBD", "VBN"):
        return _cut(word, "ed")
    if tag == "VBG":
        return _cut(word, "ing")
    if tag == "VBZ":
        return _singular(word)
    return word


def _cut(word: str, ending: str) -> str:
    """Without its ending: "stopped", "making" and "happier" as "stop", "make", "happy".
    The longest form that the lexicon knows, else what the letters suggest."""
    stem = word.removesuffix(ending)
    if stem == word or len(stem) < 2:
        return word
    forms = [stem]
    if stem.endswith("i"):
        forms = [stem[:-1] + "y"]
    elif stem[-1] == stem[-2] and stem[-1] not in "sl":
        forms = [stem[:-1], stem]
    elif stem[-1] == stem[-2]:
        forms = [stem, stem[:-1]]
    forms += [stem + "e"]
    known = [form for form in forms if is_verb(form)]
    known += [form for form in forms if tagging.known(form)]
    if known:
        return known[0]
    return stem + "e" if _wants_e(stem) else forms[0]


def _wants_e(stem: str) -> bool:
    return (stem[-1] in "cvuzs" and stem[-2:] != "ss") or stem.endswith(
        ("at", "dg", "ir")
    )


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def is_verb(word: str) -> bool:
    """Whether the lexicon knows a word as a verb's plain form first of all."""
    return tagging.known(word) in ("VB", "VBP")


@functools.cache
def _pasts() -> dict[str, tuple[str, str]]:
    """{verb: (past, participle)} of irregular verbs."""
    found = {"be": ("was", "been"), "have": ("had", "had"), "do": ("did", "done"),
             "go": ("went", "gone"), "say": ("said", "said")}  # fmt: skip
    for entry in _VERBS.split(";"):
        verb, *forms = entry.split()
        forms = [form for form in forms if not form.endswith("ing")]
        if verb not in found and forms:
            found[verb] = (forms[0], forms[-1])
        elif verb not in found and len(entry.split()) == 1:
            found[verb] = (verb, verb)
    return found


def past_of(verb: str) -> tuple[str, str]:
    """The past and the participle of a verb: ("went", "gone")."""
    known = _pasts().get(verb)
    if known:
        return known
    if verb.endswith("e"):
        return verb + "d", verb + "d"
    if verb.endswith("y") and verb[-2:-1] not in tuple("aeiou"):
        return verb[:-1] + "ied", verb[:-1] + "ied"
    doubled = (
        len(verb) < 5
        and verb[-1:] not in tuple("aeiouwxy")
        and verb[-2:-1] in tuple("aeiou")
        and verb[-3:-2] not in tuple("aeiou")
    )
    ended = verb + verb[-1] * doubled + "ed"
    return ended, ended
