"""The runs that a config stands for: the rows of the paper's tables 2 and 3.

dkn                           the whole network, with the vectors of config.vectors
dkn_no_entity                 without the entity channel; dkn_no_context, dkn_words
dkn_transe ... dkn_transd     with vectors of that embedding
dkn_linear, dkn_unmapped      g linear, and no g
dkn_no_attention              the mean over the clicks; dkn_released: products alone
libfm, kpcnn, dssm, ...       the baselines; libfm_no_entity ...: the paper's (-)

Each run whose vectors are learnt comes after the run of its embedding, of
`papers.knowledge_graph`, which stands behind the others in the table.
"""

import dataclasses
from typing import Any

from common.config import changed, unused
from common.contract import Run, UserError
from common.sections import Loop, Optim, Schedule
from common.variants import pick, runs_of
from papers.dkn.config import METHODS, Config, Model
from papers.dkn.model import channels_of
from papers.knowledge_graph import config as embeddings
from papers.knowledge_graph.runs import runs as embeddings_runs

NO_ENTITY = {"model.entities": False}
NO_CONTEXT = {"model.contexts": False}
BASELINES = ("libfm", "kpcnn", "dssm", "deepwide", "deepfm", "youtubenet")
RELEASED = {"model.attention": "dot", "model.score": "dot"}

PLANNED_RELATIONS = 200  # of a graph that no folder is named for yet
# Each run: what it changes in the config.
RUNS: dict[str, dict[str, Any]] = {
    "dkn": {},
    "dkn_no_entity": NO_ENTITY,
    "dkn_no_context": NO_CONTEXT,
    "dkn_words": NO_ENTITY | NO_CONTEXT,
    **{f"dkn_{m}": {"vectors.method": m} for m in METHODS},
    "dkn_random": {
        "vectors.source": "random",
        "vectors.file": "",
        "vectors.relations": "",
    },
    "dkn_linear": {"model.mapping": "linear"},
    "dkn_unmapped": {"model.mapping": "none"},
    "dkn_no_attention": {"model.attention": "none"},
    "dkn_released": RELEASED,
    **{name: {"model.network": name} for name in BASELINES},
    **{f"{n}_no_entity": {"model.network": n, **NO_ENTITY} for n in BASELINES},
    "dmf": {"model.network": "dmf", **NO_ENTITY},
}
for _d in (20, 50, 100, 200):
    for _k in (20, 50, 100, 200):
        RUNS[f"d{_d}_k{_k}"] = {"model.d_word": _d, "model.d_entity": _k}
for _m in (20, 50, 100, 200):
    RUNS[f"m{_m}"] = {"model.filters": _m}
for _n in (1, 2, 3, 4):
    RUNS[f"windows_to_{_n}"] = {"model.windows": tuple(range(1, _n + 1))}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table, then the runs that they come after."""
    found = runs_of(config, lambda name: _changes(config, name), _check)
    learnt: dict[str, Run] = {}
    for name, run in found.items():
        own = run.config
        if own.vectors.source == "run" and channels_of(own.model):
            earlier = _embeddings(own)
            learnt |= earlier
            found[name] = Run(own, after=(next(iter(earlier)),))
    return found | learnt


def _changes(config: Config, name: str) -> dict[str, Any]:
    """A run's config names that run alone: its workdir can get another run later. What
    its network does not read is as in `Model`."""
    own = changed(config, pick("run", name, RUNS))
    defaults = {field.name: field.default for field in dataclasses.fields(Model)}
    unread = {
        f"model.{field}": defaults[field]
        for field in (path.rpartition(".")[2] for path in unused(own.model))
    }
    return {**RUNS[name], **unread, "runs": (name,)}


def _embeddings(config: Config) -> dict[str, Run]:
    """The run that learns the entity vectors, and behind it TransE's, from which
    TransR's starts."""
    method = config.vectors.method
    name = f"{method}_{config.model.d_entity}"
    own = _embedding(config, method)
    if method != "transr":
        return {name: own}
    earlier = _embeddings(changed(config, {"vectors.method": "transe"}))
    return {name: Run(own.config, (*earlier,), "knowledge_graph")} | earlier


def _embedding(config: Config, method: str) -> Run:
    """TransE, TransH, TransR or TransD on the graph of the config's data, as a run of
    `papers.knowledge_graph`."""
    g = config.graph
    d = config.model.d_entity
    source = {"source": "files", "root": config.data.graph}
    if config.data.source == "films":
        source = {"source": "function", "name": "papers.dkn.graphs:films"}
    elif not config.data.graph:  # a plan, without a folder
        source |= {"entities": config.data.entities, "relations": PLANNED_RELATIONS}
    steps = g.steps_from_transe if method == "transr" else g.steps
    own = embeddings.Config(
        model=embeddings.Model(embedding=method, d_entity=d, d_relation=d, init=g.init),
        each=embeddings.Each(margin=(g.margin,)),
        data=embeddings.Data(**source, batch_size=g.batch_size, negatives=g.negatives),
        optim=Optim("adam", g.lr, Schedule("constant")),
        loop=Loop(steps=steps, log_every=100, eval_every=0, save_every=0, keep=1),
        eval=embeddings.Eval(triples=256, batch_size=64),
        runs=(method,),
        seed=config.seed,
    )
    return Run(embeddings_runs(own)[method].config, paper="knowledge_graph")


def _check(config: Config) -> None:
    m = config.model
    d = config.data
    if not m.windows or len({*m.windows}) < len(m.windows):
        raise UserError(
            "config.model.windows: give one width or more, each once, as 1,2,3"
        )
    longest = max(m.windows)
    length = d.title * (2 if m.network == "kpcnn" and m.entities else 1)
    if m.network in ("dkn", "kpcnn") and longest > length:
        raise UserError(
            f"config.model.windows={longest} words are more than config.data.title="
            f"{d.title}, the words of a title"
        )
    unmapped = m.mapping == "none" if m.network == "dkn" else m.network == "kpcnn"
    if unmapped and channels_of(m) and m.d_word != m.d_entity:
        raise UserError(
            f"config.model.d_word={m.d_word} and d_entity={m.d_entity} must be equal "
            "where entity vectors stand beside words as they are"
        )
    if channels_of(m):
        _check_vectors(config)
    if d.source == "films" and (d.root or d.graph):
        raise UserError("config.data.root and graph are for data.source=bing or mind")
    if config.snapshots > config.loop.steps:
        raise UserError(
            f"config.snapshots={config.snapshots} is more than config.loop.steps, "
            f"{config.loop.steps}"
        )
    if d.source != "bing" and not d.negatives:
        raise UserError("config.data.negatives=0: a clicked item needs others beside")


def _check_vectors(config: Config) -> None:
    """Without config.data.root nothing is read yet, and nothing is missing."""
    d = config.data
    v = config.vectors
    if d.source == "generated" and v.source == "run":
        raise UserError(
            "config.vectors.source=run needs a graph: random, or other data"
        )
    if not d.root:
        return
    if v.source == "file" and not v.file:
        raise UserError("config.vectors.file: name the file of entity vectors")
    if v.source == "run" and not d.graph:
        raise UserError(
            "config.data.graph: name the folder of a graph, or give vectors with "
            "config.vectors.source=file"
        )
    if config.model.contexts and config.model.network == "dkn" and not d.graph:
        raise UserError(
            "config.data.graph: contexts are neighbours in a graph; name its folder, "
            "or take the run dkn_no_context"
        )
