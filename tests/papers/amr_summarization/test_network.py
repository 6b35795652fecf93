"""The network: what shares a row sees nothing of each other, and a beam that writes
piece by piece has the probabilities of training."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.text.parses import Parsed
from papers import amr_summarization
from papers.amr_summarization import agreement, data, sources, train
from papers.amr_summarization.amr import Amr, Edge
from papers.amr_summarization.sequences import encode, packing
from papers.amr_summarization.sequences.vocabulary import END, UNKNOWN, Vocabulary
from papers.amr_summarization.sequences.writing import Generator, Parser
from papers.amr_summarization.sources.pairs import Pair

CONFIG = amr_summarization.get_config("smoke")
RUNS = amr_summarization.runs(CONFIG)


@functools.cache
def untrained(run: str):
    """Far from the start, so that probabilities are far from uniform."""
    state = amr_summarization.init(RUNS[run].config, jax.random.key(0))
    return state.replace(params=jax.tree.map(lambda x: 1.5 * x, state.params))


def samples(run: str, count: int):
    config = RUNS[run].config
    vocab = data.vocabulary(config)
    pairs = sources.load(config)["train"][:count]
    return [encode.encoded(config, vocab, pair) for pair in pairs]


@functools.cache
def compiled(run: str, method: str, *static: int):
    """A method of the network, by its variables and arguments."""
    net = train.network(RUNS[run].config)
    return jax.jit(
        lambda params, *given: net.apply(
            {"params": params}, *given, *static, method=method
        )
    )


def logits(run: str, batch) -> np.ndarray:
    return np.asarray(compiled(run, "__call__")(untrained(run).params, batch))


@pytest.mark.parametrize("run", RUNS)
def test_a_sample_in_a_full_row_has_the_logits_that_it_has_alone(run):
    found = samples(run, 3)
    symbols = CONFIG.model.symbols
    lengths = 80, 90
    both = logits(run, packing.arrays(found, [[0, 1, 2]], *lengths, symbols))
    item = piece = 0
    for sample in found:
        own = packing.arrays([sample], [[0]], *lengths, symbols)
        alone = logits(run, own)[0]
        items, pieces = len(sample.item), len(sample.target)
        for start, width in ((0, symbols), (symbols, items)):
            shift = start and item
            np.testing.assert_allclose(
                both[0, piece : piece + pieces, start + shift : start + shift + width],
                alone[:pieces, start : start + width],
                atol=1e-4,
            )
        others = np.delete(
            both[0, piece : piece + pieces, symbols:], np.s_[item : item + items], 1
        )
        assert (others < -1e29).all()
        item += items
        piece += pieces


@pytest.mark.parametrize("run", RUNS)
def test_a_step_at_a_time_gives_the_logits_of_the_whole(run):
    config = RUNS[run].config
    own = packing.arrays(
        samples(run, 4), [[0], [1], [2], [3]], 40, 40, config.model.symbols
    )
    whole = logits(run, own)
    params = untrained(run).params
    memory = compiled(run, "encode")(params, own)
    state = compiled(run, "begin", 2)(params, memory)
    for i in range(8):
        previous = jnp.repeat(jnp.asarray(own["previous"])[:, i : i + 1], 2, axis=1)
        step, state = compiled(run, "step")(params, memory, previous, state)
        going = own["segment"][:, i] > 0
        for beam in range(2):
            np.testing.assert_allclose(step[going, beam], whole[going, i], atol=1e-4)


@pytest.mark.parametrize("run", ["parser"])
def test_beams_write_only_what_has_a_name_and_report_its_log_p(run):
    config = RUNS[run].config
    state = untrained(run)
    found = samples(run, 2)
    source, target = data.single_lengths(config)
    symbols = config.model.symbols
    batch = packing.arrays(found, [[0], [1]], source, target, symbols)
    search = jax.jit(functools.partial(train.written, config, beams=3))
    written = search(state.params, state.symbols, batch)
    vocab = data.vocabulary(config)
    for row in range(2):
        tokens = np.asarray(written.tokens[row, 0])
        assert ((tokens < len(vocab.symbols)) | (tokens >= symbols)).all()
        assert (tokens >= END).all()
        assert (tokens < symbols + len(found[row].item)).all()
        length = int(written.length[row, 0])
        own = encode.Encoded(*found[row][:3], target=tokens[:length])
        read = packing.arrays([own], [[0]], source, target, symbols)
        allowed = np.asarray(train.choices(state.symbols, read["source_segment"]))
        log_p = jax.nn.log_softmax(
            jnp.where(allowed, logits(run, read), -jnp.inf), axis=-1
        )
        total = sum(float(log_p[0, i, tokens[i]]) for i in range(length))
        np.testing.assert_allclose(written.log_p[row, 0], total, rtol=1e-4)


@pytest.mark.parametrize("run", RUNS)
def test_packed_rows_hold_every_sample_once_and_none_is_too_full(run):
    config = RUNS[run].config
    found = samples(run, 200)
    lengths = data.row_lengths(config)
    rows = packing.packed(found, *lengths)
    assert sorted(i for row in rows for i in row) == list(range(200))
    for row in rows:
        assert sum(len(found[i].item) for i in row) <= lengths[0]
        assert sum(len(found[i].target) for i in row) <= lengths[1]
    arrays = packing.arrays(found, rows, *lengths, config.model.symbols)
    for row, members in enumerate(rows):
        for segment, i in enumerate(members, start=1):
            own = arrays["segment"][row] == segment
            items = arrays["source_segment"][row] == segment
            target = arrays["target"][row][own]
            first = np.flatnonzero(items)[0]
            pointers = target >= config.model.symbols
            target = np.where(pointers, target - first, target)
            np.testing.assert_array_equal(target, found[i].target)
            np.testing.assert_array_equal(arrays["item"][row][items], found[i].item)


def test_an_unknown_piece_is_not_learned():
    config = RUNS["parser"].config
    batch = next(data.batches(config, "train"))
    batch["target"] = np.full_like(batch["target"], UNKNOWN)
    state = untrained("parser")
    _, metrics = jax.jit(functools.partial(train.train_step, config))(state, batch)
    assert float(metrics["loss"]) == 0


def test_a_vocabulary_is_the_same_through_its_arrays():
    vocab = Vocabulary(
        ("<unknown>", "é", "the"), ("<unknown>", "<start>", "<end>", ")")
    )
    again = Vocabulary.of(vocab.arrays(8, 16))
    assert again == vocab
    ids = again.encode([")", "@3", "strange"], symbols=16)
    assert ids == [3, 19, UNKNOWN]
    assert again.decode([3, 19, END, 3], symbols=16) == [")", "@3"]


def tree_of(pair) -> Parsed:
    """The pair's sentence with a tree that nobody reads."""
    count = len(pair.words)
    heads = (-1, *[0] * (count - 1))
    return Parsed(pair.words, pair.tags, heads, ("",) * count)


def test_what_is_too_long_to_be_read_is_said_in_one_line():
    parser = Parser(RUNS["parser"].config, untrained("parser"))
    pair = Pair(("word",) * 17, ("NN",) * 17, Amr("a", {"a": "and"}))
    assert not parser.reads(tree_of(pair))
    with pytest.raises(UserError, match="17 words, and the parser reads 16") as error:
        parser(tree_of(pair))
    assert "\n" not in str(error.value)
    generator = Generator(RUNS["generator"].config, untrained("generator"))
    names = [f"a{i}" for i in range(41)]
    edges = tuple(Edge("a0", ":op1", name) for name in names[1:])
    large = Amr("a0", dict.fromkeys(names, "and"), edges)
    assert not generator.reads(large)
    with pytest.raises(UserError, match="generator reads 40"):
        generator(large)


def _overfitted(run: str, steps: int):
    """A state trained on 20 silver pairs alone, and the pairs."""
    config = RUNS[run].config
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, d_model=64, d_inner=128, symbols=256,
                                  items=512),
        data=dataclasses.replace(
            config.data, source="wikipedia", sentences=20, words=16, pieces=72,
            row_words=48, row_pieces=160, row_written=96, batch_size=4,
        ),
    )  # fmt: skip
    state = amr_summarization.init(config, jax.random.key(0))
    step = jax.jit(functools.partial(amr_summarization.train_step, config))
    batches = data.batches(config, "train")
    for _ in range(steps):
        state, _ = step(state, next(batches))
    return config, state, data.samples(config).pairs


@pytest.mark.slow
@pytest.mark.optimised
def test_twenty_sentences_are_learned_to_smatch_1():
    config, state, pairs = _overfitted("parser", 400)
    parser = Parser(config, state)
    found = parser.all([tree_of(pair) for pair in pairs])
    wanted = [pair.amr for pair in pairs]
    assert len(pairs) == 20
    assert agreement.smatch(zip(found, wanted, strict=True)).f1 == 1


@pytest.mark.slow
@pytest.mark.optimised
def test_twenty_graphs_are_learned_to_a_bleu_above_95():
    config, state, pairs = _overfitted("generator", 400)
    found = Generator(config, state).all([pair.amr for pair in pairs])
    lower = [[word.lower() for word in words] for words in found]
    wanted = [[word.lower() for word in pair.words] for pair in pairs]
    assert agreement.bleu(zip(lower, wanted, strict=True)) > 0.95
