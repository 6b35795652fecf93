"""Times a training step of SPTree beside the same network in PyTorch.

    python -m tests.papers.sptree.step_time --torch_python=PATH [--cores=1] \\
        [--sentences=8,16,32,64]

Both have the paper's sizes and read a batch of written facts: entities word by word,
then all pairs of them on their shortest paths. PyTorch's trees are Python loops over
the words of each path, as in all code of such trees; it pairs the gold entities, and
this package those that it finds, of which it computes `data.entities` at any rate.
"""

import argparse

from tests import beside_torch


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch import nn

    d, label, arc, units = size["tree"], size["d_label"], size["d_arc"], size["units"]
    sequence = 2 * size["sequence"]
    labels, classes = size["labels"], size["classes"]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(size["words"], size["d_word"])
            self.tags = nn.Embedding(size["tags"], size["d_tag"])
            self.arcs = nn.Embedding(size["arcs"], arc)
            self.labels = nn.Embedding(labels, label)
            self.lstm = nn.LSTM(
                size["d_word"] + size["d_tag"], size["sequence"],
                bidirectional=True, batch_first=True,
            )  # fmt: skip
            self.entity = nn.Linear(sequence + label, units)
            self.entity_out = nn.Linear(units, labels)
            inputs = sequence + label + arc
            self.up = nn.LSTMCell(inputs, d)
            self.down = nn.LSTMCell(inputs, d)
            self.relation = nn.Linear(3 * d + 2 * sequence, units)
            self.relation_out = nn.Linear(units, classes)
            self.drop = nn.Dropout(size["dropout"])

        def entities(self, s):
            """Logits word by word; each label is the likeliest."""
            before = torch.zeros(len(s), dtype=torch.long)
            found = []
            for word in range(s.shape[1]):
                x = torch.cat([s[:, word], self.labels(before)], -1)
                found.append(self.entity_out(torch.tanh(self.entity(x))))
                before = found[-1].argmax(-1)
            return torch.stack(found, 1)

        def pair(self, x, left, right, top):
            """d of a pair: states from the words up to the top, and down again."""
            zero = (torch.zeros(1, d), torch.zeros(1, d))

            def climb(words, state):
                for word in words:
                    state = self.up(x[word : word + 1], state)
                return state

            sides = [climb(side, zero) for side in (left, right)]
            both = tuple(a + b for a, b in zip(*sides, strict=True))
            up, _ = self.up(x[top : top + 1], both)
            start = self.down(x[top : top + 1], zero)
            ends = []
            for side in (left, right):
                state = start
                for word in reversed(side):
                    state = self.down(x[word : word + 1], state)
                ends.append(state[0])
            return ends[0], up, ends[1]

    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    words, tags, arcs, gold = (
        torch.tensor(size[n]) for n in ("word", "tag", "arc", "label")
    )
    loss = nn.CrossEntropyLoss(reduction="sum")

    def step(_):
        optimiser.zero_grad()
        embedded = torch.cat([net.words(words), net.tags(tags)], -1)
        s, _ = net.lstm(net.drop(embedded))
        total = loss(net.entities(s).flatten(0, 1), gold.flatten())
        x = torch.cat([s, net.drop(net.labels(gold)), net.drop(net.arcs(arcs))], -1)
        rows, values = [], []
        for row, left, right, top, first, last, value in size["pairs"]:
            a, up, b = net.pair(x[row], left, right, top)
            spans = [s[row, i : j + 1].mean(0, keepdim=True) for i, j in (first, last)]
            rows.append(torch.cat([a, up, b, *spans], -1))
            rows.append(torch.cat([b, up, a, *spans[::-1]], -1))
            values += value
        hidden = torch.tanh(net.relation(torch.cat(rows)))
        total = total + loss(net.relation_out(hidden), torch.tensor(values))
        (total / len(words)).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()

    return lambda: None, step


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    """The step that the command line calls."""
    from papers import sptree

    return beside_torch.steps(sptree, config_of(size["rows"], overrides), "no_ep")


def config_of(rows: int, overrides: list[str]):
    from common.config import changed
    from launch import catalogue
    from papers import sptree
    from papers.sptree.config import Model

    alone = {
        "runs": ("no_ep",),
        "seeds": 1,
        "model": Model(),
        "data.batch_size": rows,
        "data.sentences": (400, 10, 10),
    }
    return catalogue.override(changed(sptree.get_config(), alone), overrides)


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    """The first batch that this package reads, as lists, of each size."""
    return {
        f"a step of {rows} sentences": _case(rows, overrides)
        for rows in map(int, flags.sentences.split(","))
    }


def _case(rows: int, overrides: list[str]) -> dict:
    from papers import sptree
    from papers.sptree.corpus import corpus, sizes

    c = sptree.runs(config_of(rows, overrides))["no_ep"].config
    batch = next(sptree.batches(c, "train"))
    sentences = [corpus(c).sentences["train"][i] for i in batch["row"]]
    found = sizes(c)
    m = c.model
    size = {
        "tree": m.tree, "d_label": m.d_label, "d_arc": m.d_arc, "d_word": m.d_word,
        "d_tag": m.d_tag, "sequence": m.sequence, "units": m.relation_units,
        "dropout": m.dropout_embedding, "words": found.words, "tags": found.tags,
        "arcs": found.arcs + 1, "labels": found.labels, "classes": found.classes,
        "pairs": list(_pairs(batch, sentences)), "rows": rows,
    }  # fmt: skip
    for name in ("word", "tag", "arc", "label"):
        size[name] = batch[name].tolist()
    return size


def _pairs(batch, sentences):
    import itertools

    from tests.common.recursive_trees import path

    for row, sentence in enumerate(sentences):
        for a, b in itertools.combinations(sentence.entities, 2):
            ends = a.end - 1, b.end - 1
            left, right, top = path(sentence.parsed.heads, *ends)
            value = int(batch["relation"][row][ends])
            other = value and value + 1 - 2 * ((value - 1) % 2)
            spans = (a.start, ends[0]), (b.start, ends[1])
            yield row, left, right, top, *spans, (value, other)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", default="16", help="of a batch; several: 8,16")
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, parser)
