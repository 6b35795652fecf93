"""Times a training step of td-gLSTM, and captions by two beams, beside PyTorch's.

    python -m tests.papers.captioning.step_time --torch_python=PATH [--beams]

At the paper's size: 16 images of 5 captions of 16 words, 9,567 words, width 512, the
images' vectors given; Adam and the elementwise clamp. PyTorch has its own LSTM and a
running sum of W_c's rows, as here, and no loop over steps in training.
"""

import argparse

import numpy as np

from tests import beside_torch

IMAGES = 16


def torch_network(size: dict):
    import torch
    from torch import nn

    width, symbols = size["width"], size["symbols"]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(symbols, width)
            self.text = nn.Embedding(symbols, width)
            nn.init.normal_(self.text.weight, 1.0, 0.001)
            self.lstm = nn.LSTM(2 * width, width, batch_first=True)
            self.drop = nn.Dropout(0.5)
            self.decoder = nn.Linear(width, symbols)

        def after_image(self, image):
            both = torch.cat([image, image], -1)[:, None]
            return self.lstm(both)[1]

        def forward(self, image, read):
            image = image.repeat_interleave(size["captions"], 0)
            steps = torch.arange(1, read.shape[1] + 1)[:, None]
            means = self.text(read).cumsum(1) / steps
            g = torch.tanh(image[:, None] * means)
            x = torch.cat([self.embed(read), g], -1)
            hidden, _ = self.lstm(x, self.after_image(image))
            return self.decoder(self.drop(hidden))

        @torch.no_grad()
        def beams(self, image, width, steps):
            """Beam search with the running sums gathered; ended beams end again."""
            rows = len(image)
            h, c = (s.repeat_interleave(width, 1) for s in self.after_image(image))
            flat = image.repeat_interleave(width, 0)
            total = torch.zeros_like(flat)
            last = torch.zeros(rows * width, dtype=torch.long)
            log_p = torch.full((rows, width), -torch.inf)
            log_p[:, 0] = 0
            ended = torch.zeros(rows, width, dtype=torch.bool)
            words = torch.zeros(rows, width, 0, dtype=torch.long)
            first = torch.arange(rows)[:, None] * width
            again = torch.full((symbols,), -torch.inf)
            again[0] = 0
            for t in range(steps):
                total = total + self.text(last)
                g = torch.tanh(flat * total / (t + 1))
                x = torch.cat([self.embed(last), g], -1)[:, None]
                out, (h, c) = self.lstm(x, (h, c))
                new = torch.log_softmax(self.decoder(out[:, 0]), -1)
                new = new.view(rows, width, symbols)
                new = torch.where(ended[..., None], again, new) + log_p[..., None]
                log_p, best = new.view(rows, -1).topk(width)
                parent, token = best // symbols, best % symbols
                place = (first + parent).view(-1)
                h, c, total = h[:, place], c[:, place], total[place]
                ended = ended.gather(1, parent) | (token == 0)
                kept = words.gather(1, parent[..., None].expand_as(words))
                words = torch.cat([kept, token[..., None]], -1)
                last = token.view(-1)
                if ended.all():
                    break
            return words, log_p

    return Net()


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = torch_network(size)
    image = torch.rand(size["images"], size["width"])
    if size["beams"]:
        net.eval()
        return lambda: None, lambda _: net.beams(image, size["beams"], size["length"])
    optimiser = torch.optim.Adam(net.parameters(), 4e-4, betas=(0.8, 0.999))
    words = torch.from_numpy(tokens(size)).long().flatten(0, 1)
    read = nn.functional.pad(words, (1, 0))
    target = nn.functional.pad(words, (0, 1))
    ended = (target == 0).cumsum(-1) - (target == 0).long()
    counted = ended == 0

    def step(_):
        optimiser.zero_grad()
        logits = net(image, read)
        each = nn.functional.cross_entropy(
            logits.flatten(0, 1), target.flatten(), reduction="none"
        )
        loss = (each * counted.flatten()).sum() / counted.sum()
        loss.backward()
        nn.utils.clip_grad_value_(net.parameters(), 0.1)
        optimiser.step()

    return lambda: None, step


def tokens(size: dict) -> np.ndarray:
    """Captions of 8 to 16 words, as COCO's are cut."""
    rng = np.random.default_rng(0)
    shape = size["images"], size["captions"], size["length"]
    words = rng.integers(1, size["symbols"], shape)
    lengths = rng.integers(8, size["length"] + 1, shape[:2])
    return np.where(np.arange(size["length"]) < lengths[..., None], words, 0)


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    """The step, and the search, that the command line calls."""
    del overrides
    import jax
    import jax.numpy as jnp

    from common.config import changed
    from papers.captioning import decoding, train
    from papers.captioning.model import Captioner
    from papers.captioning.variants import get_config

    config = get_config("sc_vgg16")
    image = jnp.asarray(
        np.random.default_rng(1).random((size["images"], size["width"])), jnp.float32
    )
    if size["beams"]:
        blank = jnp.zeros((1, 1, 2), jnp.int32)
        params = Captioner(config.model).init(jax.random.key(0), image[:1], blank)
        options = decoding.Options(size["length"], size["beams"])
        search = jax.jit(
            lambda params, image: decoding.captions(
                config.model, params, image, options
            )
        )
        return lambda: None, lambda _: search(params["params"], image)
    config = changed(config, {"encoder.name": "cnn", "encoder.cached": True})
    language = jax.vmap(
        lambda key: Captioner(config.model).init(
            key, image[:1], jnp.zeros((1, 1, 2), jnp.int32)
        )["params"]
    )(jax.random.split(jax.random.key(0), 1))
    params = {"language": language}
    state = train.State(
        step=jnp.zeros((), jnp.int32),
        key=jax.random.key(0),
        params=params,
        opt_state=train._tx(config).init(params),
        encoder={"scale": jnp.ones(size["width"])},
        vectors=image,
        vocabulary=jnp.uint32(0),
    )
    batch = {
        "tokens": tokens(size).astype(np.int32),
        "index": np.arange(size["images"], dtype=np.int32),
        "mask": np.ones(size["images"], np.float32),
    }
    step = jax.jit(lambda s, b: train.train_step(config, s, b), donate_argnums=0)

    def call(batch):
        nonlocal state
        state, metrics = step(state, batch)
        return state.step, metrics

    return lambda: batch, call


def parser() -> argparse.ArgumentParser:
    own = argparse.ArgumentParser()
    own.add_argument("--beams", action="store_true", help="time two beams, not a step")
    return own


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    if overrides:
        raise SystemExit(f"unknown flags: {' '.join(overrides)}")
    size = {"images": IMAGES, "captions": 5, "length": 16, "width": 512,
            "symbols": 9568, "beams": 2 * flags.beams}  # fmt: skip
    return {"two beams" if flags.beams else "a step": size}


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, parser())
