"""Generalist and specialists together (section 5.4 of Hinton et al. 2015): the joint
answer, and its tables."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from common.contract import Table
from common.data.image_set import ImageSet
from common.host import to_host
from papers.distillation import measure
from papers.distillation.measure import Trained
from papers.distillation.specialists import NEVER, Classes


def unbiased(
    special: dict[str, Array], logits: Float[Array, "rows members outputs"]
) -> Float[Array, "rows members outputs"]:
    """Logits for images in their natural proportions (section 5.2). Training weighed
    the own classes up; the log of that ratio is added to the dustbin's logit."""
    share = jnp.clip(special["classes"] @ special["frequency"], 1e-3, 1 - 1e-3)
    logits = logits.at[..., -1].add(jnp.log((1 - share) / share))
    used = jnp.pad(special["classes"], [(0, 0), (0, 1)], constant_values=True)
    return jnp.where(used, logits, NEVER)


def divergence(
    z: Float[Array, "classes"],
    generalist: Float[Array, "classes"],
    specialists: Float[Array, "members outputs"],
    special: Classes,
    active: Bool[Array, "members"],
) -> Float[Array, ""]:
    """KL(p_g || q) + sum over active m of KL(p_m || q), q = softmax(z), with the
    classes that are not m's own merged (eq. 5). Arguments are logits."""
    log_q = jax.nn.log_softmax(z)
    dustbin = jax.nn.logsumexp(jnp.where(special, NEVER, log_q), axis=-1)
    log_qm = jnp.concatenate(
        [jnp.broadcast_to(log_q, special.shape), dustbin[:, None]], axis=-1
    )
    each = _kl(jax.nn.log_softmax(specialists), log_qm)
    return _kl(jax.nn.log_softmax(generalist), log_q) + jnp.sum(active * each)


def _kl(
    log_p: Float[Array, "*batch outputs"], log_q: Float[Array, "*batch outputs"]
) -> Float[Array, "*batch"]:
    p = jnp.exp(log_p)
    return jnp.sum(jnp.where(p > 0, p * (log_p - log_q), 0.0), axis=-1)


def infer(
    generalist: Float[Array, "n classes"],
    specialists: Float[Array, "n members outputs"],
    special: Classes,
    *,
    top: int = 1,
    steps: int = 500,
    rate: float = 1.0,
) -> Float[Array, "n classes"]:
    """The logits z that minimise `divergence` for each image, by gradient descent from
    the generalist's. A specialist is active if it owns one of the generalist's `top`
    classes."""

    def one(generalist, specialists):
        best = jax.lax.top_k(generalist, top)[1]
        active = jnp.any(special[:, best], axis=1)
        slope = jax.grad(divergence)

        def descend(_, z):
            return z - rate * slope(z, generalist, specialists, special, active)

        first = jax.nn.log_softmax(generalist)
        return jax.lax.fori_loop(0, steps, descend, first)

    return jax.vmap(one)(generalist, specialists)


def specialists_table(runs: Mapping[str, Trained], test: ImageSet) -> Table:
    """Each specialist beside the generalist, on the images of the specialist's classes.
    Both choose among these classes alone."""
    run = runs["specialists"]
    generalist = runs["baseline"].test[:, 0]
    special = to_host(run.state.special)
    rows = []
    for m, classes in enumerate(special["classes"]):
        own = np.flatnonzero(classes)
        theirs = np.isin(test.labels, own)
        labels = test.labels[theirs]
        others = np.where(classes, 0, NEVER)
        before = measure.accuracy(generalist[theirs] + others, labels)
        after = measure.accuracy(run.test[theirs, m, :-1] + others, labels)
        names = ", ".join(test.class_names[c] for c in own)
        rows.append([names, 100 * special["frequency"] @ classes, before, after])
    columns = ("classes", "of the images %", "generalist among them %", "specialist %")
    return Table(columns, rows)


def joint_table(runs: Mapping[str, Trained], test: ImageSet) -> Table:
    """The generalist alone, and with all specialists."""
    run = runs["specialists"]
    generalist = runs["baseline"].test[:, 0]
    special = to_host(run.state.special)
    answers = unbiased(special, jnp.asarray(run.test))
    joint = jax.jit(infer)(jnp.asarray(generalist), answers, special["classes"])
    models = {
        "generalist": (generalist, 25.0),
        f"and {len(special['classes'])} specialists": (np.asarray(joint), 26.1),
    }
    rows = [
        [name, measure.accuracy(x, test.labels), measure.nll(x, test.labels), paper]
        for name, (x, paper) in models.items()
    ]
    columns = ("model", "test accuracy %", "test loss", "paper, JFT %")
    return Table(columns, rows, "paper: 61 specialists")
