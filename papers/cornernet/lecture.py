"""What a lecture on CornerNet shows."""

from common.lecture import algorithm, claim, equation, figure, table

DETECTION = r"""
L_{det} = -\frac{1}{N} \sum_{c,i,j} (1 - p_{cij})^\alpha \log p_{cij} \quad \mathrm{if}\ y_{cij} = 1
L_{det} = -\frac{1}{N} \sum_{c,i,j} (1 - y_{cij})^\beta\ p_{cij}^\alpha \log(1 - p_{cij}) \quad \mathrm{otherwise}
"""  # noqa: E501
POOLING = r"""
t_{ij} = \max(f_{t_{ij}},\ t_{(i+1)j}), \quad t_{Hj} = f_{t_{Hj}}
l_{ij} = \max(f_{l_{ij}},\ l_{i(j+1)}), \quad l_{iW} = f_{l_{iW}}
"""

LECTURE = (
    figure(
        "figure 1, 4",
        "an object is a pair of corners: heat maps, embeddings and offsets of both",
        "model.CornerNet",
        "model.Prediction",
        results=("Heat maps", "Groups"),
    ),
    equation(
        "eq. 1",
        "a focal loss of corners, less around them",
        "objective.focal_loss",
        "objective.terms",
        formula=DETECTION,
    ),
    figure(
        "figure 5",
        "the penalty is reduced within a radius that depends on the object",
        "targets.heat_maps",
        "targets.object_radius",
        formula=r"y = e^{-(x^2 + y^2) / 2 \sigma^2}",
        drawn="diagrams.penalty",
    ),
    equation(
        "eq. 2, 3",
        "offsets: what rounding to cells loses, by smooth L1",
        "targets.encode",
        "objective.offset_loss",
        formula=r"""
o_k = (x_k / n - \lfloor x_k / n \rfloor,\ y_k / n - \lfloor y_k / n \rfloor)
L_{off} = \frac{1}{N} \sum_k \mathrm{SmoothL1}(o_k, \hat{o}_k)
""",
    ),
    equation(
        "eq. 4",
        "pull: the corners of an object have one embedding",
        "objective.pull_loss",
        formula=r"L_{pull} = \frac{1}{N} \sum_k [(e_{t_k} - e_k)^2 + "
        r"(e_{b_k} - e_k)^2]",
    ),
    equation(
        "eq. 5",
        "push: those of two objects are at least 1 apart",
        "objective.push_loss",
        formula=r"L_{push} = \frac{1}{N(N-1)} \sum_k \sum_{j \neq k} "
        r"\max(0,\ \Delta - |e_k - e_j|)",
        note="The second sum leaves out j = k, which would add a constant.",
    ),
    equation(
        "section 4.1, loss",
        "all losses together",
        "objective.weighted",
        formula=r"L = L_{det} + \alpha L_{pull} + \beta L_{push} + \gamma L_{off}",
    ),
    equation(
        "eq. 6, 7",
        "corner pooling: a maximum along a row and one along a column",
        "corner_pooling.top_pool",
        "corner_pooling.left_pool",
        "corner_pooling.bottom_pool",
        "corner_pooling.right_pool",
        formula=POOLING,
        drawn="diagrams.pooling",
    ),
    figure(
        "figure 7",
        "the prediction module",
        "model.CornerModule",
        "model.Head",
    ),
    algorithm(
        "section 3.5",
        "the hourglass, without pooling, with supervision of both stacks",
        "hourglass.Hourglass",
        "hourglass.Residual",
        note="Convolutions of stride 2 stand in for pooling, as in the paper. The "
        "first stack's predictions are trained and not fed back.",
    ),
    algorithm(
        "section 4.2",
        "decoding: peaks, the best 100 corners, tags at most 0.5 apart",
        "decode.peaks",
        "decode.best_corners",
        "decode.pair",
        "suppression.suppressed",
    ),
    table("table 1", "without corner pooling", results=("Kinds", "Corner pooling*")),
    table(
        "table 2",
        "no reduced penalty, a fixed radius, by the object",
        "targets.penalty_radius",
        results=("Kinds",),
        config="radius",
    ),
    table(
        "table 3",
        "corners by quadrant",
        "corner_metrics.corner_ap",
        results=("Corners",),
    ),
    table("table 5", "AP at each IoU", results=("IoU",)),
    table(
        "table 6",
        "with true heat maps, with true offsets: which part errs",
        "truth_maps.as_truth",
        results=("True maps",),
    ),
    table("table 7", "on COCO", results=("Scores",), config="coco"),
    figure(
        "figure 10",
        "heat maps and boxes over pictures",
        "figures.heat_over",
        results=("Beside the truth", "Hits and misses"),
    ),
    claim("section 1", "corner pooling finds more", results=("Summary",)),
)
