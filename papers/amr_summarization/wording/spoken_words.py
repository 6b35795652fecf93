"""Words and forms that a graph is read out with."""

from papers.amr_summarization.rules import listed
from papers.amr_summarization.rules.lemmas import past_of

OBJECT = {"i": "me", "he": "him", "she": "her", "we": "us", "they": "them"}
OWN = {"i": "my", "you": "your", "he": "his", "she": "her", "it": "its", "we": "our",
        "they": "their"}  # fmt: skip
MODALS = {"possible-01": "can", "obligate-01": "must", "recommend-01": "should"}
PREPOSITIONS = {
    ":location": "in", ":time": "", ":destination": "to", ":source": "from",
    ":ARG3": "from", ":ARG4": "to", ":accompanier": "with", ":instrument": "with",
    ":purpose": "for", ":beneficiary": "for", ":topic": "about", ":cause": "because of",
    ":duration": "for", ":path": "through", ":manner": "", ":part": "of",
    ":consist": "of", ":poss": "of", ":concession": "despite", ":example": "such as",
}  # fmt: skip
CLAUSES = {
    ":condition": "if", ":cause": "because", ":time": "when", ":concession": "although",
    ":purpose": "so that",
}  # fmt: skip
# Words before and behind a quality: {:ARG3 of have-degree-91: (before, behind)}.
DEGREES = {
    "enough": ((), ("enough",)), "equal": (("as",), ()),
    **{kind: ((kind,), ()) for kind in ("more", "most", "less", "least", "too", "so")},
}  # fmt: skip
SPOKEN = listed.words("before after until since")
LINKS = {"and": "and", "or": "or", "contrast-01": "but", "multi-sentence": "."}
QUANTITIES = ("temporal-quantity", "monetary-quantity", "distance-quantity",
               "mass-quantity", "area-quantity", "volume-quantity",
               "temperature-quantity", "percentage-entity")  # fmt: skip


def verb(stem: str, modal: str, denied: bool, passive: bool) -> list[str]:
    """A verb with its helpers: "did not go", "can be seen", "went"."""
    verb, *particles = stem.split("-")
    no = ["not"] if denied else []
    past, participle = past_of(verb)
    if modal:
        return [modal, *no, *(["be", participle] if passive else [verb]), *particles]
    if passive:
        return ["was", *no, participle, *particles]
    return ["did", "not", verb, *particles] if denied else [past, *particles]
