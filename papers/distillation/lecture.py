"""What a lecture on distillation shows."""

from common.lecture import algorithm, claim, equation, figure, table

ENSEMBLE = "Ensemble and distilled model"
APPROXIMATELY = r"""
\frac{\partial C}{\partial z_i} \approx \frac{1}{T} \left( \frac{1 + z_i/T}{N + \sum_j z_j/T} - \frac{1 + v_i/T}{N + \sum_j v_j/T} \right)
"""  # noqa: E501

LECTURE = (
    equation(
        "eq. 1",
        "a softmax with temperature",
        "common.losses.soft_cross_entropy",
        formula=r"q_i = \frac{\exp(z_i / T)}{\sum_j \exp(z_j / T)}",
        drawn="diagrams.softened",
    ),
    equation(
        "section 2",
        "two objectives: soft targets at T, labels at 1, the first times T^2",
        "common.losses.distillation",
        formula=r"C = (1 - a)\ T^2\ \mathrm{KL}(p \,\Vert\, q)"
        r" + a\ \mathrm{CE}(\mathrm{labels}, q_{T=1})",
    ),
    equation(
        "eq. 2",
        "the gradient of a soft target",
        "common.losses.soft_gradient",
        formula=r"\frac{\partial C}{\partial z_i} = \frac{1}{T} (q_i - p_i)",
    ),
    equation(
        "eq. 3",
        "where T is large against the logits",
        "common.losses.soft_gradient",
        formula=APPROXIMATELY,
    ),
    equation(
        "eq. 4",
        "for logits of mean 0, distillation matches logits",
        "common.losses.matching_gradient",
        formula=r"\frac{\partial C}{\partial z_i} \approx \frac{1}{N T^2} (z_i - v_i)",
        drawn="diagrams.limit",
    ),
    algorithm(
        "section 1",
        "an ensemble is the arithmetic or geometric mean of its members",
        "common.losses.ensemble_logits",
    ),
    algorithm(
        "parallel",
        "members train at the same time, in one program",
        "model.apply_train",
    ),
    table(
        "section 3",
        "errors of the MNIST nets: large, small, distilled",
        results=(ENSEMBLE,),
        config="mnist_1200",
    ),
    table(
        "section 3, missing classes",
        "a class that the transfer set lacks, and a shift of its bias",
        "measure.best_shift",
        results=("Classes that the transfer set lacks",),
    ),
    figure(
        "section 3, temperatures",
        "accuracy against temperature",
        "figures.accuracy_by_temperature",
        results=("Accuracy against temperature: curve", "Accuracy against temperature"),
    ),
    table(
        "table 1",
        "speech: one model 58.9 / 10.9, ensemble of ten 61.1 / 10.7, distilled 60.8 / "
        "10.7",
        "tables.ensemble_and_distilled",
        results=(ENSEMBLE,),
        note="Frame accuracy % and word errors %. At the paper's size: "
        "--config=speech, on your own frames.",
    ),
    table(
        "table 2",
        "clusters of classes that are confused",
        "specialists.confusion",
        "specialists.online_kmeans",
        results=("Specialists",),
        config="specialists",
    ),
    equation(
        "eq. 5",
        "a generalist and specialists agree on q",
        "joint.divergence",
        "joint.infer",
        formula=r"\mathrm{KL}(p^g, q) + \sum_{m \in A_k} \mathrm{KL}(p^m, q)",
    ),
    table(
        "table 3",
        "the generalist, and with 61 specialists",
        "joint.joint_table",
        results=("Generalist and specialists",),
        config="specialists",
    ),
    table(
        "table 5",
        "3 % of the training set: labels 67.3 / 44.5, soft targets 65.4 / 57.0; all: "
        "63.4 / 58.9",
        "tables.few_labels",
        results=("Few labels",),
        note="Frame accuracy % of training and of test.",
    ),
    figure(
        "soft targets",
        "what an ensemble knows of an image besides its class",
        "figures.soft_targets",
        results=("Soft targets", "Images of the soft targets"),
    ),
    claim("sections 2, 6", "most of an ensemble's gain stays", results=("Summary",)),
)
