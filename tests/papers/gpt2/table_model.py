"""A language model that is a table, {token: {next token: probability}}, so that every
measure has a value that a test can compute by hand."""

import string

import numpy as np

from papers.gpt2.zero_shot.model import Model

END = "end"  # letters, so that only its id tells it from a word


class TableModel:
    """Tokens are `pieces`, the longest first, and single characters. After a token that
    the table does not have, and for what it leaves over, all tokens are as probable.

    calls: the sequences that each function was given.
    """

    def __init__(
        self, pieces=(), table=(), context_length=64, answers=lambda prompt: ""
    ):
        self.pieces = [END, *pieces, *string.printable]
        self.ids = {piece: i for i, piece in enumerate(self.pieces)}
        self.context_length = context_length
        self.answers = answers
        self.prompts = []
        self.longest = 0
        size = len(self.pieces)
        self.probabilities = np.full((size, size), 1 / size)
        for token, row in dict(table).items():
            left = size - len(row)
            own = np.full(size, (1 - sum(row.values())) / left)
            for after, probability in row.items():
                own[self.ids[after]] = probability
            self.probabilities[self.ids[token]] = own
        with np.errstate(divide="ignore"):
            self.log = np.log(self.probabilities)

    def model(self) -> Model:
        return Model(
            self.nll,
            self.next_log_probs,
            self.continue_,
            self.encode,
            self.decode,
            self.ids[END],
            self.context_length,
        )

    def encode(self, text):
        found = []
        by_length = sorted(self.pieces[1:], key=len, reverse=True)
        while text:
            piece = next(each for each in by_length if text.startswith(each))
            found.append(self.ids[piece])
            text = text[len(piece) :]
        return np.asarray(found, np.int32)

    def decode(self, ids):
        return "".join(self.pieces[int(i)] for i in ids)

    def nll(self, sequences, contexts):
        found = []
        for ids, context in zip(sequences, contexts, strict=True):
            assert 1 <= context < len(ids) <= self.context_length + 1
            self.longest = max(self.longest, len(ids))
            found.append(-self.log[ids[context - 1 : -1], ids[context:]])
        return found

    def next_log_probs(self, sequences):
        assert all(1 <= len(ids) <= self.context_length for ids in sequences)
        return np.stack([self.log[ids[-1]] for ids in sequences])

    def continue_(self, prompts, length, *, top_k, seed):
        for prompt in prompts:
            assert len(self.encode(prompt)) + length <= self.context_length
        self.prompts += prompts
        return [self.answers(prompt) for prompt in prompts]
