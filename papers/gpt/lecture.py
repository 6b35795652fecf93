"""What a lecture on GPT shows."""

from common.lecture import algorithm, claim, equation, figure, table

LECTURE = (
    equation(
        "eq. 1",
        "pre-training: the likelihood of each token after those before it",
        "model.GPT.nll",
        "objective.language_nll",
        formula=r"L_1(U) = \sum_i \log P(u_i \mid u_{i-k}, \ldots, u_{i-1}; \Theta)",
        note="It reads from left to right, causally: it is not bidirectional.",
    ),
    equation(
        "eq. 2",
        "the decoder: embeddings, blocks, and the same embeddings again",
        "model.GPT.read",
        "model.GPT.logits",
        "common.transformer.Block",
        formula=r"""
h_0 = U W_e + W_p
h_l = \mathrm{transformer\_block}(h_{l-1}), \quad l = 1 \ldots n
P(u) = \mathrm{softmax}(h_n W_e^T)
""",
    ),
    equation(
        "eq. 3",
        "fine-tuning: a linear layer reads the state at the Extract token",
        "model.GPT.task",
        formula=r"P(y \mid x^1, \ldots, x^m) = \mathrm{softmax}(h_l^m W_y)",
    ),
    equation(
        "eq. 4",
        "the likelihood of labels",
        "objective.label_loss",
        formula=r"L_2(C) = \sum_{(x, y)} \log P(y \mid x^1, \ldots, x^m)",
    ),
    equation(
        "eq. 5",
        "with language modelling as an auxiliary loss",
        "objective.task_losses",
        formula=r"L_3(C) = L_2(C) + \lambda L_1(C)",
        note="lambda is config.finetune.aux_weight, 0.5.",
    ),
    figure(
        "figure 1",
        "input transformations: four kinds of task for one network",
        "tasks.forms.Inputs",
        drawn="diagrams.inputs",
    ),
    algorithm(
        "section 4.1",
        "a rate that rises over 0.2 % of the steps, then falls; Adam as released",
        "optimiser.factor",
        "optimiser.released_adam",
    ),
    algorithm(
        "STS-B",
        "a score between whole numbers is a distribution over both",
        "tasks.soft_targets.soft_target",
        "tasks.soft_targets.expected",
    ),
    table(
        "tables 2 to 4",
        "fine-tuned on the paper's tasks",
        results=("The paper's tasks", "Tasks"),
        note="The paper's own: MNLI 82.1, SNLI 89.9, RTE 56.0, Story Cloze 86.5, RACE "
        "59.0, CoLA 45.4, SST-2 91.3, GLUE 72.8. Our default has tasks made of "
        "embedded text.",
    ),
    table(
        "table 5",
        "without pre-training, without the auxiliary loss, an LSTM instead",
        "runs.CONDITIONS",
        results=("Tasks",),
    ),
    figure(
        "figure 2, left",
        "scores against the layers taken over from pre-training",
        "train.transferred",
        results=("Layers taken over*", "Score against layers*"),
    ),
    figure(
        "figure 2, right",
        "zero-shot scores along pre-training",
        "zero_shot.score",
        results=("Zero-shot along pre-training*", "Zero-shot score*"),
    ),
    claim(
        "generation",
        "it continues a text",
        "predict.predict",
        results=("Sample*",),
    ),
    claim("section 1", "pre-training helps every task", results=("Summary",)),
)
