"""What a lecture on UNIT shows."""

from common.lecture import algorithm, claim, equation, figure, table

OBJECTIVE = r"""
\min_{E_1, E_2, G_1, G_2}\ \max_{D_1, D_2}\ L_{VAE_1}(E_1, G_1) + L_{GAN_1}(E_2, G_1, D_1) + L_{CC_1}(E_1, G_1, E_2, G_2)
+ L_{VAE_2}(E_2, G_2) + L_{GAN_2}(E_1, G_2, D_2) + L_{CC_2}(E_2, G_2, E_1, G_1)
"""  # noqa: E501
CYCLE = r"""
L_{CC_1} = \lambda_3 \mathrm{KL}(q_1(z_1 | x_1) \Vert p_\eta(z)) + \lambda_3 \mathrm{KL}(q_2(z_2 | x_1^{1 \rightarrow 2}) \Vert p_\eta(z))
- \lambda_4 E_{z_2 \sim q_2(z_2 | x_1^{1 \rightarrow 2})} [\log p_{G_1}(x_1 | z_2)]
"""  # noqa: E501

LECTURE = (
    figure(
        "figure 1",
        "a shared latent space: two encoders, two generators, two discriminators",
        "model.Translator",
        "discriminator.Discriminators",
        drawn="diagrams.framework",
    ),
    equation(
        "section 3",
        "a code is a mean and unit noise; the last encoder layers are shared",
        "model.Translator.encode",
        "objective.noise",
        formula=r"q(z | x) = N(z | E_\mu(x), I), \quad z = E_\mu(x) + \eta",
    ),
    equation(
        "eq. 2",
        "the game: D against E and G",
        "train.train_step",
        "game.Game",
        formula=OBJECTIVE,
    ),
    equation(
        "eq. 3",
        "L_VAE: a code near the prior, and reconstruction",
        "objective.vae_loss",
        "common.losses.gaussian_kl",
        "common.losses.absolute_error",
        formula=r"L_{VAE_1} = \lambda_1 \mathrm{KL}(q_1(z_1 | x_1) \Vert p_\eta(z)) - "
        r"\lambda_2 E_{z_1 \sim q_1(z_1 | x_1)} [\log p_{G_1}(x_1 | z_1)]",
        note="p_G is Laplacian, so that its -log is an absolute error.",
    ),
    equation(
        "eq. 5",
        "L_GAN: real images against translations",
        "objective.gan_value",
        "objective.discriminator_loss",
        "objective.adversarial_loss",
        formula=r"L_{GAN_1} = \lambda_0 E_{x_1} [\log D_1(x_1)] + "
        r"\lambda_0 E_{z_2 \sim q_2(z_2 | x_2)} [\log(1 - D_1(G_1(z_2)))]",
        note="D sees real images and translations, no reconstructions.",
    ),
    equation(
        "eq. 8",
        "L_CC: there and back",
        "objective.cycle_loss",
        formula=CYCLE,
    ),
    algorithm(
        "streams",
        "every code goes through both generators",
        "objective.generator_terms",
        "objective.discriminator_terms",
    ),
    figure(
        "figures 3 to 6",
        "translations, both ways",
        "train.translate",
        "figures.translations",
        results=("unit: a to b", "unit: b to a", "unit: over time"),
        note="Streets, animals and faces are read from a folder of yours: "
        "--config=streets, cats_dogs, faces.",
    ),
    table(
        "figure 2, table 1",
        "what sharing of weights and the cycle are worth",
        results=("Translation", "Side by side*"),
        note="The paper measures on maps; ours has a true pair for every letter.",
    ),
    table(
        "toy maps",
        "an idea of the map experiment: squares of two colours",
        "squares.square_iou",
        results=("Squares",),
        config="squares",
    ),
    table("objective", "each term at the end", results=("Objective",)),
    table(
        "table 2",
        "domain adaptation: digits without labels",
        "digits.objective.discriminator_terms",
        results=("Digits without labels",),
        config="digits",
    ),
    claim(
        "section 1",
        "images are translated without a pair having been seen",
        results=("Summary",),
    ),
)
