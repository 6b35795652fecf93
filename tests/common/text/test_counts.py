"""Units of a likelihood. A failure means that a perplexity is not the one that papers
report."""

import math

import pytest

from common.text.counts import Counts

TEXT = " = Café = \n\n It 's  two\twords .\n".encode()


def test_bytes_words_and_lines_are_those_of_the_file():
    assert Counts.of(40, TEXT) == Counts(40, len(TEXT), 8, 3)
    assert Counts.of(3, b"") == Counts(3, 0, 0, 0)
    assert Counts.of(1, b"a b\n") + Counts.of(2, b"c") == Counts(3, 5, 3, 1)


def test_a_uniform_model_has_the_perplexity_of_its_choices():
    counts = Counts(tokens=10, bytes=40, words=5, lines=1)
    nats = 10 * math.log(16)  # ten tokens, each one of sixteen
    assert counts.perplexity(nats) == pytest.approx(16)
    assert counts.word_perplexity(nats) == pytest.approx(16**2)
    assert counts.bits_per_byte(nats) == pytest.approx(10 * 4 / 40)
