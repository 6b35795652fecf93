"""The loss. Fails where its gradient is not darknet's."""

import jax
import jax.numpy as jnp
import numpy as np

from common.boxes import from_centres
from papers.yolov3.decode import boxes_of, grid, in_slots, scales
from papers.yolov3.model import build
from papers.yolov3.objective import (
    binary_cross_entropy,
    floor,
    focal,
    losses,
    printed_loss,
)
from papers.yolov3.targets import Truths, targets
from tests.papers.yolov3.darknet_deltas import deltas

CLASSES = 3
CFG = build("yolov3", CLASSES)
SCALES = scales(CFG)
NET = (96, 64)  # width and height, which differ
ANCHORS = [
    (5, 6), (9, 14), (16, 11), (15, 30), (31, 22), (29, 50), (50, 40), (40, 60),
    (90, 60),
]  # fmt: skip


def case(seed):
    """Raw maps, and truths relative to the image: some share a slot, and some slots
    overlap a truth."""
    rng = np.random.default_rng(seed)
    shapes = [(NET[1] // s.stride, NET[0] // s.stride, 3, 5 + CLASSES) for s in SCALES]
    maps = [rng.normal(0, 1.0, shape) for shape in shapes]
    count = int(rng.integers(0, 9))
    sides = np.exp(rng.uniform(-2.5, -0.2, (count, 2)))
    centres = rng.uniform(0, 1, (count, 2))
    pairs = zip(centres, sides, strict=True)
    rows = [(*c, *s, int(rng.integers(CLASSES))) for c, s in pairs]
    rows += [(*row[:4], (row[4] + 1) % CLASSES) for row in rows[:2]]  # one slot, twice
    return maps, rows


def padded(rows):
    boxes = np.array([row[:4] for row in rows]).reshape(-1, 4) * [*NET, *NET]
    padding = np.zeros((12, 4))
    padding[: len(rows)] = from_centres(boxes)
    classes = np.zeros(12, int)
    classes[: len(rows)] = [row[4] for row in rows]
    present = jnp.arange(12) < len(rows)
    return Truths(jnp.array(padding), jnp.array(classes), present)


def aims_of(raw, truths, slots, ignore=0.5, xy="logistic"):
    anchors = jnp.array(ANCHORS, jnp.float32)
    predicted = boxes_of(raw, slots, xy)[0]
    found = targets(
        truths, slots, SCALES, anchors, predicted, NET[::-1], CLASSES, ignore=ignore
    )
    return jax.tree.map(lambda x: x[None], found)


def aims_and_grid(raw, rows, xy="logistic"):
    slots = grid(SCALES, NET[::-1], jnp.array(ANCHORS, jnp.float32))
    aims = jax.jit(aims_of, static_argnames="xy")
    return aims(raw, padded(rows), slots, xy=xy), slots


@jax.jit
def gradient_and_printed(raw, truths, ignore):
    anchors = jnp.array(ANCHORS, jnp.float32)
    slots = grid(SCALES, NET[::-1], anchors)
    aims = aims_of(raw, truths, slots, ignore)
    gradient = jax.grad(lambda x: jnp.sum(losses(x, aims, slots).total))(raw)
    return gradient[0], printed_loss(raw, aims, len(SCALES))[0], aims


@jax.enable_x64(True)
def test_the_gradient_is_darknets():
    shared = ignored = 0
    masks = [s.mask for s in SCALES]
    for seed in range(20):
        maps, rows = case(seed)
        ignore = 0.5 if seed % 2 else 0.2
        expected = deltas(maps, masks, ANCHORS, rows, NET, ignore)
        expected = np.concatenate([d.reshape(-1, 5 + CLASSES) for d in expected])
        raw = jnp.concatenate([m.reshape(1, -1, 5 + CLASSES) for m in maps], 1)
        found, printed, aims = gradient_and_printed(raw, padded(rows), ignore)
        np.testing.assert_allclose(-found, expected, atol=1e-6)
        np.testing.assert_allclose(printed, (expected**2).sum() / 3, rtol=1e-6)
        shared += int((aims.classes.sum(-1) > 1).sum())
        ignored += int(aims.ignored.sum())
    assert shared > 5  # the cases hold what they are for
    assert ignored > 20


def test_labels_are_learnt_apart():
    """No softmax: what one class's logit is does not touch another's loss."""
    maps, rows = case(3)
    raw = in_slots([jnp.array(m)[None] for m in maps])
    aims, slots = aims_and_grid(raw, rows)
    gradient = jax.jit(jax.grad(lambda x: losses(x, aims, slots).classes[0]))
    before, after = gradient(raw), gradient(raw.at[..., 5].add(3.0))
    assert float(jnp.abs(before[..., 5] - after[..., 5]).max()) > 0.01
    np.testing.assert_array_equal(before[..., 6:], after[..., 6:])


def test_the_least_centre_loss_is_the_floor():
    """Where every centre is right, what is left is the entropy of the targets."""
    maps, rows = case(5)
    raw = in_slots([jnp.array(m)[None] for m in maps])
    aims, slots = aims_and_grid(raw, rows)
    x = jnp.clip(aims.offset, 1e-6, 1 - 1e-6)
    right = raw.at[..., :2].set(jnp.log(x / (1 - x)))
    right = right.at[..., 2:4].set(aims.log_sides)
    parts = losses(right, aims, slots)
    assert float(floor(aims)[0]) > 0.5
    np.testing.assert_allclose(parts.centre, floor(aims), rtol=1e-4)
    np.testing.assert_allclose(parts.sides, 0, atol=1e-9)
    gradient = jax.grad(lambda x: losses(x, aims, slots).centre[0])(right)
    np.testing.assert_allclose(gradient, 0, atol=1e-5)


def test_an_image_without_objects_pays_for_objectness_alone():
    maps, _ = case(1)
    raw = in_slots([jnp.array(m)[None] for m in maps])
    parts = losses(raw, *aims_and_grid(raw, []))
    assert float(parts.centre[0]) == float(parts.sides[0]) == 0
    assert float(parts.classes[0]) == 0
    expected = np.log1p(np.exp(np.asarray(raw[..., 4]))).sum()
    np.testing.assert_allclose(parts.objectness, [expected], rtol=1e-5)
    assert np.isfinite(jax.grad(
        lambda x: losses(x, *aims_and_grid(raw, [])).total[0])(raw)).all()  # fmt: skip


def test_linear_centres_pay_half_the_squared_error():
    maps, rows = case(2)
    raw = in_slots([jnp.array(m)[None] for m in maps])
    aims, slots = aims_and_grid(raw, rows, xy="linear")
    found = losses(raw, aims, slots, xy="linear").centre[0]
    weight = np.asarray(aims.positive * aims.scale)[..., None]
    expected = (weight * (np.asarray(raw[..., :2] - aims.offset)) ** 2 / 2).sum()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_focal_loss_is_the_equation_and_without_gamma_a_cross_entropy():
    logits = jnp.linspace(-4, 4, 9)
    p = 1 / (1 + np.exp(-np.asarray(logits)))
    for label in (0.0, 1.0):
        p_t = p if label else 1 - p
        alpha_t = 0.25 if label else 0.75
        expected = -alpha_t * (1 - p_t) ** 2 * np.log(p_t)
        np.testing.assert_allclose(
            focal(logits, jnp.full(9, label), 2.0, 0.25), expected, rtol=1e-4
        )
        np.testing.assert_allclose(
            2 * focal(logits, jnp.full(9, label), 0.0, 0.5),
            binary_cross_entropy(logits, jnp.full(9, label)),
            rtol=1e-6,
        )
