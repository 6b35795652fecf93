"""Times a training step beside a plain PyTorch Transformer-XL of the same size.

    python -m tests.papers.transformer_xl.step_time --torch_python=PATH [--config...]

Both feed fresh tokens, clip, and step Adam.
"""

from tests import beside_torch


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch import nn
    from torch.nn import functional as F

    d = size["d_model"]
    heads = size["n_heads"]
    d_head = size["d_head"]
    rows = size["batch_size"]
    time_ = size["length"]
    past = size["mem_len"]

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            width = heads * d_head
            self.q = nn.Linear(d, width, bias=False)
            self.kv = nn.Linear(d, 2 * width, bias=False)
            self.r = nn.Linear(d, width, bias=False)
            self.o = nn.Linear(width, d, bias=False)
            self.norm_1 = nn.LayerNorm(d)
            self.norm_2 = nn.LayerNorm(d)
            self.ff_1 = nn.Linear(d, size["d_inner"])
            self.ff_2 = nn.Linear(size["d_inner"], d)

        def forward(self, h, memory, sines, u, v, mask):
            c = torch.cat([memory, h], 1)
            q = self.q(h).view(rows, time_, heads, d_head)
            k, value = self.kv(c).view(rows, -1, 2, heads, d_head).unbind(2)
            r = self.r(sines).view(-1, heads, d_head)
            by_key = torch.einsum("bthd,bkhd->bhtk", q + u, k)
            by_distance = torch.einsum("bthd,khd->bhtk", q + v, r)
            shifted = F.pad(by_distance, (1, 0)).view(rows, heads, -1, time_)
            shifted = shifted[:, :, 1:].reshape(by_key.shape)
            scores = ((by_key + shifted) * d_head**-0.5).masked_fill(~mask, -1e30)
            out = torch.einsum("bhtk,bkhd->bthd", scores.softmax(-1), value)
            h = self.norm_1(h + self.o(out.reshape(rows, time_, -1)))
            return self.norm_2(h + self.ff_2(F.relu(self.ff_1(h))))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(size["vocab_size"], d)
            nn.init.normal_(self.table.weight, 0, 0.02)
            self.bias = nn.Parameter(torch.zeros(size["vocab_size"]))
            self.u = nn.Parameter(torch.zeros(heads, d_head))
            self.v = nn.Parameter(torch.zeros(heads, d_head))
            self.layers = nn.ModuleList(Layer() for _ in range(size["n_layers"]))

        def forward(self, tokens, targets, memory):
            keys = past + time_
            distance = torch.arange(keys - 1, -1, -1.0)
            angles = distance[:, None] * 10000 ** (-torch.arange(0, d, 2) / d)
            sines = torch.cat([angles.sin(), angles.cos()], -1)
            mask = torch.ones(time_, keys, dtype=torch.bool).tril(past)
            h = self.table(tokens) * d**0.5
            new = []
            for layer, old in zip(self.layers, memory, strict=True):
                new.append(torch.cat([old, h], 1)[:, -past:].detach())
                h = layer(h, old, sines, self.u, self.v, mask)
            logits = F.linear(h, self.table.weight, self.bias)
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), new

    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    memory = [torch.zeros(rows, past, d) for _ in network.layers]

    def fresh():
        return torch.randint(0, size["vocab_size"], (rows, time_ + 1))

    def step(tokens):
        nonlocal memory
        loss, memory = network(tokens[:, :-1], tokens[:, 1:], memory)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.25)
        optimiser.step()

    return fresh, step


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    from papers import transformer_xl

    del size
    return beside_torch.steps(transformer_xl, configured(overrides), "xl")


def configured(overrides: list[str]):
    from launch import catalogue
    from papers import transformer_xl

    return catalogue.override(transformer_xl.get_config(), overrides)


def cases(flags, overrides: list[str]) -> dict[str, dict]:
    config = configured(overrides)
    c = config.model
    size = {
        "vocab_size": c.vocab_size, "n_layers": c.n_layers, "d_model": c.d_model,
        "n_heads": c.n_heads, "d_head": c.d_head, "d_inner": c.d_inner,
        "mem_len": c.mem_len, "batch_size": config.data.batch_size,
        "length": config.data.length,
    }  # fmt: skip
    return {"a step": size}


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case)
