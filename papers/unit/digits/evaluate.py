"""The table and the figures of the digit experiment."""

from common.contract import Claim, Table, Trained, Values
from papers.unit import figures
from papers.unit.digits.measure import translated_accuracy
from papers.unit.digits.objective import trains_generators
from papers.unit.directions import DOMAINS
from papers.unit.measure import measured


def evaluate(trained: Trained, claims: list[Claim]) -> Values:
    """Yields accuracies without and with UNIT, and the digits that it translates; adds
    to `claims`, where both runs are there."""
    means = {name: measured(*run) for name, run in trained.items()}
    rows = []
    for name, (config, _) in trained.items():
        accuracies = (100 * means[name][f"accuracy_{d}"] for d in DOMAINS)
        rows.append([name, *config.data.pair, *accuracies, None])
    if {"adapted", "source_only"} <= {*trained}:
        share = translated_accuracy(trained["source_only"], trained["adapted"])
        rows[[*trained].index("adapted")][-1] = 100 * share
        config, _ = trained["adapted"]
        before = 100 * means["source_only"]["accuracy_b"]
        after = 100 * means["adapted"]["accuracy_b"]
        claims.append(
            Claim(
                "labels of one domain serve for the other",
                "90.53 % of MNIST from SVHN's labels, 59.32 % by aligned subspaces",
                f"{after:.1f} % of {config.data.pair[1]} from the labels of "
                f"{config.data.pair[0]}, {before:.1f} % without UNIT",
                after > before,
            )
        )
    columns = ("run", "labels of", "none of", "test accuracy of a %")
    columns += ("of b %", "of b made a %")
    note = (
        "one classifier, whose first layer each domain has its own; source_only plays "
        "no game: b goes through a's layer, its own learned nothing. b made a: "
        "translated by adapted, read by source_only. The paper: SVHN to MNIST 90.53, "
        "MNIST to USPS 95.97, USPS to MNIST 93.58"
    )
    yield "Digits without labels", Table(columns, rows, note)
    for name, (config, state) in trained.items():
        if trains_generators(config):
            yield from figures.of_run(name, config, state)
