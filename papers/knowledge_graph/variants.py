"""The variants: published graphs at published settings, `default`, and a plan.

All but `default`, `smoke` and `wikidata` read a graph from a folder,
`--config.data.root=`, in OpenKE's files or by name; any other graph may stand there.
Filtered Hits@10, heads and tails, as OpenKE's page has them:

              TransE   TransH   TransR   TransD
    FB15k-237   .476     .490     .511     .487
    WN18RR      .512     .507     .519     .508
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get, variant
from papers.knowledge_graph.config import Config, Data, Each, Eval, Loss, Model

CONSTANT = Schedule("constant")
RUNS = ("transe", "transh", "transr", "transd")

# The published graphs: entities, relations, training triples.
SIZES = {
    "fb15k": (14_951, 1_345, 483_142),
    "fb15k_237": (14_541, 237, 272_115),
    "wn18": (40_943, 18, 141_442),
    "wn18rr": (40_943, 11, 86_835),
}


def _default() -> Config:
    """The four on countries of the world, 3 seeds: three minutes on 2 CPU cores.

    Unit vectors, as OpenKE scores them. TransR has many numbers for 2,309 triples: it
    trains less long.
    """
    return Config(
        model=Model(normalised=True, init="xavier"),
        each=Each(margin=(5.0,), steps=(0, 0, 300, 300, 0)),
        loop=Loop(steps=1500, log_every=50, eval_every=0, save_every=1500),
        runs=("transe", "transh", "transr_cold", "transr", "transd"),
        seeds=3,
    )


def _smoke() -> Config:
    """Seconds, on a generated graph: what the tests run."""
    return Config(
        model=Model(d_entity=16, d_relation=16),
        data=Data(source="generated", batch_size=32, negatives=2),
        optim=Optim(lr=0.01, schedule=CONSTANT),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(triples=16, batch_size=8, block=8),
        runs=RUNS,
    )


def _openke(name: str) -> Config:
    """OpenKE's scripts for FB15k-237: 200 numbers, 100 batches an epoch, 25 filtered
    negatives, SGD at 1.0, L1 of unit vectors, 1000 epochs. TransH learns at 0.5; TransE
    has the margin 5, the others 4. TransR starts from TransE, here from the run of 1000
    epochs, there from one epoch at 0.5."""
    entities, relations, triples = SIZES[name]
    rows = triples // 100 // 8 * 8  # batches divide over 8 devices
    steps = 1000 * triples // rows
    return Config(
        model=Model(d_entity=200, d_relation=200, normalised=True, init="xavier"),
        each=Each(margin=(5.0, 4.0, 4.0, 4.0), rate=(1.0, 0.5, 1.0, 1.0)),
        data=Data(
            source="files",
            entities=entities,
            relations=relations,
            batch_size=rows,
            negatives=25,
        ),
        optim=Optim("sgd", 1.0, CONSTANT, momentum=0.0),
        loop=Loop(steps=steps, log_every=100, eval_every=5000, save_every=0),
        update="rows",
        runs=RUNS,
    )


def _fast_transx(name: str) -> Config:
    """Fast-TransX's defaults: 50 numbers, margin 1, one negative on either side alike,
    SGD at 0.001 summed over triples, L1, unit balls, 1000 epochs. There triples are
    taken one at a time by several threads, here 64 at a time."""
    entities, relations, triples = SIZES[name]
    rows = 64
    return Config(
        model=Model(constraint="ball"),
        loss=Loss(total="sum"),
        data=Data(
            source="files",
            entities=entities,
            relations=relations,
            batch_size=rows,
            negatives=1,
            corruption="uniform",
        ),
        optim=Optim("sgd", 0.001, CONSTANT, momentum=0.0),
        loop=Loop(
            steps=1000 * triples // rows,
            log_every=1000,
            eval_every=100_000,
            save_every=0,
        ),
        update="rows",
        runs=RUNS,
    )


def _wikidata() -> Config:
    """A plan: TransE of Wikidata, 90 million entities, for --mode=compile. Its tables
    divide over 256 chips, and a step moves the rows of its batch alone."""
    return Config(
        model=Model(d_entity=200, d_relation=200, init="xavier", pad_rows=256),
        data=Data(
            source="files",
            entities=90_000_000,
            relations=12_000,
            batch_size=65_536,
            negatives=8,
        ),
        optim=Optim("sgd", 1.0, CONSTANT, momentum=0.0),
        loop=Loop(steps=1_000_000),
        eval=Eval(batch_size=256),
        update="rows",
    )


TITLES = {
    "fb15k": "FB15k",
    "fb15k_237": "FB15k-237",
    "wn18": "WN18",
    "wn18rr": "WN18RR",
}
VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    **{
        name: variant(_openke, f"{title} at OpenKE's settings.", name)
        for name, title in TITLES.items()
    },
    **{
        f"{name}_fast": variant(_fast_transx, f"{title} as Fast-TransX trains.", name)
        for name, title in TITLES.items()
    },
    "wikidata": _wikidata,
}

# Of TransE, the first run: (entities + relations) numbers.
PARAM_COUNTS = {
    "fb15k": 3_259_200,
    "fb15k_237": 2_955_600,
    "wn18": 8_192_200,
    "wn18rr": 8_190_800,
    "wn18_fast": 2_048_050,
    "wn18rr_fast": 2_047_700,
    "wikidata": 18_002_425_600,
}

get_config = partial(get, VARIANTS)
