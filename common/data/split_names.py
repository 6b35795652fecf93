"""The splits that names of files and folders stand for."""

import re

SPLITS = ("train", "valid", "test")
ALIASES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}


def split_of(name: str) -> str | None:
    """ "train" for train, Training, TRAIN_SET; None for a name that is no split's."""
    word = re.sub(r"[-_ ]?(set|data|images)$", "", name.lower())
    return next((split for split in SPLITS if word in ALIASES[split]), None)
