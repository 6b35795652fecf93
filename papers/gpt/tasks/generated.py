"""Four small tasks of generated sentences, one for each form: what the tests run."""

import random
from typing import NamedTuple

from papers.gpt.tasks.task import TOP_SCORE, Example, Task, assemble

NAMES = ("toy-kind", "toy-entailment", "toy-similarity", "toy-choice")
_LIVING = ("cat", "child", "bird", "king")
_THINGS = ("river", "house", "stone", "letter")
_ALL = _LIVING + _THINGS
_VERBS = ("sees", "follows", "finds", "loves", "forgets", "holds")
_OBJECTS = ("garden", "moon", "road", "winter", "song", "window")
_SIZES = {"train": 64, "valid": 16, "test": 24}


class _Sentence(NamedTuple):
    subject: str
    verb: str
    thing: str

    @classmethod
    def drawn(cls, rng: random.Random) -> "_Sentence":
        return cls(*map(rng.choice, (_ALL, _VERBS, _OBJECTS)))

    def __str__(self) -> str:
        return f"the {self.subject} {self.verb} the {self.thing}."


def load(name: str, seed: int = 0) -> Task:
    """A task of `NAMES`, with 64, 16 and 24 examples."""
    examples = [
        _example(name, split, random.Random(f"{seed} {name} {split} {i}"), i)
        for split, size in _SIZES.items()
        for i in range(size)
    ]
    match name:
        case "toy-kind":
            settings = "classification", ("living", "thing"), ("accuracy", "mcc")
        case "toy-entailment":
            settings = "entailment", ("follows", "does not"), ("accuracy", "f1")
        case "toy-similarity":
            names = tuple(map(str, range(TOP_SCORE + 1)))
            settings = "similarity", names, ("pearson", "spearman")
        case _:
            settings = "choice", (), ("accuracy",)
    return assemble(name, *settings, examples, scored=name == "toy-similarity")


def _example(name: str, split: str, rng: random.Random, i: int) -> Example:
    first, other = _Sentence.drawn(rng), _Sentence.drawn(rng)
    match name:
        case "toy-kind":
            subject = rng.choice((_LIVING, _THINGS)[i % 2])
            return Example((str(first._replace(subject=subject)),), i % 2, split)
        case "toy-entailment":
            others = [s for s in _ALL if s != first.subject]
            subject = rng.choice(others) if i % 2 else first.subject
            hypothesis = f"a {subject} {first.verb}."
            return Example((str(first), hypothesis), i % 2, split)
        case "toy-similarity":
            kept = rng.sample(range(3), i % 4)
            words = [first[j] if j in kept else other[j] for j in range(3)]
            mixed = _Sentence(*words)
            same = sum(a == b for a, b in zip(first, mixed, strict=True))
            score = TOP_SCORE * same / len(first)
            return Example((str(first), str(mixed)), score, split)
    right = f"that {first.subject}."
    wrong = f"that {rng.choice([s for s in _ALL if s != first.subject])}."
    answers = (wrong, right) if i % 2 else (right, wrong)
    return Example((str(first), *answers), i % 2, split)
