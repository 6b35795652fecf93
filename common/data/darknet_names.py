"""Darknet's .data and .names files, and Ultralytics' data.yaml in their place."""

from pathlib import Path

from common.contract import UserError
from common.files import storage, texts

_NAMES = ("classes.txt", "obj.names", "labels.txt")
_YAML = ("data.yaml", "dataset.yaml", "data.yml")


def stated(path: Path) -> dict[str, str]:
    """The file's `key = value` lines."""
    found = {}
    for line in texts.lines(path):
        if line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise UserError(f"{str(path)!r}: {line!r} is no `key = value`")
        found[key.strip().lower()] = value.strip()
    return found


def near(root: Path, name: str) -> Path | None:
    """The file that a .data file names: an own path, one from its folder, or one of the
    name's last parts below the folder, because paths are often of another machine."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    parts = Path(name.replace("\\", "/")).parts
    for i in range(len(parts)):
        tail = root.joinpath(*parts[i:]) if not parts[i].startswith("/") else None
        if tail is not None and tail.is_file():
            return tail
    return None


def names(root: Path, data: Path | None, said: dict[str, str]) -> tuple[str, ...]:
    """The lines of the .names file; (): there is none."""
    if "names" in said:
        file = near(root, said["names"])
        if file is None:
            raise UserError(
                f"{str(data)!r} names {said['names']!r}, which is not there"
            )
    else:
        there = storage.files_below(root)
        named = [p for p in there if p.name.lower() in _NAMES]
        named += [p for p in there if p.suffix.lower() == ".names"]
        named += [p for p in there if p.name.lower() in _YAML]
        file = named[0] if named else None
    found = _lines(file) if file else ()
    count = said.get("classes", str(len(found)))
    if found and count != str(len(found)):
        raise UserError(
            f"{str(data)!r} says classes = {count}, and {str(file)!r} has "
            f"{len(found)} names"
        )
    return found


def _lines(file: Path) -> tuple[str, ...]:
    """A name a line; of a data.yaml its `names`, a list or {number: name}."""
    if file.suffix.lower() not in (".yaml", ".yml"):
        return texts.lines(file)
    import yaml

    try:
        names = yaml.safe_load(texts.read(file))["names"]
        if isinstance(names, dict):
            names = [names[i] for i in range(len(names))]
        return tuple(map(str, names))
    except (yaml.YAMLError, TypeError, KeyError) as error:
        raise UserError(f"{str(file)!r} has no list of names: {error!r}") from None
