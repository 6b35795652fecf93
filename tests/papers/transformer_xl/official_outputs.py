"""Writes official_outputs.npz: losses of the released PyTorch codes on random weights.

    python -m tests.papers.transformer_xl.official_outputs FOLDER

FOLDER is `pytorch/` of github.com/kimiyoung/transformer-xl. Needs torch, and the
release 4.37 of transformers, which has Hugging Face's Transformer-XL.

Weights are not stored: both sides draw them from one numpy seed, in the order of the
state dict's sorted names. Names that share a tensor there are stored as such.
"""

import json
import sys
from pathlib import Path

import numpy as np

SEED = 0
VOCAB = 40
BATCH = 2
PREDICTED = 18  # tokens a row; four segments of 4 and one of 2
LENGTH = 4
PAST = 6

# Case: the options of MemTransformerLM.
CUTOFFS = {"cutoffs": [8, 17]}
NETWORKS = {
    "plain": {},
    "pre_norm": {"pre_lnorm": True},
    "narrow": {"d_embed": 8},
    "bins": CUTOFFS,
    "narrow_bins": {**CUTOFFS, "d_embed": 8, "tie_projs": [False, True, False]},
    "wt103_large": {**CUTOFFS, "div_val": 4, "tie_projs": [False, True, True]},
    "lm1b": {**CUTOFFS, "div_val": 4, "tie_projs": [False] * 3},
}
# Case: a network, and how a text is read. "mended": with the arguments of
# _update_mems in the order of its definition, which counts where ext_len > 0.
READINGS = {
    "clamped": {"network": "plain", "clamp_len": 3, "same_length": True},
    "extended_alone": {"network": "plain", "ext_len": 3, "mem_len": 0},
    "extended_far": {"network": "plain", "ext_len": 7, "mem_len": 0},
    "extended": {"network": "bins", "ext_len": 3, "mended": True},
    "extended_window": {
        "network": "plain", "ext_len": 6, "mended": True, "same_length": True,
    },
    "extended_as_released": {"network": "bins", "ext_len": 3},
}  # fmt: skip
# Case: the options of TransfoXLConfig.
HUGGING_FACE = {
    "hf_wt103": {
        "cutoffs": [8, 17], "div_val": 4, "tie_projs": [False, True, True],
        "untie_r": True, "same_length": True, "clamp_len": 3,
    },
    "hf_tied": {
        "cutoffs": [], "div_val": 1, "tie_projs": [False], "untie_r": False,
        "same_length": False, "clamp_len": -1,
    },
}  # fmt: skip


def draw(shapes: dict[str, tuple[int, ...]], same: dict[str, str]) -> dict:
    """Arrays by name, but for the sines' angles. `same`: name -> the name whose array
    it shares."""
    rng = np.random.default_rng(SEED)
    arrays = {}
    for name, shape in sorted(shapes.items()):
        if name not in same and not name.endswith("inv_freq"):
            drawn = 0.3 * rng.standard_normal(shape, np.float32)
            arrays[name] = drawn + np.float32(name.endswith("layer_norm.weight"))
    return arrays | {name: arrays[first] for name, first in same.items()}


def text() -> np.ndarray:
    """Token ids [batch, PREDICTED + 1], with words of every bin."""
    tokens = np.random.default_rng(SEED).integers(0, VOCAB, (BATCH, PREDICTED + 1))
    tokens[:, 3:6] = [39, 8, 0]
    return tokens


def main() -> None:
    official = Path(sys.argv[1])
    written = {"networks": {}}
    losses = {}
    for name, options in NETWORKS.items():
        network = official_network(official, **options)
        written["networks"][name] = fill(network)
        losses[name] = official_losses(official, network)
    for name, reading in READINGS.items():
        reading = dict(reading)
        network = official_network(official, **NETWORKS[reading.pop("network")])
        fill(network)
        losses[name] = official_losses(official, network, **reading)
    for name, options in HUGGING_FACE.items():
        network = hugging_face_network(**options)
        written["networks"][name] = fill(network)
        losses[name] = hugging_face_losses(network)
    import torch
    import transformers

    written |= {"torch": torch.__version__, "transformers": transformers.__version__}
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, written=json.dumps(written), **losses)


def fill(network) -> dict:
    """Draws the network's weights; returns what `draw` needs."""
    import torch

    state = network.state_dict()
    first: dict[int, str] = {}
    same = {}
    for name in sorted(state):
        owner = first.setdefault(state[name].data_ptr(), name)
        if owner != name:
            same[name] = owner
    shapes = {name: tuple(x.shape) for name, x in state.items()}
    arrays = draw(shapes, same)
    filled = {n: torch.from_numpy(np.array(a)) for n, a in arrays.items()}
    network.load_state_dict(state | filled)
    return {"shapes": shapes, "same": same}


def official_network(folder: Path, **options):
    """The released network, on a CPU and today's torch."""
    import torch

    torch.version.cuda = torch.version.cuda or "0.0"  # read where it is imported
    torch.Tensor.byte = torch.Tensor.bool  # its masks
    for path in (folder, folder / "utils"):
        sys.path.insert(0, str(path))
    from mem_transformer import MemTransformerLM

    sizes = {
        "n_token": VOCAB, "n_layer": 2, "n_head": 2, "d_model": 16, "d_head": 5,
        "d_inner": 14, "dropout": 0.0, "dropatt": 0.0, "tgt_len": LENGTH,
        "ext_len": 0, "mem_len": PAST,
    }  # fmt: skip
    network = MemTransformerLM(**sizes, **options).eval()
    network.crit.keep_order = True  # else losses are not in the text's order
    return network


def official_losses(
    folder: Path, network, ext_len=0, mem_len=PAST, clamp_len=-1, same_length=False,
    mended=False,
) -> np.ndarray:  # fmt: skip
    """-log p of every target [batch, PREDICTED], read as their eval.py does."""
    import torch
    from data_utils import LMOrderedIterator

    network = network.double()
    network.reset_length(LENGTH, ext_len, mem_len)
    network.clamp_len = clamp_len
    network.same_length = same_length
    if mended:
        update = network._update_mems
        network._update_mems = lambda h, mems, mlen, qlen: update(h, mems, qlen, mlen)
    flat = torch.from_numpy(text().reshape(-1))
    losses = []
    memory = ()
    with torch.no_grad():
        for inputs, targets, _ in LMOrderedIterator(
            flat, BATCH, LENGTH, "cpu", ext_len
        ):
            loss, *memory = network(inputs, targets, *memory)
            losses.append(loss.numpy().T)
    return np.concatenate(losses, axis=1)


def hugging_face_network(**options):
    from transformers import TransfoXLConfig, TransfoXLLMHeadModel

    config = TransfoXLConfig(
        vocab_size=VOCAB, n_layer=2, n_head=2, d_model=16, d_embed=16, d_head=5,
        d_inner=14, mem_len=PAST, dropout=0.0, dropatt=0.0, **options,
    )  # fmt: skip
    return TransfoXLLMHeadModel(config).eval()


def hugging_face_losses(network) -> np.ndarray:
    """-log p of every target [batch, PREDICTED]; its memory starts as zeros."""
    import torch

    tokens = torch.from_numpy(text())
    losses = []
    memory = None
    with torch.no_grad():
        for start in range(0, PREDICTED, LENGTH):
            end = min(start + LENGTH, PREDICTED)
            out = network(tokens[:, start:end], mems=memory)
            memory = out.mems
            targets = tokens[:, start + 1 : end + 1, None]
            losses.append(-out.prediction_scores.gather(2, targets)[..., 0].numpy())
    return np.concatenate(losses, axis=1)


if __name__ == "__main__":
    main()
