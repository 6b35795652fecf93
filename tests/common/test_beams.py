"""The beam search against a search of all sequences, on a network whose log p depends
on everything that was read before: a state that follows the wrong beam shows."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common import beams

SIZE = 3
END = 0
STEPS = 4
BATCH = 2


def table():
    """Log p of the next token after each history, [batch, histories, size + 1]: the
    last token may not be chosen, however likely it is."""
    logits = np.random.default_rng(0).normal(size=(BATCH, 4**STEPS, SIZE + 1)) * 2
    logits[..., SIZE] = 9
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return log_p.astype(np.float32)


def step(log_p):
    """The state of a beam is the number that its tokens spell in base 4."""

    def after(tokens, state):
        history = state["history"] * 4 + tokens
        rows = jnp.arange(BATCH)[:, None]
        return jnp.asarray(log_p)[rows, history % 4**STEPS], {"history": history}

    return after


def every_sequence(log_p, row):
    """(tokens, log p) of every sequence that ends, or is cut after STEPS tokens."""
    found = {}
    for tokens in itertools.product(range(SIZE), repeat=STEPS):
        if END in tokens:
            tokens = tokens[: tokens.index(END) + 1]
        history, total = 0, 0.0
        for last, token in zip((SIZE, *tokens), tokens, strict=False):
            history = history * 4 + last
            total += log_p[row, history % 4**STEPS, token]
        found[tokens] = total
    return found


def searched(n, alpha=0.0, log_p=None):
    state = beams.repeated({"history": jnp.zeros(BATCH, jnp.int32)}, n)
    first = jnp.full(BATCH, SIZE)
    return beams.search(
        step(table() if log_p is None else log_p),
        state,
        first,
        beams=n,
        steps=STEPS,
        end=END,
        size=SIZE,
        alpha=alpha,
    )


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_as_many_beams_as_sequences_rank_all_of_them(alpha):
    log_p = table()
    found = jax.jit(searched, static_argnums=(0, 1))(SIZE**STEPS, alpha)
    for row in range(BATCH):
        want = every_sequence(log_p, row)
        ranked = sorted(want, key=lambda tokens: -want[tokens] / len(tokens) ** alpha)
        assert np.isfinite(found.log_p[row]).sum() == len(ranked)
        for i, tokens in enumerate(ranked):
            assert found.length[row, i] == len(tokens)
            assert tuple(found.tokens[row, i, : len(tokens)]) == tokens
            assert (found.tokens[row, i, len(tokens) :] == END).all()
            np.testing.assert_allclose(found.log_p[row, i], want[tokens], rtol=1e-5)


def test_one_beam_takes_the_likeliest_token_at_every_step():
    log_p = table()
    found = searched(1)
    for row in range(BATCH):
        history, tokens = SIZE, []
        while len(tokens) < STEPS and END not in tokens:
            tokens.append(int(log_p[row, history % 4**STEPS, :SIZE].argmax()))
            history = history * 4 + tokens[-1]
        assert found.tokens[row, 0, : len(tokens)].tolist() == tokens
        assert found.length[row, 0] == len(tokens)


def test_two_beams_report_the_log_p_of_the_tokens_that_they_return():
    log_p = table()
    found = searched(2)
    for row in range(BATCH):
        want = every_sequence(log_p, row)
        got = [
            tuple(found.tokens[row, i, : found.length[row, i]].tolist())
            for i in range(2)
        ]
        assert got[0] != got[1]
        for i in range(2):
            np.testing.assert_allclose(found.log_p[row, i], want[got[i]], rtol=1e-5)


def test_a_sequence_that_ends_at_once_leaves_the_other_beams_empty():
    log_p = np.full((BATCH, 4**STEPS, SIZE + 1), -np.inf, np.float32)
    log_p[..., END] = 0
    found = searched(2, log_p=log_p)
    assert (found.length[:, 0] == 1).all()
    assert (found.tokens[:, 0] == END).all()
    assert (found.log_p[:, 0] == 0).all()
    assert (found.log_p[:, 1] == -np.inf).all()
