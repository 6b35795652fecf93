"""Natural Questions, open: facts without a text that has them."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common.contract import UserError
from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.answers import exact
from papers.gpt2.zero_shot.conversation import first_line
from papers.gpt2.zero_shot.model import Model, continuations, prompts

NAMES = (
    "nq-open.dev.jsonl",
    "nq*dev*.jsonl",
    "nq*.jsonl",
    "nq*test*.?sv",
    "nq*dev*.?sv",
    "nq*.?sv",
)
ANSWER_TOKENS = 16
MOST_CONFIDENT = 0.01
_FORM = '{"question": "...", "answer": ["..."]} or question<tab>["..."] a line'


class Question(NamedTuple):
    question: str
    answers: tuple[str, ...]


def read(root: str | Path) -> files.Found[Question]:
    """NQ-open: JSON lines with "question" and "answer" (or "answers"), or two columns
    with a tab between, the second a list or one answer."""
    path = files.find(root, NAMES, "Natural Questions")
    parse = _from_json if ".jsonl" in path.name.lower() else _from_columns
    return files.gather(path, files.read_lines(path), parse, _FORM)


def _from_json(line: str) -> Question:
    found = files.json_object(line)
    answers = found.get("answer", found.get("answers"))
    return _question(files.field(found, "question", str), answers)


def _from_columns(line: str) -> Question:
    columns = line.split("\t")
    if len(columns) != 2:
        raise files.Broken(f"{len(columns)} columns")
    question, answers = map(str.strip, columns)
    if not answers.startswith("["):
        return _question(question, answers)
    try:
        return _question(question, ast.literal_eval(answers))
    except (ValueError, SyntaxError):
        raise files.Broken("the answers are no list") from None


def _question(question: str, answers: Any) -> Question:
    several = [answers] if isinstance(answers, str) else answers
    if not isinstance(several, list) or not all(isinstance(a, str) for a in several):
        raise files.Broken("the answers are no list of texts")
    if not (question.strip() and several and all(each.strip() for each in several)):
        raise files.Broken("no question or no answer")
    return Question(question.strip(), tuple(each.strip() for each in several))


def score(
    model: Model, questions: Sequence[Question], *, shots: int = 5, seed: int = 0
) -> dict[str, float]:
    """Exact match of greedy answers after `shots` examples (section 3.8: 4.1%).

    The examples are the first questions, which are not counted. exact_match_confident
    is that of the 1% of questions, at least one, whose answers the model finds most
    probable (63.1% in the paper).

    UserError: no question is left.
    """
    examples, rest = questions[:shots], questions[shots:]
    if not rest:
        raise UserError(
            f"{len(questions)} questions are too few after {shots} examples"
        )
    shown = "".join(f"Q: {each.question}\nA: {each.answers[0]}\n" for each in examples)
    asked = [("", f"{shown}Q: {each.question}\nA:") for each in rest]
    asking = prompts(model, asked, ANSWER_TOKENS)
    texts = model.continue_(asking.texts, ANSWER_TOKENS, top_k=1, seed=seed)
    answers = [first_line(text) for text in texts]
    hits = np.asarray(
        [
            max(exact(answer, each) for each in question.answers)
            for answer, question in zip(answers, rest, strict=True)
        ]
    )
    pairs = [
        (text, f" {answer}\n")
        for text, answer in zip(asking.texts, answers, strict=True)
    ]
    order = np.argsort(continuations(model, pairs).nll, kind="stable")
    confident = order[: max(1, round(len(rest) * MOST_CONFIDENT))]
    return {
        "exact_match": float(hits.mean()),
        "exact_match_confident": float(hits[confident].mean()),
        "cropped": asking.cropped,
        "items": len(rest),
    }
