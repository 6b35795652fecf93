"""Times the networks beside the same ones in PyTorch, from one cfg.

    python -m tests.papers.yolov3.step_time --torch_python=PATH \\
        [--nets=yolov3-tiny,yolov3] [--kinds=forward,step] [--side=416] [--rows=8]

`forward` is one image in evaluation mode; `step` is SGD with momentum and decay on
fresh images, with the terms of the loss against given dense targets in both. PyTorch
is eager, channels_last.
"""

import argparse

from tests import beside_torch

CLASSES = 80


def cfg_text(size: dict) -> str:
    from papers.yolov3 import cfg_text
    from papers.yolov3.model import build

    return cfg_text.text(build(size["net"], CLASSES, size=size["side"]))


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch.nn import functional as F

    from tests.papers.yolov3.torch_network import Network

    net = Network(size["cfg"]).to(memory_format=torch.channels_last)
    rows, side = size["rows"], size["side"]

    def images():
        x = torch.rand(rows, 3, side, side)
        return x.to(memory_format=torch.channels_last)

    if size["kind"] == "forward":
        net.eval()

        @torch.no_grad()
        def forward(x):
            return net(x)

        return images, forward
    optimiser = torch.optim.SGD(net.parameters(), 1e-4, 0.9, weight_decay=5e-4)

    def step(x):
        loss = 0.0
        for maps in net(x):
            b, _, h, w = maps.shape
            raw = maps.permute(0, 2, 3, 1).reshape(b, h, w, 3, -1)
            aims = torch.full_like(raw, 0.3)
            loss = loss + F.binary_cross_entropy_with_logits(
                raw[..., :2], aims[..., :2], reduction="sum"
            )
            loss = loss + 0.5 * (raw[..., 2:4] - aims[..., 2:4]).square().sum()
            loss = loss + F.binary_cross_entropy_with_logits(
                raw[..., 4:], aims[..., 4:], reduction="sum"
            )
        optimiser.zero_grad()
        (loss / rows).backward()
        optimiser.step()

    return images, step


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from papers.yolov3 import darknet_cfg, model

    cfg = darknet_cfg.parse(size["cfg"])
    net = model.Network(cfg)
    rows, side = size["rows"], size["side"]
    rng = np.random.default_rng(0)
    variables = model.init(cfg, jax.random.key(0))

    def images():
        return jnp.asarray(rng.random((rows, side, side, 3), np.float32))

    if size["kind"] == "forward":
        forward = jax.jit(net.apply)
        return images, lambda x: forward(variables, x)
    tx = optax.chain(
        optax.add_decayed_weights(5e-4), optax.trace(0.9), optax.scale(-1e-4)
    )
    state = variables["params"], variables["batch_stats"], tx.init(variables["params"])

    def loss_fn(params, batch_stats, x):
        maps, updated = net.apply(
            {"params": params, "batch_stats": batch_stats},
            x,
            train=True,
            mutable=["batch_stats"],
        )
        loss = 0.0
        for raw in maps:
            xy, wh, rest = raw[..., :2], raw[..., 2:4], raw[..., 4:]
            for logits in (xy, rest):
                terms = optax.sigmoid_binary_cross_entropy(logits, 0.3)
                loss = loss + jnp.sum(terms)
            loss = loss + 0.5 * jnp.sum(jnp.square(wh - 0.3))
        return loss / rows, updated["batch_stats"]

    def update(state, x):
        params, batch_stats, opt_state = state
        grads, batch_stats = jax.grad(loss_fn, has_aux=True)(params, batch_stats, x)
        updates, opt_state = tx.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), batch_stats, opt_state

    update = jax.jit(update, donate_argnums=0)

    def step(x):
        nonlocal state
        state = update(state, x)
        return state

    return images, step


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    found = {}
    for net in flags.nets.split(","):
        for kind in flags.kinds.split(","):
            rows = 1 if kind == "forward" else flags.rows
            size = {"net": net, "kind": kind, "side": flags.side, "rows": rows}
            size["cfg"] = cfg_text(size)
            found[f"{net} {kind}, {rows} of {flags.side}"] = size
    return found


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", default="yolov3-tiny,yolov3")
    parser.add_argument("--kinds", default="forward,step")
    parser.add_argument("--side", type=int, default=416)
    parser.add_argument("--rows", type=int, default=8)
    return parser


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, flags())
