"""Times a training step beside a plain PyTorch Transformer-XL of the same size.

    python tests/papers/transformer_xl/step_time.py --torch_python=PATH [--config...]

One process trains with PyTorch, in the environment of the given Python (it needs torch
alone), one with this package; they take turns of a few steps, so that both meet the
same machine. Both feed fresh tokens, clip, and step Adam. Prints the medians and their
ratio, turn by turn.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STEPS, TURNS, WARM_UP = 8, 6, 3


def torch_worker(size: dict) -> None:
    """Reads "go" lines; answers each with the seconds of STEPS steps."""
    import time

    import torch
    from torch import nn
    from torch.nn import functional as F

    d, heads, d_head = size["d_model"], size["n_heads"], size["d_head"]
    rows, time_, past = size["batch_size"], size["length"], size["mem_len"]

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            width = heads * d_head
            self.q = nn.Linear(d, width, bias=False)
            self.kv = nn.Linear(d, 2 * width, bias=False)
            self.r = nn.Linear(d, width, bias=False)
            self.o = nn.Linear(width, d, bias=False)
            self.norm_1, self.norm_2 = nn.LayerNorm(d), nn.LayerNorm(d)
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
            h, new = self.table(tokens) * d**0.5, []
            for layer, old in zip(self.layers, memory, strict=True):
                new.append(torch.cat([old, h], 1)[:, -past:].detach())
                h = layer(h, old, sines, self.u, self.v, mask)
            logits = F.linear(h, self.table.weight, self.bias)
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), new

    torch.set_num_threads(size["cores"])
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    memory = [torch.zeros(rows, past, d) for _ in network.layers]
    for _ in sys.stdin:
        seconds = []
        for _ in range(STEPS):
            tokens = torch.randint(0, size["vocab_size"], (rows, time_ + 1))
            start = time.perf_counter()
            loss, memory = network(tokens[:, :-1], tokens[:, 1:], memory)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.25)
            optimiser.step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


def jax_worker(overrides: list[str], host_devices: int, keep: bool) -> None:
    """As `torch_worker`, through the trainer that the command line uses."""
    import tempfile
    import time

    sys.path.insert(0, str(ROOT))
    from launch import catalogue, devices
    from launch.session import Session

    if keep:
        devices.keep_freed_memory()
    devices.use_cpu_devices(host_devices)
    import jax

    paper = catalogue.load("transformer_xl")
    config = catalogue.override(paper.get_config("default"), overrides)
    trainer = Session(paper, config, Path(tempfile.mkdtemp())).trainer("xl")
    state = trainer.placement.put_state(trainer.make_state())
    data = trainer.batches("train")
    for _ in sys.stdin:
        seconds = []
        for _ in range(STEPS):
            batch = jax.block_until_ready(trainer.placement.put_batch(next(data)))
            start = time.perf_counter()
            state, metrics = trainer.train_step(state, batch)
            jax.block_until_ready((state, metrics))
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


def ask(worker: subprocess.Popen) -> list[float]:
    worker.stdin.write("go\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch_python", required=True, help="a Python that has torch")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--devices", type=int, help="that jax sees; the cores")
    parser.add_argument("--without_kept_memory", action="store_true", help="for jax")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments, overrides = parser.parse_known_args()
    if arguments.worker == "jax":
        host_devices = arguments.devices or arguments.cores
        return jax_worker(overrides, host_devices, not arguments.without_kept_memory)
    if arguments.worker:
        return torch_worker(json.loads(arguments.worker))

    sys.path.insert(0, str(ROOT))
    from launch import catalogue
    from papers import transformer_xl

    config = catalogue.override(transformer_xl.get_config(), overrides)
    c = config.model
    size = {
        "vocab_size": c.vocab_size, "n_layers": c.n_layers, "d_model": c.d_model,
        "n_heads": c.n_heads, "d_head": c.d_head, "d_inner": c.d_inner,
        "mem_len": c.mem_len, "batch_size": config.data.batch_size,
        "length": config.data.length, "cores": arguments.cores,
    }  # fmt: skip
    torch_command = [arguments.torch_python, __file__, "--torch_python=-"]
    jax_command = [sys.executable, __file__, "--torch_python=-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = {
        "torch": subprocess.Popen(
            [*torch_command, f"--worker={json.dumps(size)}"], **pipes
        ),
        "jax": subprocess.Popen(
            [*jax_command, "--worker=jax", *sys.argv[1:]],
            **pipes,
        ),
    }
    for _ in range(WARM_UP):
        for worker in workers.values():
            ask(worker)
    ratios, all_seconds = [], {name: [] for name in workers}
    for turn in range(TURNS):
        medians = {}
        for name, worker in workers.items():
            seconds = ask(worker)
            all_seconds[name] += seconds
            medians[name] = 1e3 * statistics.median(seconds)
        ratios.append(medians["jax"] / medians["torch"])
        print(
            f"turn {turn + 1}: torch {medians['torch']:.1f} ms, "
            f"jax {medians['jax']:.1f} ms, ratio {ratios[-1]:.2f}"
        )
    for name, seconds in all_seconds.items():
        print(f"{name}: median {1e3 * statistics.median(seconds):.1f} ms a step")
    print(f"jax / torch: {statistics.median(ratios):.2f} (median of {TURNS} turns)")
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


if __name__ == "__main__":
    main()
