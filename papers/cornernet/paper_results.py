"""The numbers of the paper's tables, in percent: COCO's validation split, AP, AP50,
AP75, and AP of small, medium and large objects, unless said otherwise."""

# Table 1, and the last row of table 2: the whole network, 250,000 steps.
POOLING = {
    "no_pool": (36.5, 52.0, 38.8, 17.5, 38.9, 49.4),
    "corner_pool": (38.4, 53.8, 40.9, 18.6, 40.5, 51.8),
}
# Table 2: how far from a corner the penalty is reduced.
REDUCTION = {
    "no_penalty_reduction": (32.9, 49.1, 34.8, 19.0, 37.0, 40.7),
    "fixed_radius": (35.6, 52.5, 37.7, 18.7, 38.5, 46.0),
    "object_radius": (38.4, 53.8, 40.9, 18.6, 40.5, 51.8),
}
# Table 3: AP of corners in a quadrant, without and with corner pooling.
CORNERS = {
    ("top-left", "top left"): (66.1, 69.2),
    ("top-left", "bottom right"): (60.8, 63.5),
    ("bottom-right", "top left"): (53.4, 56.2),
    ("bottom-right", "bottom right"): (65.0, 67.6),
}
# Table 6: AP, AP50 as predicted, with true heat maps, and with true offsets as well.
TRUE_MAPS = {
    "as predicted": (38.4, 53.8),
    "true heat maps": (73.1, 87.7),
    "true heat maps and offsets": (86.1, 88.9),
}
# Test-dev, at one scale and at five: AP, AP50, AP75, S, M, L.
TEST_DEV = {
    "one scale": (40.6, 56.4, 43.2, 19.1, 42.8, 54.3),
    "five scales": (42.2, 57.8, 45.2, 20.7, 44.8, 56.6),
}
