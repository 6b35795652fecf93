"""The tables and pictures of the trained nets: errors against depth, plain beside
residual, and how strongly the layers respond."""

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from common.contract import Claim, Table, summary
from common.normalization import BatchNorm
from papers.resnet import figures
from papers.resnet.config import Config
from papers.resnet.cost import network_cost
from papers.resnet.data import image_set, in_order, normalised
from papers.resnet.measure import PLAIN, RESIDUAL, Net, errors, top_errors
from papers.resnet.model import ResNet
from papers.resnet.train import State, ema_variables

Values = Iterator[tuple[str, Any]]
DATA = {"cifar": "CIFAR-10", "imagenet": "ImageNet"}  # what the paper trains on
DATA_NAMES = ("cifar10", "imagenet2012")  # as TFDS calls them
PAGE = "[ResNet](papers/resnet)"
# A kind of net: what the paper claims, its errors, and whether depth makes it worse.
DEPTH_CLAIMS = {
    PLAIN: (
        "plain nets get worse with more layers",
        "error 27.94 to 28.54 % with 18 and 34 layers (ImageNet)",
        True,
    ),
    RESIDUAL: (
        "residual nets do not",
        "error 27.88 to 25.03 % with 18 and 34 layers (ImageNet)",
        False,
    ),
}


def evaluate(config: Config, trained: Mapping[str, tuple[Config, State]]) -> Values:
    """Yields (name, value): the errors of every run, what depth does to plain and to
    residual nets, and figure 7's responses."""
    nets = []
    for name, (c, state) in trained.items():
        train = errors(c, state, "train")
        nets.append(Net(name, c, state, train, *top_errors(c, state)))
    yield "Errors", _errors(nets)
    by_depth = sorted(nets, key=lambda net: net.depth)
    kinds = {kind: [net for net in by_depth if net.kind == kind]
             for kind in (PLAIN, RESIDUAL)}  # fmt: skip
    if all(len(of_kind) > 1 for of_kind in kinds.values()):
        yield "Degradation", _degradation(kinds)
        yield "Error against depth", figures.error_against_depth(kinds)
    if config.eval.responses:
        stds = {net.name: responses(net) for net in nets}
        yield "Layer responses", figures.layer_responses(stds)
        yield "Mean response", _mean_response(stds)
    if claims := [*_claims(config, kinds)]:
        yield "Summary", summary(PAGE, claims)


def _errors(nets: list[Net]) -> Table:
    columns = (
        "run", "layers", "parameters", "million multiply-adds", "train loss",
        "train error %", "test error %", "test top-5 error %",
    )  # fmt: skip
    columns += (f"paper, {DATA[nets[0].config.model.family]} %",)
    rows = []
    for n in nets:
        count = sum(p.size for p in jax.tree.leaves(n.state.params))
        cost = network_cost(n.config)["total"] / 1e6
        train = n.train["loss"], 100 * n.train["error"]
        test = 100 * n.test, 100 * n.test_5
        rows.append([n.name, n.depth, count, cost, *train, *test, n.paper])
    c = nets[0].config
    note = (
        f"{len(image_set(c, 'test')):,} test images, {c.eval.test}; training images "
        "are measured as test images are, after training"
    )
    return Table(columns, rows, note)


def _degradation(kinds: Mapping[str, list[Net]]) -> Table:
    """Section 1's observation: how errors change with more layers, on the same images
    and in the same steps."""
    rows = []
    for kind, nets in kinds.items():
        for shallow, deep in pairwise(nets):
            change = [deep.train["loss"] - shallow.train["loss"]]
            change += [100 * (deep.train["error"] - shallow.train["error"])]
            change += [100 * (deep.test - shallow.test)]
            rows.append([kind, f"{shallow.depth} to {deep.depth}", *change])
    columns = ("kind", "layers", "train loss", "train error, points")
    columns += ("test error, points",)
    note = "what changes with depth; above 0: the deeper net is worse"
    return Table(columns, rows, note)


def responses(net: Net) -> list[float]:
    """Standard deviation of each layer's output after BatchNorm, before ReLU and the
    addition (figure 7), over a batch of test images, from the first layer to the last.
    """
    model = dataclasses.replace(net.config.model, scan="never", remat=False)
    batch = next(iter(in_order(net.config, image_set(net.config, "test"))))
    x = normalised(net.config, net.state.mean, batch["image"])
    stds = []

    def measured(layer, args, kwargs, context):
        y = layer(*args, **kwargs)
        module = context.module
        if isinstance(module, BatchNorm) and "shortcut" not in module.path:
            stds.append(float(jnp.std(y)))
        return y

    with nn.intercept_methods(measured):
        ResNet(model).apply(ema_variables(net.state), x)
    return stds


def _mean_response(stds: Mapping[str, list[float]]) -> Table:
    rows = [[name, float(np.mean(y)), float(np.max(y))] for name, y in stds.items()]
    note = "of the outputs of BatchNorm, before ReLU and addition (figure 7)"
    return Table(("run", "mean", "largest"), rows, note)


def _data_name(config: Config) -> str:
    embedded = config.data.source == "embedded"
    return config.data.name or ("MNIST" if embedded else config.data.source)


def _claims(config: Config, kinds: Mapping[str, list[Net]]) -> Iterator[Claim]:
    """What depth does to plain and to residual nets, which the training loss decides,
    and the paper's errors, where nets and images are the paper's."""
    images = image_set(config, "test")
    data = f"{len(images):,} images of {_data_name(config)}"
    for kind, (claim, there, worse) in DEPTH_CLAIMS.items():
        if len(kinds[kind]) > 1:
            *_, shallow, deep = kinds[kind]
            rises = deep.train["loss"] > shallow.train["loss"]
            yield Claim(
                claim,
                there,
                f"error {100 * shallow.test:.1f} to {100 * deep.test:.1f} %, training "
                f"loss {shallow.train['loss']:.3f} to {deep.train['loss']:.3f} with "
                f"{shallow.depth} and {deep.depth} layers ({data})",
                rises == worse,
            )
    if config.data.name not in DATA_NAMES:
        return
    for net in (net for nets in kinds.values() for net in nets if net.paper):
        here = 100 * net.test
        yield Claim(
            f"{net.depth} layers, {net.kind}",
            f"error {net.paper} % ({DATA[config.model.family]})",
            f"error {here:.2f} % ({data})",
            True if here <= net.paper else None if here <= 1.1 * net.paper else False,
        )
