"""The network: exact counts, and what each part must do."""

import jax
import jax.numpy as jnp
import pytest

from papers.sptree.config import Config
from papers.sptree.model import Extractor
from papers.sptree.vocabulary import Sizes

ACE05 = Sizes(words=50, tags=10, arcs=20, kinds=7, relations=6)


def shapes(sizes=ACE05, **model):
    """Parameters of a network of the paper's sizes."""
    config = Config()
    vars(config.model).update(model)
    rows, words = 2, 9
    ids = jnp.zeros((rows, words), jnp.int32)
    batch = dict.fromkeys(("word", "tag", "arc", "label", "parent"), ids)
    batch["length"] = jnp.full(rows, words)
    net = Extractor(config, sizes)
    return jax.eval_shape(net.init, jax.random.key(0), batch)["params"]


def count(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def test_counts_are_those_of_the_paper_s_sizes():
    params = shapes()
    assert count(params["reader"]["sequence"]) == 260_800
    assert count(params["relation"]["tree"]) == 280_800
    assert count(params["entity"]) == 25_529
    relation = params["relation"]
    assert count([relation["hidden"], relation["out"]]) == 71_413


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"structure": "subtree"}, 400_800),
        ({"structure": "fulltree"}, 400_800),
        ({"structure": "subtree", "distinction": False}, 280_800),
        ({"structure": "fulltree", "distinction": False}, 280_800),
        ({"cell": "child_sum"}, 280_800),
        ({"structure": "spseq"}, 300_800),
        ({"structure": "spxu"}, 280_800),
        ({"label_embedding": False}, 260_800),
    ],
)
def test_counts_of_the_structures(model, expected):
    assert count(shapes(**model)["relation"]["tree"]) == expected


def test_parameters_that_are_not_shared_are_a_second_reader():
    params = shapes(shared=False)
    assert count(params["relation_reader"]) == count(params["reader"])
