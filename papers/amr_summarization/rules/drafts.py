"""A graph in the making, over the tree of a sentence."""

from collections import Counter
from collections.abc import Collection, Iterator

from common.text.parses import Parsed
from papers.amr_summarization.amr import Amr, Attribute, Edge
from papers.amr_summarization.rules.lemmas import lemma

# Roles that are written as frames: {role: (frame, role of the source, of the target)}.
_REIFIED = {
    ":cause": ("cause-01", ":ARG1", ":ARG0"),
    ":like": ("resemble-01", ":ARG1", ":ARG2"),
}


class Draft:
    """Concepts and edges as they are found. `var_of` is the variable of a token."""

    def __init__(self, parsed: Parsed):
        self.parsed = parsed
        self.words = parsed.words
        self.tags = parsed.tags
        self.lemmas = [
            _lemma(word, tag, known)
            for word, tag, known in zip(
                parsed.words, parsed.tags, parsed.lemmas, strict=True
            )
        ]
        self.low = [word.lower().replace("’", "'") for word in parsed.words]  # noqa: RUF001
        self.children: list[list[int]] = [[] for _ in parsed.words]
        for i, head in enumerate(parsed.heads):
            if head >= 0:
                self.children[head].append(i)
        self.instances: dict[str, str] = {}
        self._letters: Counter = Counter()  # {first letter: variables with it}
        self.edges: dict[Edge, None] = {}
        self.attributes: dict[Attribute, None] = {}
        self.tokens: dict[str, tuple[int, ...]] = {}
        self.var_of: dict[int, str] = {}
        self.done: set[int] = set()  # tokens that another's concept has taken in
        self.shared: dict[int, str] = {}  # {verb: the subject it shares with another}
        self.lifted: dict[int, str] = {}  # {verb: what stands above it in its place}

    def arc(self, i: int) -> str:
        """The relation of a word to its head, without its subtype."""
        return self.parsed.arcs[i].partition(":")[0]

    def kids(self, i: int, *arcs: str) -> list[int]:
        """Children by these relations, with or without a subtype, still to be taken."""
        return [
            c
            for c in self.children[i]
            if c not in self.done
            and (self.arc(c) in arcs or self.parsed.arcs[c] in arcs)
        ]

    def first(self, i: int, *arcs: str) -> int | None:
        return next(iter(self.kids(i, *arcs)), None)

    def subtree(self, i: int) -> Iterator[int]:
        yield i
        for child in self.children[i]:
            yield from self.subtree(child)

    def add(self, concept: str, *tokens: int) -> str:
        """A new variable of a concept, aligned with tokens."""
        letter = concept[0].lower() if concept[:1].isalpha() else "x"
        letter = letter if letter.isascii() else "x"
        self._letters[letter] += 1
        number = self._letters[letter]
        var = letter if number == 1 else f"{letter}{number}"
        self.instances[var] = _clean(concept)
        if tokens:
            self.tokens[var] = tuple(sorted(tokens))
            self.done.update(tokens)
        return var

    def link(self, source: str, role: str, target: str) -> None:
        """An edge; a role that ends in -of is turned round."""
        if role.endswith("-of") and role not in (":consist-of", ":part-of-speech"):
            source, role, target = target, role.removesuffix("-of"), source
        if role in _REIFIED and source != target:
            frame, of, to = _REIFIED[role]
            source, role, target = self._between(frame, of, source), to, target
        if source != target:
            self.edges[Edge(source, role, target)] = None

    def _between(self, frame: str, role: str, source: str) -> str:
        """A new variable of a frame that has `source` in a role."""
        var = self.add(frame)
        self.edges[Edge(var, role, source)] = None
        return var

    def constant(self, var: str, role: str, value: str) -> None:
        self.attributes[Attribute(var, role, value)] = None

    def below(self, var: str, edge: Edge) -> bool:
        """Whether an edge leaves a variable that is reached from `var` forwards."""
        found = [var]
        for at in found:
            found += [
                e.target for e in self.edges if e.source == at and e.target not in found
            ]
        return edge.source in found

    def rename(self, old: str, new: str) -> None:
        """One variable takes the place of another."""
        self.edges = {
            Edge(*(new if v == old else v for v in edge)): None for edge in self.edges
        }
        self.edges = {e: None for e in self.edges if e.source != e.target}
        self.attributes = {
            Attribute(new if a.var == old else a.var, a.role, a.value): None
            for a in self.attributes
        }
        own = {*self.tokens.get(new, ()), *self.tokens.pop(old, ())}
        self.tokens[new] = tuple(sorted(own))
        self.instances.pop(old)
        self.var_of = {i: new if v == old else v for i, v in self.var_of.items()}

    def join(self, concepts: Collection[str]) -> dict[str, str]:
        """Makes the variables of each of these concepts one, and returns {a variable:
        the first one of its concept, which takes its place}."""
        first: dict[str, str] = {}
        joined = {}
        for var, concept in self.instances.items():
            if concept in concepts:
                joined[var] = first.setdefault(concept, var)
        for var, kept in joined.items():
            if var != kept:
                self.rename(var, kept)
        return joined

    def finish(self, top: str) -> Amr:
        """The graph of what is connected to `top`."""
        amr = Amr(top, self.instances, tuple(self.edges), tuple(self.attributes))
        kept = set(amr.reachable())
        return Amr(
            top,
            {var: c for var, c in self.instances.items() if var in kept},
            tuple(e for e in self.edges if e.source in kept),
            tuple(a for a in self.attributes if a.var in kept),
            {var: t for var, t in self.tokens.items() if var in kept},
        )


def _lemma(word: str, tag: str, known: str) -> str:
    """The parser's lemma, but for pronouns: "his" is "he" in AMR."""
    own = known if known and not tag.startswith("PRP") else lemma(word, tag)
    return own.lower()


def _clean(concept: str) -> str:
    """A concept that PENMAN can hold without quotation marks."""
    kept = "".join("_" if letter in ' ()/:~"' else letter for letter in concept)
    return kept.strip() or "_"


def quoted(text: str) -> str:
    """A constant in quotation marks."""
    return '"' + text.replace("\\", "").replace('"', "'") + '"'
