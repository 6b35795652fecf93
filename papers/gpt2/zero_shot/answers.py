"""Answers in free form against references, as SQuAD and CoQA compare them."""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    """In lower case, without punctuation, then without articles, single spaces."""
    plain = answer.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact(answer: str, reference: str) -> float:
    return float(normalised(answer) == normalised(reference))


def f1(answer: str, reference: str) -> float:
    """F1 of the bags of words. Where one is empty: whether both are."""
    own, other = normalised(answer).split(), normalised(reference).split()
    if not own or not other:
        return float(own == other)
    common = sum((Counter(own) & Counter(other)).values())
    return 2 * common / (len(own) + len(other))


def against_people(measure, answer: str, references: Sequence[str]) -> float:
    """CoQA's comparison: the best over the references; with several, the mean over
    leaving out each in turn, as people are compared with the other people."""
    if len(references) == 1:
        return measure(answer, references[0])
    scores = [measure(answer, each) for each in references]
    rests = [scores[:i] + scores[i + 1 :] for i in range(len(scores))]
    return sum(map(max, rests)) / len(rests)
