"""Times TransE on FB15k-237 beside OpenKE: its PyTorch model and its C++ sampler, both
on the CPU.

    python -m tests.papers.knowledge_graph.beside_openke --torch_python=PATH \
        --openke=CHECKOUT --data=FOLDER [--devices=1]

CHECKOUT is github.com/thunlp/OpenKE with its sampler built, by `bash make.sh` in its
folder openke; PATH has torch, numpy, tqdm and scikit-learn; FOLDER has OpenKE's files
of FB15k-237. Both draw 25 negatives that are no training triples for each of 2,720.

batches: a call draws 50 batches. steps: a call draws 4, and takes a step of SGD on
each. Ours are drawn ahead, by threads, up to 4 batches before a call begins.
"""

import argparse
import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests import beside_torch

NEGATIVES, D, MARGIN, THREADS = 25, 200, 5.0, 2
TIMES = {"batches": 50, "steps": 4}  # in a call


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    del overrides
    folders = {"openke": flags.openke, "data": flags.data}
    return {f"{n} {what}": {"what": what, **folders} for what, n in TIMES.items()}


def torch_case(size: dict) -> beside_torch.Timed:
    """OpenKE's script train_transe_FB15K237.py, without its GPU."""
    sys.path.insert(0, size["openke"])
    from openke.config import Trainer
    from openke.data import TrainDataLoader
    from openke.module.loss import MarginLoss
    from openke.module.model import TransE
    from openke.module.strategy import NegativeSampling
    from torch.optim import SGD

    with _stdout_on_stderr():
        loader = TrainDataLoader(
            in_path=f"{size['data']}/",
            batch_size=rows(),
            threads=THREADS,
            bern_flag=1,
            filter_flag=1,
            neg_ent=NEGATIVES,
        )
    entities, relations = loader.get_ent_tot(), loader.get_rel_tot()
    transe = TransE(entities, relations, dim=D, p_norm=1, norm_flag=True)
    model = NegativeSampling(transe, MarginLoss(margin=MARGIN), batch_size=rows())
    trainer = Trainer(model, loader, use_gpu=False)
    trainer.optimizer = SGD(model.parameters(), lr=1.0)
    if size["what"] == "batches":
        return _repeated("batches", loader.sampling)
    return _repeated("steps", lambda: trainer.train_one_step(loader.sampling()))


@contextlib.contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    """What C prints goes to stderr: stdout carries the times."""
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(stdout, 1)
        os.close(stdout)


def rows() -> int:
    """Triples of a batch: the hundredth part of FB15k-237 that devices divide."""
    return 272_115 // 100 // 8 * 8


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    """The functions that the command line calls."""
    from launch import catalogue
    from papers import knowledge_graph as kg

    folder = str(Path(size["data"]).expanduser())
    config = catalogue.override(
        kg.get_config("fb15k_237"), [f"--config.data.root={folder}", *overrides]
    )
    if size["what"] == "batches":
        batches = kg.batches(kg.runs(config)["transe"].config, "train")
        return _repeated("batches", lambda: next(batches))
    draw, step = beside_torch.steps(kg, config, "transe")
    return _repeated("steps", lambda: step(draw()))


def _repeated(what: str, call: Callable[[], Any]) -> beside_torch.Timed:
    def calls(_):
        *_, last = (call() for _ in range(TIMES[what]))
        return last

    return lambda: None, calls


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--openke", required=True, help="a checkout, sampler built")
    parser.add_argument("--data", required=True, help="FB15k-237 in OpenKE's files")
    return parser


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, flags())
