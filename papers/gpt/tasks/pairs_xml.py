"""RTE-1 to RTE-3 as they were published: pairs of texts in XML."""

from pathlib import Path
from xml.etree import ElementTree

from common.contract import UserError
from common.files import storage
from papers.gpt.tasks import folders
from papers.gpt.tasks.task import Example, Task, assemble

CLASSES = ("entailment", "not_entailment")
_LABELS = {
    "yes": 0,
    "true": 0,
    "entailment": 0,
    "no": 1,
    "false": 1,
    "unknown": 1,
    "contradiction": 1,
}
_SPLITS = {"dev": "train", "test": "test"}  # the challenges trained on dev


def xml_folder(root: Path) -> Path | None:
    """The folder of rte*_dev.xml; None: the set is not in XML."""
    for folder in folders.within(root, ("rte", "RTE")):
        if any(_split(path) == "train" for path in storage.entries(folder).values()):
            return folder
    return None


def _split(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".xml"):
        return next((s for word, s in _SPLITS.items() if word in name), None)
    return None


def load_xml(folder: Path, seed: int = 0) -> Task:
    """All challenges of the folder as one task: its dev pairs train, its test pairs
    test. UserError: a file is no XML, or has a label that no challenge has."""
    examples, notes = [], []
    for path in storage.entries(folder).values():
        if split := _split(path):
            found, broken = _pairs(path, split)
            examples += found
            if broken:
                ids = ", ".join(broken[:5])
                notes.append(
                    f"{path.name}: {len(broken)} pairs without a text are left out "
                    f"(ids {ids})"
                )
    return assemble(
        "rte", "entailment", CLASSES, ("accuracy",), examples, notes=notes, seed=seed
    )


def _pairs(path: Path, split: str) -> tuple[list[Example], list[str]]:
    try:
        tree = ElementTree.fromstring(storage.read_bytes(path))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise UserError(f"{str(path)!r} is no XML: {error}") from None
    examples, broken = [], []
    for pair in tree.iter("pair"):
        number = pair.get("id", "?")
        texts = tuple(" ".join(pair.findtext(tag, "").split()) for tag in "th")
        written = pair.get("entailment", pair.get("value", ""))
        if written.lower() not in _LABELS:
            raise UserError(
                f"{str(path)!r}: pair {number} has entailment {written!r}; the labels "
                "are YES and NO, or value TRUE and FALSE"
            )
        if all(texts):
            examples.append(Example(texts, _LABELS[written.lower()], split))
        else:
            broken.append(number)
    if not examples:
        raise UserError(f"{str(path)!r} has no <pair> with a <t> and an <h>")
    return examples, broken
