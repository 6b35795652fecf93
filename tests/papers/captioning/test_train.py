"""Training: what a step does to which parameters, the loss over ragged captions, what a
run takes over from the runs before it."""

from functools import partial
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from papers import captioning
from papers.captioning import data, objective, train
from papers.captioning.model import Captioner
from papers.captioning.runs import runs


def own(name, **changes):
    config = captioning.get_config("smoke")
    config.runs = tuple(dict.fromkeys((*config.runs, name, "classifier")))
    made = runs(config)[name].config
    return changed(made, {k.replace("__", "."): v for k, v in changes.items()})


# What several tests begin with is made once: states and compiled steps.
STATES, STEPS = {}, {}


def started(config, after=None):
    if after is not None:
        return train.init(config, jax.random.key(0), after)
    if repr(config) not in STATES:
        STATES[repr(config)] = train.init(config, jax.random.key(0))
    return STATES[repr(config)]


def stepped(config, state, count=1):
    step = STEPS.setdefault(repr(config), jax.jit(partial(train.train_step, config)))
    for batch in islice(data.batches(config, "train"), count):
        state, metrics = step(state, batch)
    return state, metrics


def test_the_loss_is_a_mean_over_targets():
    """Two captions of 1 and of 3 words: -log p of 2 + 4 targets, over 6."""
    logits = jnp.asarray(np.random.default_rng(0).normal(0, 1, (1, 2, 4, 5)))
    tokens = jnp.array([[[2, 0, 0], [1, 4, 3]]])
    each, mask = objective.losses(logits, tokens)
    log_p = np.asarray(jax.nn.log_softmax(logits))[0]
    read = [(0, 0, 2), (0, 1, 0), (1, 0, 1), (1, 1, 4), (1, 2, 3), (1, 3, 0)]
    expected = -np.mean([log_p[place] for place in read])
    np.testing.assert_allclose((each * mask).sum() / mask.sum(), expected, rtol=1e-5)
    whole = objective.log_probabilities(logits, tokens)
    np.testing.assert_allclose(whole[0, 0], log_p[0, 0, 2] + log_p[0, 1, 0], rtol=1e-5)


def test_longer_padding_changes_no_loss():
    config = own("td_sentence").model
    image = jnp.asarray(np.random.default_rng(0).normal(0, 1, (2, 16)), jnp.float32)
    tokens = jnp.array([[[2, 1, 0]], [[0, 0, 0]]])
    params = Captioner(config).init(jax.random.key(0), image, tokens)

    def loss(tokens):
        each, mask = objective.losses(
            Captioner(config).apply(params, image, tokens), tokens
        )
        return (each * mask).sum(axis=-1), mask.sum()

    short, count = loss(tokens)
    padded, same = loss(jnp.pad(tokens, ((0, 0), (0, 0), (0, 6))))
    np.testing.assert_allclose(short, padded, rtol=1e-6)
    assert count == same == 4  # two words and END; END alone


def test_a_frozen_encoder_stays_and_a_tuned_one_learns():
    config = own("glstm")
    with pytest.warns(UserWarning, match="weights are drawn and stay"):
        first = started(config, {})
    last, _ = stepped(config, first, 2)
    assert "encoder" not in last.params
    for a, b in zip(*map(jax.tree.leaves, (first.encoder, last.encoder)), strict=True):
        np.testing.assert_array_equal(a, b)
    config = own("tuned")
    first = started(config, {"glstm": (own("glstm"), last)})
    assert first.encoder.keys() == {"batch_stats", "scale"}
    tuned, _ = stepped(config, first, 2)
    moved = jax.tree.map(
        lambda a, b: float(jnp.abs(a - b).max()), first.params, tuned.params
    )
    assert all(change > 0 for change in jax.tree.leaves(moved["encoder"]["trunk"]))
    # Adam's first step is as long as the rate, and the encoder's is its own.
    assert max(jax.tree.leaves(moved["encoder"])) < 3 * config.encoder.lr
    assert max(jax.tree.leaves(moved["language"])) > 100 * config.encoder.lr


def test_statistics_move_where_an_encoder_begins_from_scratch():
    fixed = own("tuned")
    moving = own("tuned", encoder__statistics="moving")
    first = started(moving)
    last, _ = stepped(moving, first, 1)
    for old, new in zip(*map(jax.tree.leaves, stats(first, last)), strict=True):
        assert np.isfinite(new).all()
        assert not np.allclose(old, new)
    assert_same(*stats(first, stepped(fixed, started(fixed), 1)[0]))


def stats(*states):
    return [state.encoder["batch_stats"] for state in states]


def test_stages_take_over_what_the_run_before_has():
    stage = own("glstm")  # it has one seed
    before = started(stage)
    tuned = own("tuned")
    state = started(tuned, {"glstm": (stage, before)})
    assert_same(state.params["encoder"], before.encoder["params"])
    assert_same(state.params["language"], before.params["language"])
    warm = own("td_sentence_warm")
    third = started(warm, {"tuned": (tuned, state)})
    assert_same(third.encoder["params"], state.params["encoder"])
    language = third.params["language"]
    for seed in range(warm.seeds):
        for name in language.keys() - {"text"}:
            taken = jax.tree.map(lambda x, s=seed: x[s], language[name])
            given = jax.tree.map(lambda x: x[0], state.params["language"][name])
            assert_same(taken, given)
    assert abs(float(language["text"].mean()) - 1) < 1e-3  # W_c is new, and near 1
    drawn = started(own("td_sentence"), {"tuned": (tuned, state)})
    assert not np.allclose(drawn.params["language"]["embed"], language["embed"])


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.slow
def test_the_trunk_is_the_classifiers():
    config = own("classifier")
    state, metrics = stepped(config, started(config), 2)
    assert np.isfinite(float(metrics["loss"]))
    after = started(own("glstm"), {"classifier": (config, state)})
    assert_same(after.encoder["params"]["trunk"], state.params["trunk"])
    assert_same(after.encoder["batch_stats"], state.encoder["batch_stats"])


@pytest.mark.slow
def test_cached_vectors_are_those_of_every_step():
    """And the trained parameters with them."""
    cached = own("td_sentence")
    computed = own("td_sentence", encoder__cached=False)
    assert "image" not in data.batch_spec(cached)
    states = [started(config) for config in (cached, computed)]
    assert_same(states[0].params, states[1].params)
    ends = [
        stepped(c, s, 2)[0] for c, s in zip((cached, computed), states, strict=True)
    ]
    jax.tree.map(
        partial(np.testing.assert_allclose, atol=1e-5), ends[0].params, ends[1].params
    )


def test_the_image_scale_is_a_root_mean_square_of_every_unit():
    config = own("td_sentence", model__image_scale=0.7)
    found = np.asarray(started(config).vectors)
    rms = np.sqrt(np.square(found).mean(axis=0))
    dead = (found == 0).all(axis=0)
    np.testing.assert_allclose(rms[~dead], 0.7, rtol=1e-4)
    assert (~dead).any()


@pytest.mark.slow
def test_seeds_share_batches_and_nothing_else():
    """The first of two seeds ends where it would alone."""
    both, alone = own("nt2"), own("nt2", seeds=1)
    states = [stepped(c, started(c), 2)[0] for c in (both, alone)]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a[:1], b, atol=1e-6),
        *[s.params["language"] for s in states],
    )
    first, second = jax.tree.leaves(states[0].params["language"]["embed"])[0]
    assert not np.allclose(first, second)


@pytest.mark.slow
def test_the_clamp_is_of_each_element():
    """With plain SGD of rate 1 no parameter moves by more."""
    config = own(
        "td_sentence", clamp=1e-3, optim__name="sgd", optim__momentum=0.0, optim__lr=1.0
    )
    first = started(config)
    last, _ = stepped(config, first)
    moved = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), first.params, last.params)
    largest = max(map(float, jax.tree.leaves(moved)))
    assert largest == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.slow
def test_w_c_learns_at_its_own_rate():
    slow, fast = own("td_sentence"), own("td_sentence", text_rate=10.0)
    start = started(slow).params["language"]
    ends = [stepped(c, started(c))[0].params["language"] for c in (slow, fast)]
    np.testing.assert_allclose(
        ends[1]["text"] - start["text"], 10 * (ends[0]["text"] - start["text"]),
        rtol=1e-3, atol=1e-6,
    )  # fmt: skip
    np.testing.assert_array_equal(ends[0]["embed"], ends[1]["embed"])


def test_the_rate_halves_continuously():
    config = own("td_sentence", halve_every=100, halve_from=50)
    lr = config.optim.lr
    rate = train._rate(config)
    steps = [0, 50, 100, 150, 350]
    expected = [lr, lr, lr * 0.5**0.5, lr * 0.5, lr * 0.5**3]
    np.testing.assert_allclose([rate(s) for s in steps], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runs": ("td_5grams",)}, "no run 'td_5grams'|unknown run"),
        ({"runs": ("nt2_relu",)}, "has no Φ"),
        ({"task": "classify"}, "choose runs"),
        ({"data.resize": 8}, "at least config.data.size"),
        ({"model.image_scale": 1.0, "encoder.cached": False}, "needs config.encoder"),
        ({"optim.clip_norm": 1.0}, "all seeds together"),
        ({"runs": ("td_bilinear",), "model.width": 512}, "at most 64"),
        ({"encoder.name": "resnet", "encoder.depth": 35}, "one of 18"),
        ({"data.resize": 20}, "leave out one of them"),
        ({"encoder.weights": "x.npz"}, "name=vgg16 or resnet, not cnn"),
        ({"data.name": "coco"}, "source=tfds, not generated"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_line(changes, said):
    config = changed(captioning.get_config("smoke"), changes)
    with pytest.raises(UserError, match=said) as caught:
        runs(config)
    assert "\n" not in str(caught.value)


def test_a_network_of_other_words_is_refused():
    config = own("nt2", model__vocab=5)
    with pytest.raises(UserError, match="or 0 for as many as there are"):
        data.batches(config, "train")
