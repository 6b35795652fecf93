"""Tables of trained runs, and tasks by the language model alone."""

import jax
import numpy as np
import pytest

from papers import gpt
from papers.gpt import claims, data, measure, objective, tables, tasks, zero_shot
from papers.gpt.measure import Group, Reader

NAMES = ("pretrain", "toy-choice", "toy-kind", "toy-choice_scratch")


@pytest.fixture(scope="module")
def values(trained):
    runs = {name: trained(name) for name in NAMES}
    return dict(gpt.evaluate(gpt.get_config("smoke"), runs))


@pytest.fixture(scope="module")
def reader(trained):
    return Reader.of("pretrain", *trained("pretrain"))


def test_there_are_tables_of_losses_tasks_and_training(values):
    assert {
        "Language model", "Tasks", "Examples",
        "Zero-shot along pre-training, toy-choice",
        "Zero-shot score, toy-choice", "Sample, greedy", "Summary",
    } <= {*values}  # fmt: skip
    rows = {row[0]: row for row in values["Tasks"].rows}
    assert {
        "pre-trained, aux", "no pre-training", "bag of bigrams", "most frequent label",
        "zero-shot, transformer",
    } == {*rows}  # fmt: skip
    assert rows["no pre-training"][3] is None
    assert rows["most frequent label"][1:4:2] == [50.0, 50.0]
    steps = [row[0] for row in values["Zero-shot along pre-training, toy-choice"].rows]
    assert steps == [0, 10, 20]


def test_the_score_of_a_run_is_that_of_its_test_examples(values, trained):
    """Example by example, from the network itself."""
    config, state = trained("toy-kind")
    task = data.task(config)
    encode, size = data.vocabulary(config).encode, config.model.vocab_size
    params = jax.tree.map(lambda x: x[1], state.params)
    network = objective.network(config)

    @jax.jit
    def logits(tokens):
        at = jax.numpy.full((1, 1), tokens.shape[-1] - 1)
        return network.apply(
            {"params": params}, tokens, at, "classification", method="task"
        )[0]

    right = []
    for example in task.of("test"):
        tokens = np.r_[size, encode(example.texts[0]), size + 2]
        found = logits(tokens[None, None])
        right.append(int(np.argmax(found)) == example.label)
    (group,) = measure.groups("toy-kind", config, state)
    assert group.test[1] == pytest.approx(np.mean(right))


def test_the_first_snapshot_is_the_start_and_the_last_one_the_end(reader, trained):
    task = data.task(trained("toy-choice")[0])
    curve = dict(reader.along_training(task))
    assert curve[20] == reader.zero_shot(task)


def test_the_likeliest_answer_has_the_largest_mean_log_p(reader, trained):
    """Beside a loop that scores one answer after the other."""
    task = data.task(trained("toy-choice")[0])
    examples = task.of("test")[:6]
    found = zero_shot.chosen(task, reader.scorer, reader.vocab, examples)
    encode = reader.vocab.encode
    for chosen, example in zip(found, examples, strict=True):
        context, *answers = (encode(text) for text in example.texts)
        means = []
        for answer in answers:
            text = np.r_[context, answer]
            log_p = -reader.scorer.nll([text], [1])[0]
            means.append(log_p[len(context) - 1 :].mean())
        assert chosen == np.argmax(means)


def test_a_context_is_cut_at_its_start_and_an_answer_at_its_end():
    text, start = zero_shot._cut(np.arange(10), np.arange(50, 54), 8)
    assert text.tolist() == [6, 7, 8, 9, 50, 51, 52, 53]
    assert start == 4
    text, start = zero_shot._cut(np.arange(3), np.arange(50, 70), 8)
    assert text.tolist() == [2, *range(50, 57)]
    assert start == 1


def example(text, label, split="test"):
    return tasks.Example((text,), label, split)


def test_a_sentence_is_acceptable_above_the_best_threshold(reader):
    """The threshold separates the validation examples as well as any can."""
    likely = ["the old cat sees no garden.", "one small king loves a moon."]
    odd = ["garden no sees cat", "moon king a"]
    valid = [example(t, 1, "valid") for t in likely]
    valid += [example(t, 0, "valid") for t in odd]
    task = tasks.Task(
        "cola", "classification", ("no", "yes"), ("mcc", "accuracy"), tuple(valid)
    )
    means = zero_shot._sentence_means(reader.scorer, reader.vocab, valid)
    found = zero_shot.acceptable(task, reader.scorer, reader.vocab, valid)
    best = max(
        tasks.measure(task, means > t, np.array([1, 1, 0, 0]))["mcc"]
        for t in [-np.inf, *means]
    )
    labels = np.array([1, 1, 0, 0])
    assert tasks.measure(task, found, labels)["mcc"] == pytest.approx(best)


def test_sentiment_compares_two_words_after_very(reader):
    task = tasks.Task("sst2", "classification", ("-", "+"), ("accuracy",), ())
    examples = [example("the old cat sees no garden.", 1), example("a king", 0)]
    found = zero_shot.sentiment(task, reader.scorer, reader.vocab, examples)
    ids = [int(reader.vocab.encode(word)[0]) for word in ("negative", "positive")]
    for answer, one in zip(found, examples, strict=True):
        text = reader.vocab.encode(one.texts[0] + " very")
        (log_p,) = reader.scorer.next_log_probs([text])
        assert answer == np.argmax(log_p[ids])


def group(trained, name, depth, scores, **model):
    config, _ = trained(name)
    return Group(name, config, depth, scores, ())


def test_a_claim_holds_where_the_numbers_say_so(trained):
    full = group(trained, "toy-choice", 2, (0.7, 0.8))
    scratch = group(trained, "toy-choice_scratch", -1, (0.5, 0.6))
    (claim,) = claims.of([full, scratch], None)
    assert claim.holds is True
    assert "75.0 against 55.0" in claim.here
    (claim,) = claims.of([group(trained, "toy-choice", 2, (0.1,)), scratch], None)
    assert claim.holds is False


def test_the_majority_row_knows_training_labels_alone():
    examples = [example("a", 0, "train"), example("b", 0, "train")]
    examples += [example("c", 1, "train"), example("d", 1), example("e", 0)]
    task = tasks.Task("x", "classification", ("p", "q"), ("accuracy",), tuple(examples))
    assert tables.majority(task) == 50.0
