"""What a lecture on Deep Image Prior shows."""

from common.lecture import algorithm, claim, equation, figure, table

LECTURE = (
    equation(
        "eq. 1, 2",
        "the answer is the output of the weights that fit one picture",
        "train.train_step",
        "train.restored",
        formula=r"\theta^\star = \mathrm{argmin}_\theta\ E(f_\theta(z); x_0), "
        r"\quad x^\star = f_{\theta^\star}(z)",
        note="theta starts at random, z is noise, and there is no other data.",
    ),
    equation(
        "eq. 3",
        "denoising",
        "energies.denoising",
        formula=r"E(x; x_0) = \Vert x - x_0 \Vert^2",
        drawn="diagrams.tasks",
        results=("denoise: iterations", "denoise: side by side"),
        note="Our energies are means of squares, the paper's sums.",
    ),
    equation(
        "eq. 4",
        "super-resolution; d shrinks",
        "energies.super_resolution",
        "lanczos.downsample",
        formula=r"E(x; x_0) = \Vert d(x) - x_0 \Vert^2",
        results=("sr: side by side",),
    ),
    equation(
        "eq. 5",
        "inpainting; m is 1 where the picture is known",
        "energies.inpainting",
        formula=r"E(x; x_0) = \Vert (x - x_0) \odot m \Vert^2",
        results=("inpaint: side by side",),
    ),
    algorithm(
        "section 2",
        "the net: an hourglass with skip connections",
        "model.Hourglass",
        "model.Level",
    ),
    algorithm(
        "stopping",
        "stop early, or the noise is fitted too",
        "stopping.take_answer",
        results=("Stopping", "denoise: PSNR against iteration"),
    ),
    algorithm(
        "jitter",
        "noise on z at each step, running averages, backtracking",
        "train.start",
        "stopping.backtrack",
    ),
    figure(
        "figure 2",
        "noise has a high impedance: a picture is fitted faster than noise",
        "figures.impedance",
        drawn="diagrams.impedance",
        results=("Loss against iteration, by target", "Impedance"),
    ),
    table(
        "sections 3, 4",
        "each task beside what needs no net, and beside the energy of bare pixels",
        "model.Pixels",
        results=("Restoration",),
    ),
    figure(
        "figure 3",
        "JPEG artefacts",
        results=("*: iterations",),
        config="jpeg_snail",
        note="On a picture of yours: --config=jpeg_snail --config.data.root=FOLDER.",
    ),
    figure(
        "figure 5",
        "super-resolution x4 and x8 beside bicubic interpolation",
        command="--config=sr_x4",
    ),
    figure(
        "figure 7",
        "restoration from half of the pixels",
        command="--config=restore_50",
    ),
    figure("figure 8", "a large hole", command="--config=inpaint_library"),
    figure("figure 11", "flash and no flash", command="--config=flash"),
    figure(
        "figure 9",
        "feature inversion by the net itself",
        command="--config=inversion",
        note="AlexNet's features, and activation maximisation, need AlexNet's weights "
        "and are not here.",
    ),
    claim(
        "section 1",
        "the structure of a net is a prior: better than interpolation, untrained",
        results=("Summary",),
    ),
)
