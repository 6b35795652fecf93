"""What a lecture on Soft-NMS shows."""

from common.lecture import algorithm, claim, equation, figure, table

LECTURE = (
    equation(
        "eq. 1",
        "hard suppression drops what overlaps M, true neighbours too",
        "common.soft_nms.hard",
        formula=r"""
s_i \leftarrow s_i \quad \mathrm{if}\ \mathrm{iou}(M, b_i) < N_t
s_i \leftarrow 0 \quad \mathrm{if}\ \mathrm{iou}(M, b_i) \geq N_t
""",
    ),
    equation(
        "eq. 2",
        "linear: scores fall instead",
        "common.soft_nms.linear",
        formula=r"""
s_i \leftarrow s_i \quad \mathrm{if}\ \mathrm{iou}(M, b_i) < N_t
s_i \leftarrow s_i\ (1 - \mathrm{iou}(M, b_i)) \quad \mathrm{if}\ \mathrm{iou}(M, b_i) \geq N_t
""",  # noqa: E501
        drawn="diagrams.weights",
        note="At N_t the linear rule jumps, and so do ranks.",
    ),
    equation(
        "eq. 3",
        "Gaussian: every box that remains, without a jump",
        "common.soft_nms.gaussian",
        formula=r"s_i \leftarrow s_i\ e^{-\mathrm{iou}(M, b_i)^2 / \sigma}",
    ),
    algorithm(
        "figure 2",
        "the loop: take M, the highest score; rescore the rest; repeat",
        "common.greedy.select",
        "common.soft_nms.soft_nms",
        "common.boxes.iou",
        note="O(n) a step, O(n^2) in all; greedy, like hard suppression.",
    ),
    figure(
        "figure 1",
        "two objects that overlap: what each rule leaves of their scores",
        drawn="diagrams.rescored",
        results=("Objects that hard suppression loses*",),
    ),
    table(
        "tables 1, 2",
        "AP with each rule",
        "measure.Comparison",
        results=("Suppression rules", "Gain over hard suppression"),
        note="The paper, COCO AP: R-FCN 31.1 to 32.4; Deformable R-FCN 39.8 to 40.9.",
    ),
    figure(
        "figure 4",
        "sensitivity to N_t and sigma",
        "figures.sensitivity",
        results=("Sensitivity", "Every setting"),
    ),
    table(
        "table 3",
        "AP at each IoU",
        "tables.by_iou",
        results=("AP at each IoU*",),
    ),
    figure(
        "figure 5",
        "precision over recall",
        "figures.precision",
        results=("Precision and recall*",),
    ),
    table(
        "crowds",
        "where it helps: pictures in which objects overlap",
        "tables.halves",
        results=("Crowded pictures and others",),
    ),
    table("section 3", "seconds", "cost.table", results=("Time",)),
    claim(
        "section 1",
        "one line finds more, on any detector's boxes",
        results=("Summary",),
    ),
)
