"""The rows of the tables."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from common.contract import Table
from common.metrics import over
from common.text.rouge import rouge
from papers.amr_summarization import (
    data,
    measure,
    speaking,
    summarise,
    systems,
    train,
)
from papers.amr_summarization.config import Config
from papers.amr_summarization.documents import Document
from papers.amr_summarization.held_out import same_data
from papers.amr_summarization.material import Material
from papers.amr_summarization.measure import Reference, Scores
from papers.amr_summarization.summarise import Analysis

COLUMNS = (
    "summary", "ROUGE-1", "ROUGE-2", "ROUGE-L", "node P", "node R", "node F1",
    "edge P", "edge R", "edge F1", "words",
)  # fmt: skip

OTHER_DATA = (
    "a gap: the run was trained on other data than those at hand, or on graphs of "
    "other rules; train it in another workdir"
)


def held_out(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Table:
    """What the networks write for held-out sentences and graphs."""
    rows = []
    changed = ""
    for name, (own, state) in trained.items():
        own = dataclasses.replace(own, eval=config.eval)
        if not same_data(own, state):
            rows.append([name, None, None, None])
            changed = OTHER_DATA
            continue
        step = jax.jit(functools.partial(train.eval_step, own))
        values = over(lambda b, f=step, s=state: f(s, b), data.batches(own, "test"))
        scores = train.validate(own, values)
        rows.append([name, values["loss"], scores.get("smatch"), scores.get("bleu")])
    note = (
        "silver graphs, made by rules and seen by nobody, are what is expected: Smatch "
        "says how well the rules were learned"
    )
    columns = ("run", "nats a piece", "Smatch", "BLEU")
    note = note if config.data.source == "wikipedia" else ""
    return Table(columns, rows, changed or note)


def rows_of(config: Config, found: Material) -> dict[str, Scores]:
    """{summary: its mean scores}: baselines, the selection and its parts left out."""
    words = [config.eval.words] * len(found.documents)
    rows: dict[str, Scores] = {}
    plain = systems.variant(config, {})
    base = systems.analyses(found.documents, plain)
    chance = []
    for name, system in systems.baseline_systems(config).items():
        scores = systems.measured(system, base, found.references, words)
        if name.startswith("random"):
            chance.append(scores)
        else:
            rows[name] = scores
    rows["random"] = measure.mean(chance)
    known: dict[tuple, list[Analysis]] = {(plain.coreference, plain.names): base}
    for name, changes in systems.SELECTIONS.items():
        options = systems.variant(config, changes)
        key = options.coreference, options.names
        if key not in known:
            known[key] = systems.analyses(found.documents, options)
        system = systems.selecting(options)
        rows[name] = systems.measured(system, known[key], found.references, words)
    rows |= _sized(config, base, found)
    return rows


def _sized(
    config: Config, base: Sequence[Analysis], found: Material
) -> dict[str, Scores]:
    """The paper's own sizes: a share of the document's nodes, and, as the released run
    has it, as many nodes as the reference's graph, which is an oracle."""
    options = systems.variant(config, {})
    by_ratio = []
    oracle = []
    for analysis, wanted in zip(base, found.references, strict=True):
        count = len(analysis.graph)
        targets = options.ratio * count, np.mean([len(r.graph) for r in wanted])
        for target, scores in zip(targets, (by_ratio, oracle), strict=True):
            size = summarise.node_size(analysis.graph, target, options.slack)
            pieces, _ = summarise.selection(analysis, options, size)
            pieces = sorted(pieces, key=lambda piece: piece.sentence)
            scores.append(measure.scored(analysis, pieces, wanted))
    name = f"ours, {100 * options.ratio:.3g} % of the nodes"
    return {
        name: measure.mean(by_ratio),
        "ours, oracle: as many nodes as the reference": measure.mean(oracle),
    }


def summaries(config: Config, found: Material, rows: Mapping[str, Scores]) -> Table:
    shown = [
        [name, *(100 * value for value in scores[:-1]), scores.words]
        for name, scores in rows.items()
    ]
    e = config.eval
    count = sum(map(len, found.references))
    whole = f"first {e.reference_words} words" if e.reference_words else "whole text"
    note = (
        f"per cent, means over {len(found.documents)} documents ({found.said_in}) and "
        f"{count} summaries by people, of each the {whole}. Summaries are cut at "
        f"{e.words} words but for lead-1 to lead-3, which may be shorter, and the last "
        "two rows. Graphs of all are made by the same rules"
    )
    return Table(COLUMNS, shown, note)


def data_table(found: Material, base: Sequence[Analysis]) -> Table:
    """What there is, before and after merging."""
    rows = []
    for name, values in (
        ("sentences", [len(d) for d in found.documents]),
        ("words", [sum(map(len, d.sentences)) for d in found.documents]),
        ("nodes of all sentences", [_nodes(d) for d in found.documents]),
        ("nodes when merged", [len(a.graph) for a in base]),
        ("edges when merged", [len(a.graph.links) for a in base]),
        ("groups of coreference", [len(a.clusters) for a in base]),
        ("nodes of a reference", [len(r.graph) for rs in found.references for r in rs]),
    ):
        rows.append([name, float(np.mean(values)), min(values), max(values)])
    return Table(("of a document", "mean", "least", "most"), rows, found.said_in)


def _nodes(document: Document) -> int:
    return sum(len(graph.instances) for graph in document.graphs)


def smatch_of_given(found: Material) -> float | None:
    """Smatch of the rules against the graphs that came with the documents; None where
    none came."""
    from papers.amr_summarization import agreement
    from papers.amr_summarization.rules import graph_of

    pairs = [
        (graph_of(parsed), graph)
        for document in found.documents
        if not document.guessed
        for parsed, graph in zip(document.sentences, document.graphs, strict=True)
        if any(parsed.arcs)
    ]
    return agreement.smatch(pairs).f1 if pairs else None


def spoken(
    config: Config,
    found: Material,
    base: Sequence[Analysis],
    trained: Mapping[str, tuple[Config, Any]],
) -> Table:
    """ROUGE of the same selection, said in three ways."""
    count = config.eval.spoken
    options = systems.variant(config, {})
    size = summarise.Size(words=config.eval.words)
    made = [summarise.summary(a, options, size) for a in base[:count]]
    texts = {
        "words of the document": [s.text for s in made],
        "the graph, by rules": _texts(made, speaking.by_rules),
    }
    if "generator" in trained:
        own, state = trained["generator"]
        predict = dataclasses.replace(own.predict, decode=config.predict.decode)
        own = dataclasses.replace(own, predict=predict)
        say = speaking.by_generator(own, state)
        texts["the graph, by the generator"] = _texts(made, say)
    rows = [
        [name, *_rouge(own, found.references[:count])] for name, own in texts.items()
    ]
    note = (
        f"per cent, of the first {len(made)} documents; summaries are not cut at "
        f"{config.eval.words} words"
    )
    return Table(("said by", "ROUGE-1", "ROUGE-2", "ROUGE-L"), rows, note)


def _texts(made: Sequence[summarise.Summary], say: speaking.Say) -> list[str]:
    return [
        "\n".join(text for text, _ in speaking.sentences(s.graph, s.pieces, say))
        for s in made
    ]


def _rouge(
    texts: Sequence[str], references: Sequence[Sequence[Reference]]
) -> list[float]:
    rows = [
        np.mean([rouge(text, wanted.text) for wanted in own], axis=0)
        for text, own in zip(texts, references, strict=True)
    ]
    return [100 * value for value in np.mean(rows, axis=0).tolist()]


def example(config: Config, found: Material, base: Sequence[Analysis]) -> str:
    """The first document's summary, each sentence with where it is from."""
    options = systems.variant(config, {})
    made = summarise.summary(base[0], options, summarise.Size(words=config.eval.words))
    lines = [f"{line.text}  [sentence {line.sentence + 1}]" for line in made.lines]
    return f"{found.documents[0].name}\n" + "\n".join(lines)
