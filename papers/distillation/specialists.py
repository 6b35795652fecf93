"""Specialists (section 5 of Hinton et al. 2015): each tells apart a few classes that
the generalist confuses, and calls all others its dustbin.

A specialist has one output a class and a last one for the dustbin; outputs of classes
that are not its own are never used. All specialists train as members of one run.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from common.losses import cross_entropy
from papers.distillation import data, model
from papers.distillation.config import Config

Classes = Bool[Array, "members classes"]
NEVER = -1e9  # the logit of an output that is not used


def choose(config: Config, generalist: Any) -> dict[str, Array]:
    """The specialists' "classes": clusters of the columns of `confusion` on the
    training images (section 5.3). "frequency" is each class's share of the images."""
    train = data.load(config.data, "train")
    n_classes = config.data.classes
    images = jnp.asarray(train.images)[:, None]
    variables = {"params": generalist}
    logits = model.apply(config.teacher, n_classes, variables, images)[:, 0]
    cluster = online_kmeans(confusion(logits), config.seeds)
    counts = jnp.bincount(jnp.asarray(train.labels), length=n_classes)
    return {
        "classes": cluster == jnp.arange(config.seeds)[:, None],
        "frequency": counts / len(train),
    }


def confusion(logits: Float[Array, "n classes"]) -> Float[Array, "classes classes"]:
    """The correlations of the predicted probabilities. Classes that are often predicted
    together have similar columns."""
    return jnp.corrcoef(jax.nn.softmax(logits), rowvar=False)


def online_kmeans(
    columns: Float[Array, "features points"], clusters: int, passes: int = 20
) -> Int[Array, "points"]:
    """The cluster of each column, by MacQueen's k-means: a centre moves to the mean of
    the columns that it has won so far. Centres start far from each other; the first is
    the column that is farthest from the mean."""
    points = columns.T

    def distances(centres):
        return jnp.sum((points[:, None] - centres) ** 2, axis=-1)

    def spread(i, centres):
        taken = jnp.arange(clusters) < i
        near = jnp.where(taken, distances(centres), jnp.inf)
        from_mean = distances(jnp.mean(points, 0)[None])[:, 0]
        farthest = jnp.argmax(jnp.where(i == 0, from_mean, jnp.min(near, axis=1)))
        return centres.at[i].set(points[farthest])

    def move(i, carry):
        centres, counts = carry
        point = points[i % len(points)]
        won = jnp.argmin(jnp.sum((centres - point) ** 2, axis=-1))
        counts = counts.at[won].add(1)
        step = (point - centres[won]) / counts[won]
        return centres.at[won].add(step), counts

    centres = jnp.zeros((clusters, points.shape[1]), points.dtype)
    centres = jax.lax.fori_loop(0, clusters, spread, centres)
    steps = passes * len(points)
    centres, _ = jax.lax.fori_loop(0, steps, move, (centres, jnp.zeros(clusters)))
    return jnp.argmin(distances(centres), axis=1)


def start(generalist: Any, clusters: int) -> Any:
    """The generalist's parameters for each specialist, and zeros for its dustbin."""
    output = model.output_layer(generalist)

    def widened(leaf: Float[Array, "members *inputs classes"]):
        return jnp.concatenate([leaf, jnp.zeros_like(leaf[..., :1])], axis=-1)

    one = {**generalist, output: jax.tree.map(widened, generalist[output])}
    return jax.tree.map(lambda leaf: jnp.repeat(leaf[:1], clusters, axis=0), one)


def merged(
    special: Classes,
    logits: Float[Array, "rows members outputs"],
    labels: Int[Array, "rows members"],
) -> tuple[Float[Array, "rows members outputs"], Int[Array, "rows members"]]:
    """Logits and labels with all classes but a specialist's own in its dustbin."""
    used = jnp.pad(special, [(0, 0), (0, 1)], constant_values=True)
    members = jnp.arange(len(special))
    own = special[members, labels]
    dustbin = special.shape[1]
    return jnp.where(used, logits, NEVER), jnp.where(own, labels, dustbin)


def losses(
    special: dict[str, Array],
    logits: Float[Array, "rows members outputs"],
    labels: Int[Array, "rows members"],
) -> Float[Array, "rows members"]:
    """Cross entropy over own classes and dustbin, weighted as if half of the images
    were of the own classes: the sampling of section 5.2, in expectation."""
    classes = special["classes"]
    share = jnp.clip(classes @ special["frequency"], 1e-3, 1 - 1e-3)
    own = classes[jnp.arange(len(classes)), labels]
    weights = 0.5 / jnp.where(own, share, 1 - share)
    return weights * cross_entropy(*merged(classes, logits, labels))
