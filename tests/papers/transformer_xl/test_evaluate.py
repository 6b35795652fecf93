"""Ways of reading a text. A failure means that a reported number counts tokens twice,
or gives them another context than its table says."""

import dataclasses
import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from papers.transformer_xl import cost, decode, figures, measure, recl, train
from papers.transformer_xl.config import Model, runs
from papers.transformer_xl.data import batches, encoded, vocabulary
from papers.transformer_xl.evaluate import Reader, _losses
from papers.transformer_xl.memory import empty_memory
from papers.transformer_xl.model import TransformerXL
from papers.transformer_xl.variants import get_config

RUNS = runs(get_config("smoke"))
XL = RUNS["xl"].config
VANILLA = RUNS["vanilla"].config
TOKENS = encoded(XL, "test")[:90]


DRAWN = {}  # parameters of a model


def parameters(config):
    """Larger parameters than the initial ones, so that context matters."""
    model = repr(config.model)
    if model not in DRAWN:
        params = jax.jit(partial(train.init, config))(jax.random.key(0)).params
        DRAWN[model] = jax.tree.map(lambda p: 8 * p if p.ndim > 1 else p, params)
    return DRAWN[model]


@functools.cache
def forward(model: str):
    """(params, tokens) -> log p, compiled, of a model given as its repr."""
    model: Model = eval(model)
    apply = partial(TransformerXL(model).apply, method="log_probs")
    memory = empty_memory(model, 1, 0)
    return jax.jit(lambda params, tokens: apply({"params": params}, tokens, memory)[0])


def predictions(config, params, tokens):
    """log p [vocab] after the tokens, at most 32, in one forward pass. Behind them
    stands what no earlier position sees, so that one program reads any number."""
    padded = np.zeros((1, 32), np.int32)
    padded[0, : len(tokens)] = tokens
    return forward(repr(config.model))(params, padded)[0, len(tokens) - 1]


def expected(config, params, text, context):
    """-log p(text[-1]) after the `context` tokens before it."""
    return -float(predictions(config, params, text[-context - 1 : -1])[text[-1]])


def test_every_token_but_the_first_is_scored_once():
    params = parameters(XL)
    assert len(measure.by_segments(XL, params, TOKENS)) == len(TOKENS) - 1
    assert (
        len(measure.sliding(VANILLA, parameters(VANILLA), TOKENS, 8)) == len(TOKENS) - 1
    )


def test_sliding_gives_each_prediction_its_own_window():
    params = parameters(VANILLA)
    keys = 8
    nll = measure.sliding(VANILLA, params, TOKENS, keys)
    for i in (0, 3, 7, 8, 9, 40, 88):  # the first `keys` predictions see less
        context = min(keys, i + 1)
        wanted = expected(VANILLA, params, TOKENS[: i + 2], context)
        assert nll[i] == pytest.approx(wanted, abs=1e-4)


def test_reading_by_segments_ignores_how_long_they_are():
    config = dataclasses.replace(XL, eval=dataclasses.replace(XL.eval, batch_size=1))
    params = parameters(config)
    windows = [
        measure.by_segments(measure.attending(config, 12, length), params, TOKENS)
        for length in (4, 16)
    ]
    np.testing.assert_allclose(*windows, atol=1e-4)


def test_after_context_reads_that_much_and_no_more():
    params = parameters(XL)
    ends = np.array([40, 60, 88 - 1])
    config = measure.attending(XL, 24, 8)
    config = dataclasses.replace(
        config, model=dataclasses.replace(config.model, window=0)
    )
    nll = measure.after_context(config, params, TOKENS, ends, 16)
    wanted = [expected(XL, params, TOKENS[: e + 2], 16) for e in ends]
    np.testing.assert_allclose(nll, wanted, atol=1e-4)
    alone = measure.after_context(VANILLA, parameters(VANILLA), TOKENS, ends, 64)
    wanted = [
        expected(VANILLA, parameters(VANILLA), TOKENS[: e + 2], VANILLA.data.length)
        for e in ends
    ]
    np.testing.assert_allclose(
        alone, wanted, atol=1e-4
    )  # no further than it was trained


def test_relative_gain_by_hand():
    best = np.log([4.0, 4.0, 2.0, 2.0])
    longer = np.log([2.0, 8.0, 1.0, 1.0])  # the second is worse: b_c is kept instead
    half = recl.relative_gain(best, best, longer, 0.5)
    assert half == pytest.approx(1 - np.sqrt(2 * 4) / 4)
    whole = recl.relative_gain(best, best, longer, 1.0)
    assert whole == pytest.approx(1 - (2 * 4 * 1 * 1) ** 0.25 / (4 * 4 * 2 * 2) ** 0.25)


def test_recl_is_where_the_gain_ends():
    """One model learns up to 40 tokens of context, the other up to 20."""

    def loss(model, context):
        useful = min(context, {"far": 40, "near": 20}[model])
        return np.full(10, 3.0 - 0.02 * useful)

    found = recl.recl(["far", "near"], loss, step=10, longest=100, fraction=1.0)
    assert found["far"] == 40
    assert found["near"] <= 20


def test_the_reach_grows_by_one_memory_a_layer():
    """Figure 2: a position sees its own segment and, layer by layer, one more."""
    tokens = encoded(XL, "test")
    earliest = figures.reach(XL, parameters(XL), tokens)
    segment = np.arange(earliest.shape[1]) // figures.REACH
    for layer, row in enumerate(earliest, start=1):
        np.testing.assert_array_equal(
            row, np.maximum(segment - layer, 0) * figures.REACH
        )


def test_attention_weights_are_distributions():
    layers = figures.attention(XL, parameters(XL), TOKENS)
    assert len(layers) == XL.model.n_layers
    for layer in layers:
        np.testing.assert_allclose(layer["weights"].sum(-1), 1.0, atol=1e-5)


def test_speed_table_has_a_ratio_for_every_way():
    table = cost.speed_table(XL, parameters(XL), VANILLA, parameters(VANILLA))
    for keys, slow, *fast in table.rows:
        assert keys in XL.eval.attention_lengths
        np.testing.assert_allclose(fast[3:6], [slow / ms for ms in fast[:3]], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.optimised
def test_sliding_costs_more_than_fifty_times_at_800():
    config = dataclasses.replace(
        XL, eval=dataclasses.replace(XL.eval, attention_lengths=(200, 800))
    )
    short, long = cost.speed_table(
        config, parameters(XL), VANILLA, parameters(VANILLA)
    ).rows
    assert max(long[5:8]) > max(short[5:8])
    assert max(long[5:8]) > 50


def continued(**predict):
    config = dataclasses.replace(XL, predict=dataclasses.replace(XL.predict, **predict))
    state = train.init(config, jax.random.key(0)).replace(params=parameters(config))
    return [*decode.predict(config, state, "the old cat")]


def test_predict_streams_the_prompt_and_what_follows():
    pieces = continued(length=40)
    assert pieces[0] == "the old cat"
    assert len(pieces) > 2
    assert continued(length=40) == pieces  # the same seed, the same text
    assert continued(length=40, seed=1) != pieces


def test_prompts_may_stand_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_continued", lambda config, state, text: iter(text))
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    path = tmp_path / "a.txt"
    told = [*decode.predict(XL, None, f"LINES:{path}")]
    found = dict(told[::2])
    rows = [row for records in told[1::2] for row in records.rows]
    assert [(row["prompt"], row["text"]) for row in rows] == [
        (i, text) for i, text in enumerate(found.values(), start=1)
    ]
    assert found == {"prompt 1": "one", "prompt 2": "two"}
    assert "".join(decode.predict(XL, None, f"FILE:{path}")) == "one\n\ntwo\n"
    assert [*decode.predict(XL, None, "")] == ["\n"]
    with pytest.raises(UserError, match=r"is a file: give FILE:.* or LINES:.*a\.txt"):
        [*decode.predict(XL, None, str(path))]


def test_prediction_reads_the_running_average_where_one_is_kept():
    averaging = dataclasses.replace(XL, optim=dataclasses.replace(XL.optim, ema=0.9))
    params = parameters(XL)
    tx = train._tx(averaging)
    kept = train.init(averaging, jax.random.key(0)).replace(
        params=jax.tree.map(jnp.zeros_like, params), opt_state=tx.init(params)
    )
    plain = train.init(XL, jax.random.key(0)).replace(params=params)
    texts = [
        "".join(decode.predict(config, state, "the old cat"))
        for config, state in ((averaging, kept), (XL, plain))
    ]
    assert texts[0] == texts[1]


def test_greedy_prediction_takes_the_likeliest_token():
    config = dataclasses.replace(
        XL, predict=dataclasses.replace(XL.predict, length=5, temperature=0.0)
    )
    params = parameters(config)
    state = train.init(config, jax.random.key(0)).replace(params=params)
    text = "".join(decode.predict(config, state, "the old cat")).encode(
        "utf-8", "replace"
    )
    vocab = vocabulary(config.data)
    tokens = list(vocab.encode(b"the old cat"))
    for _ in range(5):
        tokens.append(int(predictions(config, params, tokens).argmax()))
    assert text == vocab.decode(tokens).encode("utf-8", "replace")


def test_prediction_needs_relative_positions():
    state = train.init(VANILLA, jax.random.key(0))
    with pytest.raises(ValueError, match="token by token"):
        next(decode.predict(VANILLA, state, "a"))


def test_evaluation_in_training_is_the_loss_of_the_whole_split():
    """eval_step's mean over its padded, parallel streams is that of every token."""
    config = dataclasses.replace(XL, eval=dataclasses.replace(XL.eval, batch_size=3))
    state = train.init(config, jax.random.key(0))
    (batch,) = batches(config, "valid")
    means = jax.jit(partial(train.eval_step, config))(state, batch)
    tokens = encoded(config, "valid")
    assert float(means["loss"].count) == len(tokens) - 1
    nll = measure.by_segments(train.evaluated(config), state.params, tokens)
    assert float(means["loss"].value) == pytest.approx(nll.mean(), rel=1e-5)
    assert float(means["bits"].value) == pytest.approx(nll.mean() / np.log(2), rel=1e-5)


def with_eval(config, **changes):
    return dataclasses.replace(config, eval=dataclasses.replace(config.eval, **changes))


def test_validation_sees_as_far_as_training_whatever_the_final_evaluation_sees():
    """Segments of 8, not 16, and a memory that is longer by 8."""
    long = with_eval(XL, length=8, mem_len=90, clamp_len=5, window=9, ext_len=2)
    params = parameters(long)
    state = train.init(long, jax.random.key(0)).replace(params=params)
    (batch,) = batches(long, "valid")
    found = jax.jit(partial(train.eval_step, long))(state, batch)["loss"].value
    as_in_training = dataclasses.replace(
        XL,
        model=dataclasses.replace(XL.model, mem_len=24 + 16 - 8),
        data=dataclasses.replace(XL.data, length=8),
    )
    nll = measure.by_segments(as_in_training, params, encoded(XL, "valid"))
    assert float(found) == pytest.approx(nll.mean(), rel=1e-5)


def test_a_final_evaluation_of_longer_segments_leaves_validation_as_training_is():
    longer = with_eval(XL, length=64, mem_len=90)
    assert train.validated(longer) is longer
    assert train.validated(with_eval(VANILLA, length=8)).data.length == 16
    paper = train.validated(runs(get_config("enwik8_24l"))["main"].config)
    assert (paper.data.length, paper.model.mem_len) == (128, 1408)


def test_validation_reads_the_first_tokens_of_its_split():
    config = with_eval(XL, valid_tokens=33, batch_size=2)
    (batch,) = batches(config, "valid")
    text = encoded(config, "valid")
    read = batch["targets"][batch["mask"] > 0]
    np.testing.assert_array_equal(read, text[1:34])
    (whole,) = batches(config, "test")
    assert whole["mask"].sum() == len(encoded(config, "test")) - 1


def test_without_memory_some_tokens_are_read_again():
    """6 of the 16 that a segment has in training: each prediction sees 7 to 16."""
    config = train.evaluated(with_eval(VANILLA, ext_len=6, batch_size=1))
    params = parameters(config)
    nll = measure.by_segments(config, params, TOKENS)
    assert len(nll) == len(TOKENS) - 1
    for i in (10, 19, 57):
        context = 7 + i % 10
        wanted = expected(config, params, TOKENS[: i + 2], context)
        assert nll[i] == pytest.approx(wanted, abs=1e-4)


def test_the_table_says_what_is_in_sight_where_tokens_are_read_again(monkeypatch):
    monkeypatch.setattr(Reader, "loss", lambda self, keys=None: 0.0)
    readers = {
        name: Reader(name, train.evaluated(with_eval(config, ext_len=6)), {}, TOKENS)
        for name, config in (("xl", XL), ("vanilla", VANILLA))
    }
    rows = _losses(readers, "bits per character").rows
    assert [row[2] for row in rows] == ["24+7..22", "7..22", "7..16", "16"]


@pytest.mark.parametrize(
    ("run", "changes", "part"),
    [
        ("vanilla", {"eval.ext_len": 16}, "16 tokens are read at once"),
        ("xl", {"eval.ext_len": 4, "eval.count_zeros": True}, "needs ext_len=0"),
        ("xl", {"data.ext_len": 4, "eval.count_zeros": True}, "needs ext_len=0"),
    ],
)
def test_lengths_that_leave_nothing_to_read_are_refused(run, changes, part):
    config = get_config("smoke")
    config.runs = (run,)
    for name, value in changes.items():
        section, field = name.split(".")
        setattr(getattr(config, section), field, value)
    with pytest.raises(UserError, match=part):
        runs(config)


def test_processes_read_their_own_rows():
    config = XL
    whole = next(batches(config, "train"))
    parts = [
        next(batches(config, "train", process_index=i, process_count=2)) for i in (0, 1)
    ]
    for name, array in whole.items():
        np.testing.assert_array_equal(
            np.concatenate([part[name] for part in parts]), array
        )
