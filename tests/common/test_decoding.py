"""Continuing many rows: each as if it were alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.decoding import Draw, Generator
from papers.gpt2.config import Model
from papers.gpt2.model import GPT2

MODEL = Model(vocab_size=40, context=16, n_layers=2, d_model=16, n_heads=2)
PROMPTS = [np.arange(3), np.array([7]), np.arange(9) + 5]
DRAW = Draw(size=37, temperature=1.0, top_k=30, top_p=0.95)


@pytest.fixture(scope="module")
def params():
    """Far from the start, so that draws are far from uniform."""
    tokens = jnp.zeros((1, 2), jnp.int32)
    drawn = GPT2(MODEL).init(jax.random.key(3), tokens)["params"]
    return jax.tree.map(lambda x: 8 * x if x.ndim > 1 else x, drawn)


def keys(count: int):
    return jax.random.split(jax.random.key(0), count)


def continued(params, prompts, keys, length, draw=DRAW, keep=0.5) -> list[list[int]]:
    write = Generator(GPT2(MODEL), params, draw, keep)
    pieces = np.concatenate([*write(prompts, keys, length)], axis=1)
    return [row[row >= 0].tolist() for row in pieces]


def uncached(params, prompt, length, keep) -> list[int]:
    """Greedy, and the window read anew for each token."""
    network = GPT2(MODEL)
    kept = max(1, round(keep * MODEL.context))
    window, text = [*prompt][-MODEL.context :], []
    for _ in range(length):
        if len(window) > MODEL.context:
            window = window[-kept:]
        hidden = network.apply({"params": params}, jnp.asarray(window)[None])
        logits = network.apply({"params": params}, hidden, method="logits")[0, -1]
        text.append(int(jnp.argmax(logits[: DRAW.size])))
        window.append(text[-1])
    return text


@pytest.mark.parametrize("keep", [0.5, 1.0, 0.0])
def test_greedy_text_is_that_of_the_uncached_network_past_the_context(params, keep):
    draw = Draw(size=37, temperature=0.0)
    found = continued(params, PROMPTS, keys(3), 40, draw, keep)
    for prompt, text in zip(PROMPTS, found, strict=True):
        assert text == uncached(params, prompt, 40, keep)


def test_a_row_is_the_same_alone_and_beside_others(params):
    together = continued(params, PROMPTS, keys(3), 40)
    for i, prompt in enumerate(PROMPTS):
        assert continued(params, [prompt], keys(3)[i : i + 1], 40) == [together[i]]
    assert len({tuple(row) for row in together}) == 3


def test_a_longer_continuation_begins_with_the_shorter_one(params):
    (short,) = continued(params, PROMPTS[:1], keys(1), 7)
    (long,) = continued(params, PROMPTS[:1], keys(1), 33)
    assert len(short) == 7
    assert long[:7] == short


def test_a_row_ends_at_the_end_of_text_and_the_others_go_on(params):
    free = continued(params, PROMPTS, keys(3), 30)
    end = free[0][4]
    draw = Draw(size=37, temperature=1.0, top_k=30, top_p=0.95, end=end)
    ended = continued(params, PROMPTS, keys(3), 30, draw)
    for before, after in zip(free, ended, strict=True):
        stop = before.index(end) + 1 if end in before else 30
        assert after == before[:stop]


def test_only_ids_of_the_vocabulary_are_drawn(params):
    rows = continued(params, PROMPTS * 4, keys(12), 40, Draw(size=5))
    assert {token for row in rows for token in row} == {*range(5)}


def test_of_a_long_prompt_the_end_is_read(params):
    long = np.arange(37) % 37
    draw = Draw(size=37, temperature=0.0)
    (found,) = continued(params, [long], keys(1), 1, draw)
    assert found == uncached(params, long, 1, 0.5)


def test_no_token_is_asked_for_and_none_comes(params):
    write = Generator(GPT2(MODEL), params, DRAW)
    assert [*write(PROMPTS, keys(3), 0)] == []
