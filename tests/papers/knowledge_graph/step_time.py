"""Times TransE beside a straightforward PyTorch program: 200 numbers, L1 of unit
vectors, the tables of FB15k-237.

    python -m tests.papers.knowledge_graph.step_time --torch_python=PATH [--what=ranks]

step: a call is one step of SGD on a batch of 1,024 triples with 25 negatives.
PyTorch's gradients are dense or sparse; it gathers and normalises an entity once.
ranks: a call scores all entities as heads and as tails of 32 triples of one relation,
and counts those that are better; FB15k-237 has 20,466 test triples.
"""

import argparse
from functools import partial

from tests import beside_torch

ENTITIES, RELATIONS, D, K, ROWS = 14_541, 237, 200, 25, 1_024
BLOCK = 32  # triples of one relation that are ranked in a call


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    del overrides
    if flags.what == "ranks":
        return {f"{BLOCK} triples": {"what": "ranks", "sparse": False}}
    return {
        f"a step, PyTorch's gradients {kind}": {"what": "step", "sparse": sparse}
        for kind, sparse in (("dense", False), ("sparse", True))
    }


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch.nn import Embedding

    entities = Embedding(ENTITIES, D, sparse=size["sparse"])
    relations = Embedding(RELATIONS, D, sparse=size["sparse"])
    for table in (*entities.parameters(), *relations.parameters()):
        torch.nn.init.xavier_uniform_(table)
    cases = {"step": torch_step, "ranks": torch_ranks}
    return lambda: None, cases[size["what"]](entities, relations)


def torch_step(entities, relations):
    import torch
    from torch.nn.functional import normalize

    optimiser = torch.optim.SGD(
        [*entities.parameters(), *relations.parameters()], lr=1.0
    )
    ids = torch.randint(ENTITIES, (ROWS, 2 + K))
    relation = torch.randint(RELATIONS, (ROWS,))
    replaces_head = torch.rand(ROWS, K, 1) < 0.5

    def step(_):
        optimiser.zero_grad()
        e = normalize(entities(ids), dim=-1)
        r = normalize(relations(relation), dim=-1)[:, None]
        head, tail, wrong = e[:, :1], e[:, 1:2], e[:, 2:]
        positive = (head + r - tail).abs().sum(-1)
        rest = torch.where(replaces_head, r - tail, -(head + r))
        negative = (wrong + rest).abs().sum(-1)
        torch.relu(5 + positive - negative).mean().backward()
        optimiser.step()

    return step


def torch_ranks(entities, relations):
    import torch
    from torch.nn.functional import normalize

    heads, tails = torch.randint(ENTITIES, (2, BLOCK))

    @torch.inference_mode()
    def ranks(_):
        e = normalize(entities.weight, dim=-1)
        r = normalize(relations.weight[:1], dim=-1)
        for points, answers in ((e[tails] - r, heads), (e[heads] + r, tails)):
            scores = torch.cdist(points, e, p=1)
            own = scores.gather(1, answers[:, None])
            (scores < own).sum(1)

    return ranks


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    """The functions that the command line calls."""
    import jax

    from launch import catalogue
    from papers import knowledge_graph as kg

    config = catalogue.override(kg.get_config("fb15k_237"), overrides)
    config = kg.runs(config)["transe"].config
    config.data.batch_size = ROWS
    state = kg.init(config, jax.random.key(0))
    case = {"step": jax_step, "ranks": jax_ranks}[size["what"]]
    return lambda: None, case(config, state)


def jax_step(config, state):
    import jax
    import numpy as np

    from papers import knowledge_graph as kg

    rng = np.random.default_rng(0)
    batch = {
        "head": rng.integers(0, ENTITIES, ROWS, np.int32),
        "relation": rng.integers(0, RELATIONS, ROWS, np.int32),
        "tail": rng.integers(0, ENTITIES, ROWS, np.int32),
        "wrong": rng.integers(0, ENTITIES, (ROWS, K), np.int32),
        "replaces_head": rng.random((ROWS, K)) < 0.5,
        "valid": np.ones((ROWS, K), np.float32),
    }
    step = jax.jit(partial(kg.train_step, config), donate_argnums=0)

    def call(_):
        nonlocal state
        state, _ = step(state, batch)
        jax.block_until_ready(state)

    return call


def jax_ranks(config, state):
    import jax
    import numpy as np

    from papers.knowledge_graph import ranks

    rng = np.random.default_rng(0)
    ids = rng.integers(0, ENTITIES, (2, BLOCK), np.int32)
    known = np.full((BLOCK, 64), -1, np.int32)
    questions = ranks.Questions(*ids, known, known)
    rank = jax.jit(partial(ranks.of_relation, config.model), static_argnums=3)
    return lambda _: rank(state.params, np.int32(0), questions, ENTITIES)


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", choices=("step", "ranks"), default="step")
    return parser


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, flags())
