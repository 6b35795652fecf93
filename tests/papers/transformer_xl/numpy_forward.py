"""A second Transformer-XL, in numpy and float64, which the tests compare ours with.

It follows the paper's equations, with the arrays, names and time-first axes of the
released TensorFlow code. Each attention score is computed by itself, from its distance
i - j.

Axes: time (queries), key (past, then time), batch, heads, d_head, d_model.
"""

import functools
import itertools

import numpy as np


def shapes(
    *, n_layers, d_model, n_heads, d_head, d_inner, vocab_size, untied_biases=False,
    cutoffs=(), div_value=1, d_embed=0, tied_projections=(), project_same=True,
):  # fmt: skip
    """{name: shape} of the released code's variables, without their common scope
    `transformer/`."""
    width = d_embed or d_model
    heads = (n_heads, d_head)
    biases = (n_layers, *heads) if untied_biases else heads
    variables = {"r_w_bias": biases, "r_r_bias": biases}
    for i in range(n_layers):
        variables |= {
            f"layer_{i}/rel_attn/qkv/kernel": (d_model, 3 * n_heads * d_head),
            f"layer_{i}/rel_attn/r/kernel": (d_model, n_heads * d_head),
            f"layer_{i}/rel_attn/o/kernel": (n_heads * d_head, d_model),
            f"layer_{i}/rel_attn/LayerNorm/gamma": (d_model,),
            f"layer_{i}/rel_attn/LayerNorm/beta": (d_model,),
            f"layer_{i}/ff/layer_1/kernel": (d_model, d_inner),
            f"layer_{i}/ff/layer_1/bias": (d_inner,),
            f"layer_{i}/ff/layer_2/kernel": (d_inner, d_model),
            f"layer_{i}/ff/layer_2/bias": (d_model,),
            f"layer_{i}/ff/LayerNorm/gamma": (d_model,),
            f"layer_{i}/ff/LayerNorm/beta": (d_model,),
        }
    if div_value == 1:
        variables["adaptive_embed/lookup_table"] = (vocab_size, width)
        if width != d_model:
            variables["adaptive_embed/proj_W"] = (width, d_model)
    if not cutoffs:
        return variables | {"adaptive_softmax/bias": (vocab_size,)}
    tied = tied_projections or (False,) * (len(cutoffs) + 1)
    for i, (low, high) in enumerate(itertools.pairwise((0, *cutoffs, vocab_size))):
        size = width // div_value**i
        embed = f"adaptive_embed/cutoff_{i}"
        softmax = f"adaptive_softmax/cutoff_{i}"
        projected = size != d_model or (div_value > 1 and project_same)
        variables[f"{softmax}/b"] = (high - low,)
        if div_value > 1:
            variables[f"{embed}/lookup_table"] = (high - low, size)
            if projected:
                variables[f"{embed}/proj_W"] = (size, d_model)
        if projected and not tied[i]:
            variables[f"{softmax}/proj"] = (size, d_model)
    variables["adaptive_softmax/cutoff_0/cluster_W"] = (len(cutoffs), width)
    variables["adaptive_softmax/cutoff_0/cluster_b"] = (len(cutoffs),)
    return variables


class Network:
    """The network of the released arrays.

    epsilon: LayerNorm's.
    clamp: the largest distance; longer ones are replaced by it.
    window: the number of keys that a query sees, itself included.
    """

    def __init__(self, arrays, *, cutoffs=(), epsilon=1e-12, clamp=None, window=None):
        self.w = {
            name.removeprefix("transformer/"): array.astype(np.float64)
            for name, array in arrays.items()
        }
        self.cutoffs = cutoffs
        self.epsilon = epsilon
        self.clamp = clamp or np.inf
        self.window = window or np.inf
        self.n_layers = sum(name.endswith("qkv/kernel") for name in self.w)
        self.heads, self.d_head = self.w["r_w_bias"].shape[-2:]
        self.d_model = self.w["layer_0/rel_attn/o/kernel"].shape[1]

    def read(self, inputs, targets, *, length, mem_len, seen_zeros=False):
        """log p(target) [time, batch] of a text read `length` tokens at a time.

        The memory begins as `mem_len` zeros. If `seen_zeros`, queries attend to them,
        as in the released code; else they are hidden until hidden states replace
        them."""
        batch = inputs.shape[1]
        memory = [np.zeros((mem_len, batch, self.d_model))] * self.n_layers
        hidden_keys = 0 if seen_zeros else mem_len
        out = []
        for start in range(0, len(inputs), length):
            segment = slice(start, start + length)
            h, memory = self.segment(inputs[segment], memory, hidden_keys)
            hidden_keys = max(hidden_keys - length, 0)
            out.append(self.log_prob(h, targets[segment]))
        return np.concatenate(out)

    def segment(self, tokens, memory, hidden_keys):
        """The last hidden states [time, batch, d_model], and each layer's new memory:
        the newest states among the old memory and the layer's inputs. The first
        `hidden_keys` keys are hidden from queries."""
        h = self.embed(tokens)
        new_memory = []
        for i, past in enumerate(memory):
            context = np.concatenate([past, h])
            new_memory.append(context[len(context) - len(past) :])
            h = self.norm(h + self.attention(i, h, context, hidden_keys), i, "rel_attn")
            h = self.norm(h + self.feed_forward(i, h), i, "ff")
        return h, new_memory

    def attention(self, layer, h, context, hidden_keys):
        """Section 3.3 of the paper, one score at a time."""
        at = f"layer_{layer}/rel_attn"
        query, key, value = np.split(self.w[f"{at}/qkv/kernel"], 3, axis=1)
        q = self.split(h @ query)
        k = self.split(context @ key)
        v = self.split(context @ value)
        past = len(context) - len(h)
        u_bias = self.bias("r_w_bias", layer)
        v_bias = self.bias("r_r_bias", layer)
        out = np.zeros_like(q)
        for i in range(len(h)):
            scores = []
            values = []
            for j in range(hidden_keys, past + i + 1):
                distance = past + i - j
                if distance >= self.window:
                    continue
                sines = self.sines(min(distance, self.clamp))
                r = self.split(sines @ self.w[f"{at}/r/kernel"])
                terms = q[i] * k[j] + q[i] * r + u_bias * k[j] + v_bias * r
                scores.append(terms.sum(-1) / np.sqrt(self.d_head))
                values.append(v[j])
            p = np.exp(log_softmax(np.array(scores), axis=0))  # [key, batch, heads]
            out[i] = (p[..., None] * np.array(values)).sum(0)
        return out.reshape(*h.shape[:2], -1) @ self.w[f"{at}/o/kernel"]

    def split(self, x):
        """[..., heads * d_head] -> [..., heads, d_head]"""
        return x.reshape(*x.shape[:-1], self.heads, self.d_head)

    def bias(self, name, layer):
        """u or v [heads, d_head], which all layers share or each has its own."""
        return self.w[name] if self.w[name].ndim == 2 else self.w[name][layer]

    def sines(self, distance):
        frequencies = 10000.0 ** -(np.arange(0, self.d_model, 2) / self.d_model)
        return np.concatenate(
            [np.sin(distance * frequencies), np.cos(distance * frequencies)]
        )

    def feed_forward(self, layer, h):
        at = f"layer_{layer}/ff"
        inner = h @ self.w[f"{at}/layer_1/kernel"] + self.w[f"{at}/layer_1/bias"]
        outer = np.maximum(inner, 0) @ self.w[f"{at}/layer_2/kernel"]
        return outer + self.w[f"{at}/layer_2/bias"]

    def norm(self, x, layer, part):
        at = f"layer_{layer}/{part}/LayerNorm"
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + self.epsilon)
        return x * self.w[f"{at}/gamma"] + self.w[f"{at}/beta"]

    @functools.cached_property
    def bins(self):
        """For every bin of the vocabulary: its first word, its table of embeddings, the
        projections (or None) of input and output, and the output's bias."""
        whole = self.w.get("adaptive_embed/lookup_table")
        shared = self.w.get("adaptive_embed/proj_W")
        if not self.cutoffs:
            return [(0, whole, shared, shared, self.w["adaptive_softmax/bias"])]
        bins = []
        for i, first in enumerate((0, *self.cutoffs)):
            embed = f"adaptive_embed/cutoff_{i}"
            softmax = f"adaptive_softmax/cutoff_{i}"
            bias = self.w[f"{softmax}/b"]
            table = whole
            projection = shared
            if whole is None:
                table = self.w[f"{embed}/lookup_table"]
                projection = self.w.get(f"{embed}/proj_W")
            else:
                table = whole[first : first + len(bias)]
            # Without one, it is tied to the input's, or neither is needed.
            output = self.w.get(f"{softmax}/proj", projection)
            bins.append((first, table, projection, output, bias))
        return bins

    def bin_of(self, word):
        return sum(word >= cutoff for cutoff in self.cutoffs)

    def embed(self, tokens):
        """[time, batch] -> [time, batch, d_model]"""
        out = np.zeros((*tokens.shape, self.d_model))
        for at, word in np.ndenumerate(tokens):
            first, table, projection, _, _ = self.bins[self.bin_of(word)]
            vector = table[word - first]
            out[at] = vector if projection is None else vector @ projection
        return out * np.sqrt(self.d_model)

    def log_prob(self, h, targets):
        """log p(target) [time, batch] after hidden states [time, batch, d_model].

        p(word) = p(its bin) p(word | its bin). The head scores the words of the first
        bin and then the other bins."""
        out = np.zeros(targets.shape)
        for at, word in np.ndenumerate(targets):
            i = self.bin_of(word)
            head = log_softmax(self.logits(0, h[at]))
            if i == 0:
                out[at] = head[word]
            else:
                inside = log_softmax(self.logits(i, h[at]))[word - self.cutoffs[i - 1]]
                out[at] = head[self.cutoffs[0] + i - 1] + inside
        return out

    def logits(self, i, h):
        """The logits of the words in bin i after one hidden state [d_model]."""
        _, table, _, projection, bias = self.bins[i]
        if i == 0 and self.cutoffs:
            at = "adaptive_softmax/cutoff_0"
            table = np.concatenate([table, self.w[f"{at}/cluster_W"]])
            bias = np.concatenate([bias, self.w[f"{at}/cluster_b"]])
        return table @ (h if projection is None else projection @ h) + bias


def log_softmax(x, axis=-1):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))
