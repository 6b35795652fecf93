"""Times a training step beside a straightforward PyTorch program: TransE, 200 numbers,
25 negatives, the tables of FB15k-237, SGD.

    python -m tests.papers.knowledge_graph.step_time --torch_python=PATH [--cores=2]

A call is one step on a batch of 1,024 triples: triples/s are 1,024 over its seconds.
PyTorch gathers the entities once, as we do, and its gradients are dense or sparse.
"""

from tests import beside_torch

ENTITIES, RELATIONS, D, K, ROWS = 14_541, 237, 200, 25, 1_024


def cases(flags, overrides) -> dict[str, dict]:
    del flags, overrides
    return {"dense gradients": {"sparse": False}, "sparse gradients": {"sparse": True}}


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch.nn import Embedding
    from torch.nn.functional import normalize

    entities = Embedding(ENTITIES, D, sparse=size["sparse"])
    relations = Embedding(RELATIONS, D, sparse=size["sparse"])
    parameters = [*entities.parameters(), *relations.parameters()]
    for table in parameters:
        torch.nn.init.xavier_uniform_(table)
    optimiser = torch.optim.SGD(parameters, 1.0)
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

    return lambda: None, step


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    """The step that the command line compiles."""
    del size
    from functools import partial

    import jax
    import numpy as np

    from launch import catalogue
    from papers import knowledge_graph as kg

    config = catalogue.override(kg.get_config("fb15k_237"), overrides)
    config = kg.runs(config)["transe"].config
    config.data.batch_size = ROWS
    rng = np.random.default_rng(0)
    batch = {
        "head": rng.integers(0, ENTITIES, ROWS, np.int32),
        "relation": rng.integers(0, RELATIONS, ROWS, np.int32),
        "tail": rng.integers(0, ENTITIES, ROWS, np.int32),
        "wrong": rng.integers(0, ENTITIES, (ROWS, K), np.int32),
        "replaces_head": rng.random((ROWS, K)) < 0.5,
        "valid": np.ones((ROWS, K), np.float32),
    }
    state = kg.init(config, jax.random.key(0))
    step = jax.jit(partial(kg.train_step, config), donate_argnums=0)

    def call(_):
        nonlocal state
        state, _ = step(state, batch)
        jax.block_until_ready(state)

    return lambda: None, call


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case)
