"""What a lecture on YOLOv3 shows."""

from common.lecture import algorithm, claim, equation, figure, table

FOUND = ("Hits and misses", "Found in picture 0, beside the truth")
LOSS = r"""
\sum_{\mathrm{positive}} s\ [\mathrm{BCE}(t_x, \hat{t}_x) + \mathrm{BCE}(t_y, \hat{t}_y) + \frac{1}{2} (t_w - \hat{t}_w)^2 + \frac{1}{2} (t_h - \hat{t}_h)^2]
+ \sum_{\mathrm{positive}} [\mathrm{BCE}(t_o, 1) + \sum_c \mathrm{BCE}(t_c, y_c)] + \sum_{\mathrm{neither\ positive\ nor\ ignored}} \mathrm{BCE}(t_o, 0)
"""  # noqa: E501

LECTURE = (
    figure(
        "figure 1, 3",
        "speed beside accuracy: the axis begins at zero",
        drawn="diagrams.speed",
        note="Published numbers. Seconds of our networks: --mode=benchmark.",
    ),
    equation(
        "figure 2",
        "a box from four outputs, its cell and its prior",
        "decode.centre",
        "decode.sides",
        formula=r"""
b_x = \sigma(t_x) + c_x, \quad b_y = \sigma(t_y) + c_y
b_w = p_w e^{t_w}, \quad b_h = p_h e^{t_h}
""",
        drawn="diagrams.box",
    ),
    algorithm(
        "section 2.1",
        "one prior an object, the best of nine, in the cell that holds its centre",
        "targets.best_prior",
        "targets.slot_owners",
    ),
    equation(
        "section 2.1, loss",
        "the loss whose gradient is darknet's",
        "objective.losses",
        formula=LOSS,
        note="The paper says a sum of squared errors; for x and y the released code's "
        "gradient is that of a cross-entropy (BCE) of the logit. s = 2 - w h.",
    ),
    algorithm(
        "section 2.2",
        "several labels an object: a sigmoid for each class, no softmax",
        "decode.decode",
        command="--config=multi_label",
    ),
    algorithm(
        "section 2.3",
        "three scales by upsampling and concatenation: 3 (4 + 1 + 80) outputs a cell",
        "architectures.build",
        "architectures.yolov3",
    ),
    algorithm(
        "section 2.3, priors",
        "nine priors by k-means of the boxes' sides",
        "priors.k_means",
        "priors.table",
        command="--mode=describe",
    ),
    table("table 1", "Darknet-53", "backbones.darknet53", drawn="diagrams.layers"),
    table(
        "table 2",
        "backbones: operations, and frames a second on this machine",
        "cost.backbones",
        "cost.TABLE_2",
        command="--config=darknet53_imagenet --mode=describe",
    ),
    algorithm(
        "section 2.5",
        "training over ten sizes",
        "items.size_of_step",
    ),
    table(
        "table 3",
        "AP on COCO, and of small, medium and large objects",
        results=("Average precision", "By class"),
        config="coco",
    ),
    figure(
        "detections",
        "boxes beside the truth, precision over recall",
        results=(*FOUND, "Precision and recall", "Precision and recall by IoU"),
    ),
    claim(
        "section 4, focal loss",
        "focal loss did not help: 2 AP less",
        "objective.focal",
        drawn="diagrams.focal",
        results=("What did not help",),
        config="focal",
    ),
    claim(
        "section 4, offsets",
        "linear x and y, and offsets as multiples of the box: 2 AP less",
        "decode.linear_centre",
        "decode.multiple_centre",
        results=("What did not help",),
        config="linear_xy",
    ),
    claim(
        "section 4, thresholds",
        "two IoU thresholds (.3, .7), as in Faster R-CNN",
        results=("What did not help",),
        config="two_thresholds",
    ),
    claim("section 1", "what holds here", results=("Summary",)),
)
