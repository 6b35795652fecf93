"""Numbers of trained runs: losses of texts, and tasks without training for them."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from common.decoding import Draw, Generator
from common.optim import ema_params
from common.text.counts import Counts
from common.text.prompts import without_end
from common.text.scoring import Scorer
from common.text.vocab import Vocab
from papers.gpt2.config import Config
from papers.gpt2.data import encoded, vocabulary
from papers.gpt2.model import GPT2
from papers.gpt2.zero_shot.model import Model

SENTENCES = 3  # of a summary, the paper's


@dataclasses.dataclass(frozen=True)
class Reader:
    """A trained run that reads texts."""

    name: str
    config: Config
    params: Any
    vocab: Vocab

    @classmethod
    def of(cls, name: str, config: Config, state: Any) -> "Reader":
        params = ema_params(state.opt_state, state.params)
        return cls(name, config, params, vocabulary(config))

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return sum(x.size for x in jax.tree.leaves(self.params))

    @property
    def width(self) -> str:
        m = self.config.model
        return f"{m.n_layers} x {m.d_model}"

    @functools.cached_property
    def scorer(self) -> Scorer:
        rows = self.config.eval.batch_size
        return Scorer(GPT2(self.config.model), self.params, rows, self.vocab.size)

    def loss(self, split: str) -> float:
        """Nats a token of the first tokens of a split, in windows."""
        tokens = encoded(self.config, split)[: self.config.eval.tokens]
        return float(self.text_nll(tokens).mean(dtype=np.float64))

    def text_nll(self, tokens: np.ndarray) -> np.ndarray:
        """-log p of every token but the first, in windows that move by eval.stride."""
        length = self.config.data.length
        return self.scorer.text_nll(tokens, length, self.config.eval.stride or length)

    def text_loss(self, text: bytes) -> dict[str, float]:
        """Of a text: nats a token, bits a byte, perplexity a word; and the counts."""
        tokens = self.vocab.encode(text)
        nats = float(self.text_nll(tokens).sum(dtype=np.float64))
        counts = Counts.of(len(tokens) - 1, text)
        return {
            "nats a token": nats / counts.tokens,
            "bits a byte": counts.bits_per_byte(nats),
            "perplexity a word": counts.word_perplexity(nats),
            "tokens": counts.tokens,
            "bytes": counts.bytes,
            "words": counts.words,
        }

    def model(self) -> Model:
        """The run as `zero_shot` asks for it."""
        return Model(
            nll=self.scorer.nll,
            next_log_probs=self.scorer.next_log_probs,
            continue_=self.continue_,
            encode=self.vocab.encode,
            decode=self.vocab.decode,
            end=self.vocab.end_of_text,
            context_length=self.config.model.context,
        )

    def continue_(
        self, prompts: Sequence[str], length: int, *, top_k: int, seed: int = 0
    ) -> list[str]:
        """The new text of each prompt, up to `length` tokens."""
        draw = Draw(self.vocab.size, top_k=top_k, end=self.vocab.end_of_text)
        return self.drawn(draw, [*map(self.vocab.encode, prompts)], length, seed)

    def drawn(
        self, draw: Draw, prompts: Sequence[np.ndarray], length: int, seed: int = 0
    ) -> list[str]:
        """As `continue_`, of tokens and drawn in any way."""
        write = self._generator(draw)
        rows = self.config.predict.batch_size
        texts = []
        for start in range(0, len(prompts), rows):
            some = [*prompts[start : start + rows]]
            filled = some + [some[0]] * (rows - len(some))
            keys = jax.random.fold_in(jax.random.key(seed), start)
            pieces = write(filled, jax.random.split(keys, rows), length)
            new = np.concatenate([np.full((rows, 0), -1), *pieces], axis=1)
            texts += [self.vocab.decode(without_end(self.vocab, r)) for r in new]
            del texts[start + len(some) :]
        return texts

    @functools.cached_property
    def _generators(self) -> dict[Draw, Generator]:
        return {}

    def _generator(self, draw: Draw) -> Generator:
        if draw not in self._generators:
            network = GPT2(self.config.model)
            self._generators[draw] = Generator(network, self.params, draw)
        return self._generators[draw]
