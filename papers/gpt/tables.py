"""The rows of the tables."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from common.contract import Table
from papers.gpt import data, tasks
from papers.gpt.measure import Group, Reader
from papers.gpt.paper_results import ABLATION, FINE_TUNED

# Conditions of the paper's table 5: (network, all layers taken over, λ > 0).
CONDITIONS = {
    "pre-trained, aux": ("transformer", True, True),
    "pre-trained": ("transformer", True, False),
    "no pre-training": ("transformer", False, True),
    "LSTM": ("lstm", True, True),
}


def language(readers: Sequence[Reader]) -> Table:
    """Losses of the pre-trained networks on all splits of the text."""
    rows = []
    for reader in readers:
        losses = [reader.loss(split) for split in ("train", "valid", "test")]
        perplexity = float(np.exp(losses[-1]))
        rows.append([reader.name, *losses, perplexity, reader.bits_per_byte()])
    columns = ("run", "train", "valid", "test", "test perplexity", "bits a byte")
    e, length = readers[0].config.eval, readers[0].config.data.length
    note = (
        f"nats a token; the first {e.tokens:,} tokens of each split in windows of "
        f"{length} that move by {e.stride or length}; bits a byte: of all the test text"
    )
    return Table(columns, rows, note)


def of_task(groups: Iterable[Group], name: str) -> dict[str, Group]:
    """{condition: its group} of a task, in the order of `CONDITIONS`."""
    found = {g.condition: g for g in groups if g.config.task == name and _row(g)}
    return {row: found[key] for row, key in CONDITIONS.items() if key in found}


def _row(group: Group) -> bool:
    """Whether the group took over everything or nothing."""
    return group.depth in (-1, group.config.model.layers)


def ablation(groups: Sequence[Group], readers: Sequence[Reader]) -> Table:
    """The paper's table 5, for our tasks: a score a task, mean and spread of seeds."""
    names = dict.fromkeys(g.config.task for g in groups)
    by_task = {name: of_task(groups, name) for name in names}
    known = {name: data.task(first(groups, name).config) for name in names}
    rows = []
    for condition in CONDITIONS:
        cells = [_cells(found.get(condition)) for found in by_task.values()]
        if any(mean is not None for mean, _ in cells):
            rows.append([condition, *itertools.chain(*cells), ABLATION[condition]])
    for label, score in _baselines(readers, known):
        cells = [[score[name], None] for name in names]
        rows.append([label, *itertools.chain(*cells), None])
    columns = ["trained"]
    for name, task in known.items():
        columns += [f"{name}, {task.metrics[0]}", f"± {name}"]
    seeds = {len(g.test) for g in groups}
    note = (
        f"per cent on the test examples; mean and standard deviation of "
        f"{' or '.join(map(str, sorted(seeds)))} seeds. aux: the language model's loss "
        "is added (λ = 0.5 in the paper). The paper: its average over nine tasks"
    )
    return Table((*columns, "the paper"), rows, note)


def first(groups: Iterable[Group], name: str) -> Group:
    return next(g for g in groups if g.config.task == name)


def _cells(group: Group | None) -> list[float | None]:
    if group is None:
        return [None, None]
    spread = float(np.std(group.test, ddof=1)) if len(group.test) > 1 else None
    return [mean(group), None if spread is None else 100 * spread]


def mean(group: Group) -> float:
    """Per cent of the test examples."""
    return 100 * float(np.mean(group.test))


def _baselines(readers: Sequence[Reader], known: dict[str, tasks.Task]):
    """(row, {task: per cent or None}) of what is not fine-tuned."""
    for reader in readers:
        found = {name: _percent(reader.zero_shot(task)) for name, task in known.items()}
        if any(x is not None for x in found.values()):
            network = reader.config.model.network
            yield f"zero-shot, {network}", found
    bags = {name: bag(task) for name, task in known.items()}
    if any(x is not None for x in bags.values()):
        yield "bag of bigrams", bags
    yield "most frequent label", {name: majority(t) for name, t in known.items()}


def _percent(score: float | None) -> float | None:
    return None if score is None else 100 * score


def bag(task: tasks.Task) -> float | None:
    """Per cent of a logistic regression on words; None where they tell nothing."""
    if task.form != "classification" or task.scored:
        return None
    return 100 * tasks.bag_of_bigrams(task)[task.metrics[0]]


def majority(task: tasks.Task) -> float:
    """Per cent of the test examples for the commonest label of training; for scores,
    their mean."""
    labels = np.array([e.label for e in task.of("train")])
    test = np.array([e.label for e in task.of("test")])
    values, counts = np.unique(labels, return_counts=True)
    common = labels.mean() if task.scored else values[np.argmax(counts)]
    guesses = np.full(len(test), common)
    return 100 * tasks.measure(task, guesses, test)[task.metrics[0]]


def transfer(groups: Iterable[Group], name: str) -> Table | None:
    """Score against layers taken over (figure 2, left); None where it is one."""
    own = [
        g
        for g in groups
        if g.config.task == name
        and g.config.model.network == "transformer"
        and g.config.finetune.aux_weight > 0
    ]
    by_depth = {g.depth: g for g in sorted(own, key=lambda g: g.depth)}
    if len(by_depth) < 3:
        return None
    rows = [[_named(depth), *_cells(group)] for depth, group in by_depth.items()]
    metric = data.task(first(own, name).config).metrics[0]
    note = "with the auxiliary loss; mean and standard deviation over the seeds"
    return Table(("layers taken over", f"{metric}, %", "±"), rows, note)


def _named(depth: int) -> str:
    return {-1: "none", 0: "embeddings"}.get(depth, str(depth))


def along_training(readers: Sequence[Reader], task: tasks.Task) -> Table | None:
    """Zero-shot score along pre-training (figure 2, right); None without snapshots, or
    where the task cannot be asked of a language model."""
    curves = {r.name: dict(r.along_training(task)) for r in readers}
    curves = {
        name: curve for name, curve in curves.items() if None not in curve.values()
    }
    steps = sorted({step for curve in curves.values() for step in curve})
    if not steps:
        return None
    rows = [
        [step, *(_percent(curve.get(step)) for curve in curves.values())]
        for step in steps
    ]
    note = f"{task.metrics[0]} of {task.name}, %, without fine-tuning"
    return Table(("steps", *curves), rows, note)


def examples(groups: Iterable[Group]) -> Table:
    """What each task has, and how many of its inputs lose tokens."""
    found = {g.config.task: g.config for g in groups}
    rows = []
    for name, config in found.items():
        task = data.task(config)
        inputs = {s: data.inputs(config, s) for s in ("train", "valid", "test")}
        sizes = [len(x) for x in inputs.values()]
        cut = sum(x.cut for x in inputs.values())
        longest = max(x.longest for x in inputs.values())
        rows.append([name, task.form, *sizes, longest, data.length(config), cut])
    columns = (
        "task", "form", "train", "valid", "test", "longest", "tokens read", "cut",
    )  # fmt: skip
    note = "examples; the longest input in tokens, and how many inputs are cut"
    return Table(columns, rows, note)


def public(groups: Iterable[Group]) -> Table | None:
    """The tasks that the paper has, beside its results; None without any."""
    rows = [
        [name, data.task(g.config).metrics[0], condition, mean(g), FINE_TUNED[name]]
        for name in FINE_TUNED
        for condition, g in of_task(groups, name).items()
    ]
    if not rows:
        return None
    return Table(("task", "metric", "trained", "here, %", "the paper, %"), rows)
