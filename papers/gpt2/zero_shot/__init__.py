"""Zero-shot evaluations, section 3 of the paper, and the overlap of section 4.

A room a data set: `read(root)` finds its public files and `score(model, items)` is the
measure as the paper defines it. `model.Model` says what a network has to offer.
`embedded` makes items of the same forms from any held-out text.
"""
