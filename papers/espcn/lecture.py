"""What a lecture on ESPCN shows."""

from common.lecture import algorithm, claim, equation, figure, table

LECTURE = (
    equation(
        "eq. 1, 2, 3",
        "features at low resolution; only the last layer enlarges",
        "model.Upscaler",
        formula=r"""
f^1(I^{LR}) = \phi(W_1 * I^{LR} + b_1)
f^l(I^{LR}) = \phi(W_l * f^{l-1}(I^{LR}) + b_l)
I^{SR} = f^L(I^{LR}) = \mathrm{PS}(W_L * f^{L-1}(I^{LR}) + b_L)
""",
        note="phi is tanh; ReLU is --config=x3_relu. SRCNN, which enlarges first, is "
        "the same network with --config.model.upscaling=first.",
    ),
    equation(
        "eq. 4",
        "the periodic shuffle: channels become pixels",
        "common.subpixel.shuffle",
        "common.subpixel.unshuffle",
        formula=r"\mathrm{PS}(T)[ra + i,\ rb + j] = T[a,\ b,\ ri + j],"
        r"\quad 0 \leq i, j < r",
        drawn="filters.shuffled",
    ),
    equation(
        "eq. 5",
        "the loss, a mean of squares over pixels",
        "train.squared_error",
        formula=r"\ell(W_{1:L}, b_{1:L}) = \frac{1}{r^2 H W} \sum_{x=1}^{rH} "
        r"\sum_{y=1}^{rW} \left( I^{HR}_{x,y} - f^L_{x,y}(I^{LR}) \right)^2",
    ),
    algorithm(
        "section 2.2",
        "a convolution and a shuffle are a transposed convolution",
        "common.subpixel.transposed_kernel",
        "common.subpixel.transposed_padding",
    ),
    figure(
        "figure 3",
        "learned filters of the first layer, by their variance",
        "filters.filters",
        results=("First-layer filters",),
    ),
    figure(
        "figure 4",
        "learned filters of the last layer",
        "filters.filters",
        results=("Last-layer filters",),
    ),
    table(
        "table 1",
        "tanh beside ReLU, trained on 91 images",
        results=("PSNR",),
        config="x3_relu",
    ),
    table(
        "table 2",
        "PSNR beside bicubic interpolation and SRCNN",
        "evaluate.quality",
        results=("PSNR", "SSIM"),
        note="TNRD is not implemented. The paper's dB on Set14's comic: bicubic 23.12, "
        "SRCNN 24.56, TNRD 24.68, ESPCN 24.82.",
    ),
    figure(
        "figures 5, 6",
        "crops beside the other methods",
        "figures.strips",
        results=("Crops",),
        note="The paper's picture is the comic of Set14: --config=x3 with "
        "--config.eval.test_root=Set14 shows it.",
    ),
    table(
        "section 3.4",
        "operations, and the time of a 1080p frame",
        "cost.operations",
        results=("Operations and time",),
        note="The paper's seconds are of a K2 GPU: 38 ms, SRCNN 435 ms.",
    ),
    table(
        "table 3, 4",
        "videos, frame by frame",
        "video.upscale_video",
        command="--mode=predict --input=VIDEO.mp4",
    ),
    claim(
        "section 1", "better than bicubic and SRCNN, and cheaper", results=("Summary",)
    ),
)
