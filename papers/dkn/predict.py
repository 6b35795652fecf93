"""Ranks a user's candidates: titles in, ranked titles out, with the clicks that the
attention used."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from common.contract import Records, UserError
from common.files.inputs import FILE, refuse_bare_path, text_of_file
from common.files.texts import parsed_json
from papers.dkn import data, figures, scoring, sources
from papers.dkn.config import Config
from papers.dkn.corpus import UNKNOWN, Corpus, words_of

FORM = (
    '{"clicked": [titles], "candidates": [titles]}, or lines "clicked TAB title" and '
    '"candidate TAB title", or FILE:path of either'
)


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """Yields lines: candidates, the likeliest click first, each with the clicks that
    weighed most; records of the same; and the weights of all as a figure.

    inputs: JSON, or FILE:path of JSON or of lines, as `FORM` says. A candidate that was
    clicked before is left out; entities are found in titles by their names. A candidate
    of unknown words alone is ranked, and its line says so.
    """
    if config.model.network in ("dmf",):
        raise UserError("dmf reads no titles: use --run=dkn")
    clicked, candidates = read(inputs)
    known = {words_of(title) for title in clicked}
    again = [title for title in candidates if words_of(title) in known]
    candidates = [title for title in candidates if words_of(title) not in known]
    for title in again:
        yield f"left out, clicked before: {title}\n"
    if not candidates:
        raise UserError(f"--input has no candidate that was not clicked: give {FORM}")
    state, _ = scoring.chosen(config, state)
    given = len(clicked)
    clicked = clicked[-config.data.history :]
    if len(clicked) < given:
        yield f"of {given} clicks the last {len(clicked)} count, config.data.history\n"
    probability, weights = scoring.score(
        config, state, batch(config, clicked, candidates)
    )
    if not clicked:
        yield "no click: the user's vector is 0, and candidates differ by themselves\n"
    corpus = sources.corpus(config)
    order = np.argsort(-probability, kind="stable")[: config.predict.top]
    records = []
    for i in order:
        own = weights[i][: len(clicked)] if weights is not None else np.zeros(0)
        used = np.argsort(-own, kind="stable")[: config.predict.clicks]
        record = {
            "candidate": candidates[i],
            "probability": float(probability[i]),
            **_known_of(corpus, candidates[i]),
            "clicks": [{"title": clicked[k], "weight": float(own[k])} for k in used],
        }
        records.append(record)
        yield _line(len(records), **record)
    unranked = [{"candidate": t, "error": "was clicked before"} for t in again]
    yield Records([*records, *unranked])
    if weights is not None and clicked:
        shown = weights[order][:, : len(clicked)]
        case = scoring.Case(clicked, [candidates[i] for i in order], shown)
        yield "Attention", figures.attention(case)


def _known_of(corpus: Corpus, title: str) -> dict[str, Any]:
    """The entities that a title mentions, and whether anything of it is known."""
    words, entities = corpus.encode(title)
    names = dict.fromkeys(corpus.entity_names[i] for i in entities if i)
    return {"entities": [*names], "known": bool(names or np.any(words > UNKNOWN))}


def _line(
    place: int,
    candidate: str,
    probability: float,
    entities: list[str],
    known: bool,
    clicks: list[dict[str, Any]],
) -> str:
    named = f" [{', '.join(entities)}]" if entities else ""
    unknown = "" if known else " (no word of it is known)"
    used = "; ".join(f"{click['title']} {click['weight']:.2f}" for click in clicks)
    because = f"  <- {used}" if used else ""
    return f"{place}. {probability:.3f}  {candidate}{named}{unknown}{because}\n"


def read(inputs: str) -> tuple[list[str], list[str]]:
    """Clicked titles and candidates. UserError: there are none, or another form."""
    if inputs.startswith(FILE):
        text = text_of_file(inputs)
    else:
        refuse_bare_path(inputs, lines=False)
        text = inputs
    if text.lstrip().startswith("{"):
        return _from_json(text)
    found: dict[str, list[str]] = {"clicked": [], "candidate": []}
    for number, line in enumerate(text.splitlines(), start=1):
        kind, tab, title = line.partition("\t")
        if line.strip():
            if not tab or kind not in found:
                raise UserError(
                    f"--input, line {number}, is {line[:60]!r}: give {FORM}"
                )
            found[kind].append(title.strip())
    if not found["candidate"]:
        raise UserError(f"--input={inputs[:60]!r} has no candidate: give {FORM}")
    return found["clicked"], found["candidate"]


def _from_json(text: str) -> tuple[list[str], list[str]]:
    given = parsed_json(text, "--input")
    unknown = given.keys() - {"clicked", "candidates"}
    if unknown:
        raise UserError(f"--input has {min(unknown)!r}: give {FORM}")
    lists = [given.get(name, []) for name in ("clicked", "candidates")]
    for titles in lists:
        if not isinstance(titles, list) or not all(isinstance(t, str) for t in titles):
            raise UserError(
                f"--input: clicked and candidates are lists of titles: {FORM}"
            )
    if not lists[1]:
        raise UserError(f"--input has no candidate: give {FORM}")
    return lists[0], lists[1]


def batch(
    config: Config, clicked: list[str], candidates: list[str]
) -> dict[str, np.ndarray]:
    """A batch of one row, of titles that may be new; a click fills a place even where
    all its words are unknown."""
    corpus = sources.corpus(config)
    titles = clicked + [""] * (config.data.history - len(clicked)) + candidates
    pairs = [corpus.encode(title) for title in titles]
    words, entities = (np.stack(x)[None] for x in zip(*pairs, strict=True))
    place = 1 + np.arange(len(titles))
    place[len(clicked) : config.data.history] = 0
    zeros = np.zeros((1, len(candidates)), np.float32)
    found = {
        "news": place[None].astype(np.int32),
        "label": zeros,
        "shown": 1 + zeros,
        "user": np.zeros(1, np.int32),
        "row": np.zeros(1, np.int32),
        "words": words,
        "entities": entities,
    }
    m = config.model
    if m.network in data.TFIDF:
        found["tfidf"] = data.tfidf(corpus, words)
    if m.network == "dssm":
        rows = [data.trigrams(title, m.letters, m.buckets) for title in titles]
        found["letters"] = np.stack(rows)[None]
    return found
