"""Times a training step of DKN beside the same in PyTorch.

    python -m tests.papers.dkn.step_time --torch_python=PATH [--config.data.title=10]

Both read the same shapes: the default's network, one seed, random titles, frozen entity
vectors, Adam.
"""

import argparse

from tests import beside_torch


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch import nn

    rows, clicks, candidates = size["rows"], size["clicks"], size["candidates"]
    d, k, m, words = size["d"], size["k"], size["filters"], size["title"]
    vectors = len(size["windows"]) * m
    frozen = [torch.randn(size["entities"], k) for _ in range(2)]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(size["words"], d)
            self.maps = nn.ModuleList(nn.Linear(k, d) for _ in frozen)
            self.convs = nn.ModuleList(
                nn.Conv1d(3 * d, m, length) for length in size["windows"]
            )
            self.attend = nn.Sequential(
                nn.Linear(2 * vectors, size["attention"]),
                nn.ReLU(),
                nn.Linear(size["attention"], 1),
            )
            self.score = nn.Sequential(
                nn.Linear(2 * vectors, size["units"]),
                nn.ReLU(),
                nn.Linear(size["units"], 1),
            )
            self.drop = nn.Dropout(size["dropout"])

        def titles(self, ids, entities):
            exists = (ids > 0)[..., None]
            channels = [self.words(ids) * exists]
            for table, map_ in zip(frozen, self.maps, strict=True):
                known = (entities > 0)[..., None]
                channels.append(torch.tanh(map_(table[entities])) * known)
            x = torch.cat(channels, -1).transpose(1, 2)
            lengths = (ids > 0).sum(-1)
            found = []
            for length, conv in zip(size["windows"], self.convs, strict=True):
                y = conv(x)
                valid = (lengths - length + 1).clamp(min=1)[:, None, None]
                inside = torch.arange(y.shape[-1]) < valid
                y = y.masked_fill(~inside, float("-inf")).amax(-1)
                found.append(torch.relu(y))
            return torch.cat(found, -1)

        def forward(self, ids, entities):
            flat = [x.reshape(-1, words) for x in (ids, entities)]
            news = self.titles(*flat).reshape(rows, clicks + candidates, -1)
            news = self.drop(news)
            clicked, shown = news[:, :clicks], news[:, clicks:]
            pairs = torch.cat(
                [
                    clicked[:, None].expand(-1, candidates, -1, -1),
                    shown[:, :, None].expand(-1, -1, clicks, -1),
                ],
                -1,
            )
            weights = torch.softmax(self.attend(pairs)[..., 0], -1)
            user = weights @ clicked
            return self.score(torch.cat([user, shown], -1))[..., 0]

    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3)
    loss = nn.BCEWithLogitsLoss()
    shape = rows, clicks + candidates, words
    ids = torch.randint(1, size["words"], shape)
    entities = torch.randint(1, size["entities"], shape)
    label = torch.zeros(rows, candidates)
    label[:, 0] = 1

    def step(_):
        optimiser.zero_grad()
        loss(net(ids, entities), label).backward()
        optimiser.step()

    return lambda: None, step


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    """The step that the command line calls."""
    del size
    from papers import dkn

    return beside_torch.steps(dkn, config_of(overrides), "dkn")


def config_of(overrides: list[str]):
    from common.config import changed
    from launch import catalogue
    from papers import dkn

    alone = {"runs": ("dkn",), "seeds": 1, "snapshots": 0, "vectors.source": "random"}
    return catalogue.override(changed(dkn.get_config(), alone), overrides)


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    del flags
    c = config_of(overrides)
    m, d = c.model, c.data
    size = {
        "rows": d.batch_size, "clicks": d.history, "candidates": 1 + d.negatives,
        "title": d.title, "words": d.words, "entities": d.entities, "d": m.d_word,
        "k": m.d_entity, "filters": m.filters, "windows": m.windows,
        "attention": m.attention_units, "units": m.units, "dropout": m.dropout,
    }  # fmt: skip
    return {"a step": size}


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case)
