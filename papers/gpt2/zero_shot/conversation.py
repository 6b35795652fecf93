"""CoQA: questions about a story, each after the ones before it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common.contract import UserError
from common.files.texts import read_json
from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.answers import against_people, exact, f1
from papers.gpt2.zero_shot.model import Model, prompts

NAMES = ("coqa-dev-v1.0.json", "coqa*.json")
ANSWER_TOKENS = 32
_FORM = '{"data": [{"story", "questions": [{"input_text"}], "answers": [...]}]}'


class Turn(NamedTuple):
    """history: the (question, answer) pairs before. answers: of several people."""

    story: str
    history: tuple[tuple[str, str], ...]
    question: str
    answers: tuple[str, ...]


def read(root: str | Path) -> files.Found[Turn]:
    """coqa-dev-v1.0.json; its additional answers are references too."""
    path = files.find(root, NAMES, "CoQA")
    found = read_json(path)
    stories = found.get("data") if isinstance(found, dict) else None
    if not isinstance(stories, list):
        raise UserError(f"{str(path)!r} has no list 'data'; its form is {_FORM}")
    parts = ((f"{path.name}, story {i}", each) for i, each in enumerate(stories, 1))
    told = files.gather(path, parts, _turns, _FORM)
    turns = tuple(turn for turns in told.items for turn in turns)
    return files.Found(turns, told.skipped)


def _turns(story: Any) -> list[Turn]:
    if not isinstance(story, dict):
        raise files.Broken("no object")
    text = files.field(story, "story", str)
    questions = [*_texts(files.field(story, "questions", list))]
    people = [files.field(story, "answers", list)]
    additional = story.get("additional_answers") or {}
    people += [additional[name] for name in sorted(additional)]
    answers = [[*_texts(each)] for each in people]
    if any(len(each) != len(questions) for each in answers):
        raise files.Broken(f"{len(questions)} questions have other numbers of answers")
    history = [*zip(questions, answers[0], strict=True)]
    return [
        Turn(text, tuple(history[:i]), question, tuple(each[i] for each in answers))
        for i, question in enumerate(questions)
    ]


def _texts(turns: list[Any]) -> Iterator[str]:
    for turn in turns:
        if not isinstance(turn, dict):
            raise files.Broken("a turn that is no object")
        yield files.field(turn, "input_text", str).strip()


def score(model: Model, turns: Sequence[Turn], *, seed: int = 0) -> dict[str, float]:
    """F1 and exact match of the greedy answers after the story, the conversation with
    the answers of people, the question and "A:" (section 3.5: 55 F1). An answer ends
    with its line. A story that does not fit loses its end."""
    pairs = [(turn.story, asked(turn)) for turn in turns]
    asking = prompts(model, pairs, ANSWER_TOKENS)
    texts = model.continue_(asking.texts, ANSWER_TOKENS, top_k=1, seed=seed)
    answers = [first_line(text) for text in texts]
    people = [turn.answers for turn in turns]
    pairs = [*zip(answers, people, strict=True)]
    return {
        "f1": float(np.mean([against_people(f1, *pair) for pair in pairs])),
        "exact_match": float(np.mean([against_people(exact, *pair) for pair in pairs])),
        "cropped": asking.cropped,
        "items": len(turns),
    }


def asked(turn: Turn) -> str:
    """What follows the story in the prompt."""
    told = "".join(f"Q: {question}\nA: {answer}\n" for question, answer in turn.history)
    return f"\n\n{told}Q: {turn.question}\nA:"


def first_line(text: str) -> str:
    return text.strip().split("\n")[0].strip()
