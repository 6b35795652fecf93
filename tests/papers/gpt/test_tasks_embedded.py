"""The tasks made from embedded text: balanced, reproducible, and apart from the text to
pre-train on."""

import functools
from collections import Counter, defaultdict

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from common.contract import UserError
from common.data import text
from papers.gpt import tasks
from papers.gpt.tasks import embedded, made


def encode(words):
    """A token for three letters, as the default run's BPE has."""
    return words[::3]


def load(name, **options):
    return tasks.load(name, encode=encode, **options)


@functools.cache
def owners_of_texts():
    """{(text, which half): docstrings that it may be of}"""
    owners = defaultdict(list)
    for docstring in embedded.docstrings():
        for half in (0, 1):
            owners[docstring.text, half].append(docstring)
            if docstring.halves:
                owners[docstring.halves[half], half].append(docstring)
    return owners


def distance(example):
    """0: the texts may be of one docstring; 1: of one module; 2: of none."""
    firsts, seconds = (
        owners_of_texts()[part, i] for i, part in enumerate(example.texts)
    )
    if {*firsts} & {*seconds}:
        return 0
    return 2 - bool({d.file for d in firsts} & {d.file for d in seconds})


@pytest.mark.parametrize("per_class", [60, 20])
def test_topics_are_eight_packages_in_equal_numbers(per_class):
    task = load("topics", per_class=per_class)
    counts = Counter((e.split, e.label) for e in task.examples)
    sizes = {"train": per_class, "valid": 15, "test": 50}
    assert counts == {(s, y): n for s, n in sizes.items() for y in range(8)}
    texts = [e.texts[0] for e in task.examples]
    assert len({*texts}) == len(texts)
    assert load("topics", per_class=20).of("test") == task.of("test")
    package_of = {d.text: d.package for d in embedded.docstrings()}
    assert all(package_of[e.texts[0]] == task.classes[e.label] for e in task.examples)


@pytest.mark.parametrize("name", ["same-module", "relatedness"])
def test_pairs_of_different_splits_share_no_module(name):
    halved = name == "relatedness"
    files = embedded.by_module(
        embedded.in_halves() if halved else embedded.docstrings()
    )
    assert sum(map(len, files.values())) == len(set().union(*files.values()))
    task = load(name)
    assert [len(task.of(s)) for s in ("train", "valid", "test")] == [1200, 150, 400]
    for split in files:
        known = {part for found in files[split].values() for d in found
                 for part in (d.text, *(d.halves or ()))}  # fmt: skip
        assert {part for e in task.of(split) for part in e.texts} <= known


def test_pairs_are_what_their_labels_say():
    for example in load("same-module").examples:
        assert distance(example) == 1 + example.label
    task = load("relatedness")
    for example in task.examples:
        assert distance(example) == {5.0: 0, 2.5: 1, 0.0: 2}[example.label]
    scores = Counter(e.label for e in task.of("test"))
    assert max(scores.values()) - min(scores.values()) <= 1


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", ["same-module", "relatedness"])
def test_one_text_of_a_pair_tells_nothing_of_the_pair(name, which):
    """A bag of words of it is at chance."""
    task = load(name)
    train, test = (
        ([e.texts[which] for e in task.of(s)], [str(e.label) for e in task.of(s)])
        for s in ("train", "test")
    )
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(*train)
    chance = 1 / len({*test[1]})
    assert model.score(*test) == pytest.approx(chance, abs=0.08)


def test_endings_follow_their_contexts_in_held_out_text():
    task = load("endings")
    assert [len(task.of(s)) for s in ("train", "valid", "test")] == [1200, 200, 500]
    for split, whole in text.embedded().items():
        words = " ".join(whole.decode().split())
        for example in task.of(split):
            context, *answers = (" ".join(t.split()) for t in example.texts)
            own, other = answers[example.label], answers[1 - example.label]
            assert f"{context} {own}" in words
            assert other in words
            assert own != other
    lengths = [[len(encode(t)) for t in e.texts] for e in task.of("test")]
    assert max(length[0] for length in lengths) <= 28
    assert max(max(length[1:]) for length in lengths) <= 14
    assert sum(length[0] for length in lengths) / len(lengths) > 22
    right = Counter(e.label for e in task.of("test"))
    assert min(right.values()) > 200


def test_right_and_wrong_endings_are_the_same_texts():
    """What is an ending tells nothing: each is right once and wrong once."""
    test = load("endings").of("test")
    right = Counter(e.texts[1 + e.label] for e in test)
    wrong = Counter(e.texts[2 - e.label] for e in test)
    assert right == wrong


def test_windows_do_not_overlap():
    """Each word stands in one window at most."""
    words = " ".join(f"w{i:04}" for i in range(3000))
    windows = [*made._windows(words, 1000, str.split)]
    read = [word for window in windows for part in window for word in part.split()]
    assert len(read) == len({*read})
    assert len(windows) > 65


@pytest.mark.parametrize("name", ["topics", "same-module", "relatedness"])
def test_pre_training_does_not_see_held_out_docstrings(name):
    task = load(name)
    held_out = tasks.held_out([task])
    train = text.embedded()["train"]
    rest = tasks.without(train, held_out)
    paragraphs = b"\n\n" + rest
    assert not any(b"\n\n%b\n\n" % found.encode() in paragraphs for found in held_out)
    assert 0.01 < 1 - len(rest) / len(train) < 0.08
    texts = {part for e in (*task.of("valid"), *task.of("test")) for part in e.texts}
    halves = {part for d in held_out_docstrings(held_out) for part in d.halves or ()}
    assert texts <= held_out | halves


def held_out_docstrings(texts):
    return [d for d in embedded.docstrings() if d.text in texts]


def test_without_takes_whole_paragraphs_and_keeps_all_else():
    data = b"One.\n\nTwo\nlines.\n\nOne. And more.\n\nTwo\nlines.\n\nOne.\n\n"
    assert tasks.without(data, ["One."]) == (
        b"Two\nlines.\n\nOne. And more.\n\nTwo\nlines.\n\n"
    )
    assert tasks.without(data, ["Two\nlines."]) == b"One.\n\nOne. And more.\n\nOne.\n\n"
    assert tasks.without(data, []) == data


def test_what_is_left_does_not_depend_on_the_order_of_the_texts():
    texts = ["Two.", "One.\n\nTwo."]
    data = b"One.\n\nTwo.\n\nThree.\n\n"
    for order in (texts, texts[::-1]):
        assert tasks.without(data, order) == b"Three.\n\n"


def test_a_seed_draws_other_examples_and_the_same_seed_the_same():
    for name in ("topics", "same-module", "relatedness", "endings"):
        assert load(name).examples == load(name).examples
        assert load(name).examples != load(name, seed=1).examples


def test_endings_need_a_tokeniser():
    with pytest.raises(UserError, match="'endings' needs a tokeniser: pass encode"):
        tasks.load("endings")


def test_bags_of_bigrams_know_topics():
    """.82 and .68 of eight classes; chance is .125."""
    assert tasks.bag_of_bigrams(load("topics"))["accuracy"] > 0.7
    few = tasks.bag_of_bigrams(load("topics", per_class=20))["accuracy"]
    assert few > 0.55
