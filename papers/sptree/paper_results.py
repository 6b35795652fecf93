"""What the paper and its slides report, in per cent."""

# Table 1, on the tests of two corpora: entity precision, recall, F1; relation's.
TEST = {
    "SPTree, ACE05": (82.9, 83.9, 83.4, 57.2, 54.0, 55.6),
    "Li and Ji 2014, ACE05": (85.2, 76.9, 80.8, 65.4, 39.8, 49.5),
    "SPTree, ACE04": (80.8, 82.9, 81.8, 48.7, 48.1, 48.4),
    "Li and Ji 2014, ACE04": (83.5, 76.2, 79.7, 60.8, 36.1, 45.3),
}
# Table 2, on ACE05's development set: F1 of entities, of relations, significance
# against SPTree by approximate randomisation (* p < 0.05, ** p < 0.01).
PARTS = {
    "sptree": (81.8, 51.8, ""),
    "no_ep": (79.6, 49.2, "*"),
    "no_ss": (81.5, 50.5, ""),
    "no_le": (81.6, 50.5, ""),
    "no_shared": (80.8, 51.0, ""),
    "no_ep_ss": (79.2, 49.4, "*"),
    "no_all": (80.7, 48.4, "**"),
}
# F1 of relations, on ACE05's development set.
STRUCTURES = {
    "sptree": 51.8,
    "subtree": 51.5,
    "fulltree": 52.1,
    "subtree_no_sp": 51.4,
    "fulltree_no_sp": 49.2,
    "child_sum": 50.6,
    "spseq": 51.1,
    "spxu": 50.8,
}
SEMEVAL_MACRO_F1 = 84.4
