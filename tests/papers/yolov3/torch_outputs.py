"""Writes torch_outputs.npz: a small detector of PyTorch's as darknet's .weights, what
it makes of two images, and what one training step on them makes of it.

    python -m tests.papers.yolov3.torch_outputs      # needs torch
"""

from pathlib import Path

import numpy as np

CONV = "[convolutional]\nbatch_normalize=1\npad=1\nactivation=leaky\n"
OUT = "[convolutional]\nsize=1\nactivation=linear\nfilters=14\n"
YOLO = "[yolo]\nclasses=2\nanchors=4,5, 9,8, 20,11, 25,30\nnum=4\nmask="
# All kinds of layers that detectors have: residual blocks, pools of both strides, the
# three pools of spp, a branch, and maps of two scales joined.
CFG = f"""[net]
width=32
height=32
channels=3
{CONV}filters=4\nsize=3\nstride=1
{CONV}filters=6\nsize=3\nstride=2
{CONV}filters=3\nsize=1
{CONV}filters=6\nsize=3
[shortcut]\nfrom=-3\nactivation=linear
[maxpool]\nsize=2\nstride=2
{CONV}filters=8\nsize=3
[maxpool]\nsize=2\nstride=1
{CONV}filters=4\nsize=3\nstride=2
[maxpool]\nsize=5\nstride=1
[route]\nlayers=-2
[maxpool]\nsize=3\nstride=1
[route]\nlayers=-1,-3,-4
{CONV}filters=6\nsize=1
{OUT}
{YOLO}2,3
[route]\nlayers=13
[upsample]\nstride=2
[route]\nlayers=-1,6
{OUT}
{YOLO}0,1
"""
RATE = 0.01


def main() -> None:
    import torch

    from tests.papers.yolov3.torch_network import Network

    torch.manual_seed(0)
    net = Network(CFG)
    with torch.no_grad():
        for tensor in (*net.parameters(), *net.buffers()):
            if tensor.is_floating_point():  # away from BatchNorm's ones and zeros
                tensor += 0.3 * torch.rand_like(tensor)
    images = torch.rand(2, 3, 32, 32)
    arrays = {
        "images": images.permute(0, 2, 3, 1).numpy(),
        "weights": np.frombuffer(net.weights(), np.uint8),
    }
    net.eval()
    with torch.no_grad():
        for i, maps in enumerate(net(images)):
            arrays[f"maps_{i}"] = maps.permute(0, 2, 3, 1).numpy()
    net.train()
    optimiser = torch.optim.SGD(net.parameters(), RATE)
    loss = sum(maps.square().mean() for maps in net(images))
    loss.backward()
    optimiser.step()
    arrays["loss"] = np.float32(loss.item())
    arrays["stepped"] = np.frombuffer(net.weights(), np.uint8)
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, **arrays, torch=np.array(torch.__version__))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
