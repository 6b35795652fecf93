"""What a lecture on ResNet shows."""

from common.lecture import algorithm, claim, equation, figure, table

LECTURE = (
    equation(
        "eq. 1",
        "a block adds its input to what its layers make of it",
        "model.Block",
        formula=r"y = \mathcal{F}(x, \{W_i\}) + x",
        drawn="diagrams.blocks",
        note="The shortcut has no gate, unlike a highway network's: it is always open.",
    ),
    equation(
        "eq. 2",
        "where the shape changes, a projection brings the input into it",
        "model.Block",
        "model.Block._shortcut",
        formula=r"y = \mathcal{F}(x, \{W_i\}) + W_s x",
    ),
    algorithm(
        "section 3.3",
        "options A (zero padding), B (projection at new shapes) and C (always)",
        "model.Block._shortcut",
        "model.pad_channels",
        command="--config=resnet34_imagenet --config.model.shortcut=A",
    ),
    figure(
        "figure 1",
        "degradation: deeper plain nets have a higher training error",
        results=("Degradation", "Error against depth"),
        note="The training error rises, so it is no overfitting.",
    ),
    figure(
        "figure 3",
        "34 layers, plain and residual; dashed shortcuts change the shape",
        "model.Backbone",
        "model.Stage",
        drawn="diagrams.nets",
        note="VGG-19, the figure's third net, is not built here.",
    ),
    figure(
        "figure 4",
        "training on ImageNet, 18 and 34 layers, plain and residual",
        results=("Training curves",),
        config="resnet34_imagenet",
    ),
    figure("figure 5", "the bottleneck", "config.bottleneck", drawn="diagrams.blocks"),
    table(
        "table 1",
        "18 to 152 layers, their blocks and multiply-adds",
        "config.IMAGENET_BLOCKS",
        "cost.network_cost",
        drawn="cost.imagenet_table",
    ),
    table(
        "table 2",
        "10-crop errors, plain and residual",
        "measure.ten_crop_scores",
        results=("Errors",),
        config="plain34_imagenet",
    ),
    table(
        "table 3",
        "10-crop errors of options A, B, C and of 50 to 152 layers",
        "measure.ten_crop_scores",
        results=("Errors",),
        config="resnet50_imagenet",
    ),
    table(
        "table 4",
        "single models, whole images at several sizes",
        "measure.multi_scale_scores",
        command="--config=resnet50_imagenet --config.eval.test=multi_scale",
    ),
    table(
        "table 6",
        "CIFAR-10 with 6n + 2 layers",
        "config.blocks",
        results=("Errors",),
        config="resnet20_cifar10",
    ),
    figure(
        "figure 6",
        "training and test errors along training",
        results=("Training curves",),
    ),
    figure(
        "figure 7",
        "standard deviations of the layers' responses",
        "evaluate.responses",
        "figures.layer_responses",
        results=("Layer responses", "Mean response"),
    ),
    claim(
        "section 4.2",
        "more than 1000 layers can be trained",
        command="--config=resnet1202_cifar10",
        note="1202 layers optimise well, but test worse than 110: 7.93 against 6.43 %.",
    ),
    claim("section 1", "depth helps residual nets", results=("Summary",)),
)
