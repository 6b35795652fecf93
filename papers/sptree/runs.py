"""The runs that a config stands for: the rows of the paper's tables.

sptree                        all of it
no_ep, no_ss, no_le, no_shared, no_ep_ss, no_all
                              without entity pre-training, scheduled sampling, label
                              embeddings, shared parameters: table 2
subtree, fulltree, ..._no_sp  other trees, and without matrices for the path
child_sum, spseq, spxu        other networks on the shortest path
no_tree                       none
given, given_no_tree          relations of given entities
entities                      pre-training; behind the runs that come after it
"""

from typing import Any

from common.config import changed
from common.contract import Run, UserError
from common.text import parses
from common.variants import pick, runs_of
from papers.sptree.config import Config, Model

NO_EP = {"learning.pretrained": False}
NO_SS = {"learning.sampling": 0.0}
NO_LE = {"model.label_embedding": False}
NO_SHARED = {"model.shared": False}
NO_SP = {"model.distinction": False}
NO_TREE = {"model.structure": "none"}
GIVEN = {"model.entities": "given"}

# Each run: what it changes in the config.
RUNS: dict[str, dict[str, Any]] = {
    "sptree": {},
    "no_ep": NO_EP,
    "no_ss": NO_SS,
    "no_le": NO_LE,
    "no_shared": NO_SHARED,
    "no_ep_ss": NO_EP | NO_SS,
    "no_all": NO_EP | NO_SS | NO_LE | NO_SHARED,
    "subtree": {"model.structure": "subtree"},
    "fulltree": {"model.structure": "fulltree"},
    "subtree_no_sp": {"model.structure": "subtree"} | NO_SP,
    "fulltree_no_sp": {"model.structure": "fulltree"} | NO_SP,
    "child_sum": {"model.cell": "child_sum"},
    "spseq": {"model.structure": "spseq"},
    "spxu": {"model.structure": "spxu"},
    "no_tree": NO_TREE,
    "given": GIVEN,
    "given_no_tree": GIVEN | NO_TREE,
}
PRETRAINING = "entities"
# What of the network pre-training has.
ENTITY_FIELDS = (
    "d_word", "d_piece", "d_tag", "d_label", "sequence", "entity_units",
    "dropout_word", "dropout_embedding", "dropout_hidden", "dropout_sequence",
    "dtype",
)  # fmt: skip


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table, then the pre-training that they come after."""
    found = runs_of(config, _changes, _check)
    pretrained = [name for name, run in found.items() if _comes_after(run.config)]
    for name in pretrained:
        found[name] = Run(found[name].config, after=(PRETRAINING,))
    return found | ({PRETRAINING: _pretraining(config)} if pretrained else {})


def _changes(name: str) -> dict[str, Any]:
    """A run's config names that run alone: its workdir can get another run later."""
    return {**pick("run", name, RUNS), "runs": (name,)}


def _comes_after(config: Config) -> bool:
    return config.learning.pretrained and config.model.entities == "predicted"


def _pretraining(config: Config) -> Run:
    """The run that learns entities alone. Nothing that only relations read changes
    it."""
    own = changed(
        config,
        {
            "runs": (PRETRAINING,),
            "model": Model(),
            "learning.task": "entities",
            "learning.pretrained": False,
            "loop.steps": config.learning.pretraining_steps,
            "loop.best": "",
        },
    )
    for name in ENTITY_FIELDS:
        setattr(own.model, name, getattr(config.model, name))
    return Run(own)


def _check(config: Config) -> None:
    m = config.model
    learning = config.learning
    parses.check_name(config.data.parser, "config.data.parser")
    parses.check_name(config.predict.parser, "config.predict.parser")
    if not config.data.buckets:
        raise UserError("config.data.buckets: give one length or more, as 24,48")
    inside = m.structure in ("subtree", "fulltree") and m.distinction
    if m.cell == "child_sum" and inside:
        raise UserError(
            "config.model.cell=child_sum has no types of children: set "
            "config.model.distinction=False, or take structure=sptree"
        )
    if learning.task == "entities" and m.entities == "given":
        raise UserError("config.learning.task=entities: given entities are not learnt")
    if learning.lazy_rows and (
        config.optim.name != "adam" or config.optim.weight_decay
    ):
        raise UserError(
            "config.learning.lazy_rows is for config.optim.name=adam with weight_decay "
            "0: set config.learning.lazy_rows=False"
        )
