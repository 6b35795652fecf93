"""What the paper reports, in per cent."""

# Table 2: F1, AUC, and the p of a t-test against DKN. (-): without entity vectors.
TABLE_2: dict[str, tuple[float, float, str]] = {
    "dkn": (68.9, 65.9, ""),
    "libfm": (61.8, 59.7, "< 0.001"),
    "libfm_no_entity": (61.1, 58.9, "< 0.001"),
    "kpcnn": (67.0, 64.2, "0.098"),
    "kpcnn_no_entity": (65.8, 63.1, "0.036"),
    "dssm": (66.7, 63.6, "0.063"),
    "dssm_no_entity": (66.1, 63.2, "0.045"),
    "deepwide": (66.0, 63.3, "0.039"),
    "deepwide_no_entity": (63.7, 61.5, "0.004"),
    "deepfm": (63.8, 61.2, "0.014"),
    "deepfm_no_entity": (64.0, 61.1, "0.007"),
    "youtubenet": (65.5, 63.0, "0.025"),
    "youtubenet_no_entity": (65.1, 62.1, "0.011"),
    "dmf": (57.2, 55.3, "< 0.001"),
}

# Section 5.4, table 3: what the whole network is ahead by, in points of AUC.
AHEAD_BY = {
    "dkn_no_entity": 1.3,
    "dkn_no_context": 0.7,
    "dkn_no_attention": 0.9,
}
