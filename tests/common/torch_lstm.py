"""Writes torch_lstm.npz: what torch.nn.LSTM, two layers in both directions, makes of
padded rows: outputs, final states, and gradients of everything, in float64.

    python -m tests.common.torch_lstm      # needs torch
"""

from pathlib import Path

import numpy as np

INPUTS, FEATURES, DEPTH = 4, 3, 2
TIME = 5
LENGTHS = (5, 3, 1)  # torch refuses a row of length 0


def main() -> None:
    import torch
    from torch.nn.utils import rnn

    def normal(*shape):
        return torch.randn(shape, dtype=torch.float64, requires_grad=True)

    torch.manual_seed(0)
    net = torch.nn.LSTM(
        INPUTS, FEATURES, DEPTH, batch_first=True, bidirectional=True
    ).double()
    given = {"x": normal(len(LENGTHS), TIME, INPUTS)}
    for name in ("h", "c"):  # layer by layer, forward before backward
        given[name] = normal(2 * DEPTH, len(LENGTHS), FEATURES)
    packed = rnn.pack_padded_sequence(given["x"], LENGTHS, batch_first=True)
    packed, (h, c) = net(packed, (given["h"], given["c"]))
    out, _ = rnn.pad_packed_sequence(packed, batch_first=True)
    found = {"out": out, "final_h": h, "final_c": c}
    pull = {name: torch.randn_like(x) for name, x in found.items()}
    sum((found[name] * pull[name]).sum() for name in found).backward()

    weights = dict(net.named_parameters())
    parts = {"": given | found, "weights/": weights, "pull/": pull}
    parts["gradients/"] = {name: x.grad for name, x in (given | weights).items()}
    arrays = {
        prefix + name: x.detach().numpy()
        for prefix, part in parts.items()
        for name, x in part.items()
    }
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, **arrays, torch=np.array(torch.__version__))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
