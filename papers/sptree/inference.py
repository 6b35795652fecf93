"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax

from common.contract import Batch, Inputs, rows_of
from papers.sptree import data, train
from papers.sptree.config import Config


def inference_inputs(config: Config) -> Inputs:
    """Arrays of a batch of the longest sentences: words, tags, arcs, parents, lengths,
    labels, which a run with given entities reads, and pieces of words, where the
    network reads them (`common.text.spelling.pieces`)."""
    return rows_of(data.batch_spec(config, "valid"), [*data.columns(config), "length"])


def inference(config: Config, state: train.State, inputs: Batch) -> dict[str, Any]:
    """As `train.answers`, by the first seed: "labels" of the words, "pairs" of entities
    and their class, how "sure" it is."""
    first = jax.tree.map(lambda x: x[0], train.predicted_params(state))
    return train.answer(config, train.network(config), first, inputs)
