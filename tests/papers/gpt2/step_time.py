"""Times GPT-2 beside PyTorch, in turns: training steps, and generation.

    python -m tests.papers.gpt2.step_time --torch_python=PATH

The Python has torch and transformers. PyTorch's steps are those of a plain network with
its fused attention; its generation is transformers' with its cache of keys and values.
No generator of one row is faster than its weights are read, once a token: the product
of all of them with a vector says how fast that is.
"""

from tests import beside_torch

TRAINED = {
    "a step of 12 x 256": {
        "vocab_size": 4096, "n_layers": 12, "d_model": 256, "n_heads": 8,
        "length": 256, "batch_size": 8,
    },
    "a step at nanoGPT's CPU setting": {
        "vocab_size": 65, "n_layers": 4, "d_model": 128, "n_heads": 4,
        "length": 64, "batch_size": 12,
    },
}  # fmt: skip
TOKENS = 32  # of a call that generates
PROMPT = 10
GENERATED = {
    f"{TOKENS} tokens of 124 M, {rows} row{'s' * (rows > 1)}": {"rows": rows}
    for rows in (1, 8)
}
READ = {f"reading 124 M weights {TOKENS} times": {"width": 768, "weights": 124_439_808}}


def torch_case(size: dict) -> beside_torch.Timed:
    if "weights" in size:
        return _torch_reading(size)
    return _torch_tokens(size) if "rows" in size else _torch_step(size)


def _torch_step(size: dict) -> beside_torch.Timed:
    import torch
    from torch import nn
    from torch.nn import functional as F

    d = size["d_model"]
    heads = size["n_heads"]

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1 = nn.LayerNorm(d)
            self.qkv = nn.Linear(d, 3 * d)
            self.output = nn.Linear(d, d)
            self.norm_2 = nn.LayerNorm(d)
            self.up = nn.Linear(d, 4 * d)
            self.down = nn.Linear(4 * d, d)

        def forward(self, x):
            rows, time, _ = x.shape
            parts = self.qkv(self.norm_1(x)).split(d, 2)
            by_head = [p.view(rows, time, heads, -1).transpose(1, 2) for p in parts]
            mean = F.scaled_dot_product_attention(*by_head, is_causal=True)
            x = x + self.output(mean.transpose(1, 2).reshape(rows, time, d))
            up = F.gelu(self.up(self.norm_2(x)), approximate="tanh")
            return x + self.down(up)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(size["vocab_size"], d)
            self.positions = nn.Embedding(size["length"], d)
            self.blocks = nn.Sequential(*[Block() for _ in range(size["n_layers"])])
            self.norm = nn.LayerNorm(d)

        def forward(self, tokens, targets):
            h = self.tokens(tokens) + self.positions.weight
            logits = self.norm(self.blocks(h)) @ self.tokens.weight.T
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    shape = size["batch_size"], size["length"] + 1

    def fresh():
        return torch.randint(0, size["vocab_size"], shape)

    def step(tokens):
        loss = network(tokens[:, :-1], tokens[:, 1:])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()

    return fresh, step


def _torch_tokens(size: dict) -> beside_torch.Timed:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    network = GPT2LMHeadModel(GPT2Config()).eval()

    def fresh():
        return torch.randint(0, 50_000, (size["rows"], PROMPT))

    def write(prompts):
        with torch.no_grad():
            network.generate(
                prompts,
                attention_mask=torch.ones_like(prompts),
                max_new_tokens=TOKENS,
                do_sample=True,
                top_k=40,
                pad_token_id=0,
                eos_token_id=None,
            )

    return fresh, write


def _torch_reading(size: dict) -> beside_torch.Timed:
    import torch

    weights = torch.ones(size["weights"] // size["width"], size["width"])

    def read(vector):
        for _ in range(TOKENS):
            weights @ vector

    return lambda: torch.ones(size["width"]), read


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    if "weights" in size:
        return _reading(size)
    return _tokens(size) if "rows" in size else _step(size, overrides)


def _step(size: dict, overrides: list[str]) -> beside_torch.Timed:
    import numpy as np

    from launch import catalogue
    from papers import gpt2

    config = gpt2.get_config("shakespeare_char")
    for name in ("vocab_size", "n_layers", "d_model", "n_heads"):
        setattr(config.model, name, size[name])
    config.model.bias = True
    config.model.context = size["length"]
    config.data.length = size["length"]
    config.data.batch_size = size["batch_size"]
    config = catalogue.override(config, overrides)
    rng = np.random.default_rng(0)

    def fresh():
        shape = size["batch_size"], size["length"] + 1
        tokens = rng.integers(size["vocab_size"], size=shape, dtype=np.int32)
        marks = np.ones(len(tokens), np.uint32)
        return {"inputs": tokens[:, :-1], "targets": tokens[:, 1:], "tokenizer": marks}

    return beside_torch.steps(gpt2, config, "main", fresh)


def _tokens(size: dict) -> beside_torch.Timed:
    import jax
    import jax.numpy as jnp
    import numpy as np

    from common.decoding import Draw, Generator
    from papers import gpt2
    from papers.gpt2.model import GPT2

    config = gpt2.get_config("small").model
    config.dtype = "float32"
    network = GPT2(config)
    tokens = jnp.zeros((1, 2), jnp.int32)
    params = jax.jit(network.init)(jax.random.key(0), tokens)["params"]
    write = Generator(network, params, Draw(config.vocab_size, 1.0, top_k=40))
    rng = np.random.default_rng(0)
    keys = jax.random.split(jax.random.key(0), size["rows"])

    def fresh():
        return [*rng.integers(50_000, size=(size["rows"], PROMPT))]

    return fresh, lambda prompts: [*write(prompts, keys, TOKENS)][-1]


def _reading(size: dict) -> beside_torch.Timed:
    import jax
    import jax.numpy as jnp

    weights = jnp.ones((size["weights"] // size["width"], size["width"]))
    product = jax.jit(jnp.matmul)

    def read(vector):
        for _ in range(TOKENS):
            product(weights, vector).block_until_ready()

    return lambda: jnp.ones(size["width"]), read


def cases(flags, overrides: list[str]) -> dict[str, dict]:
    del flags, overrides
    return TRAINED | GENERATED | READ


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case)
