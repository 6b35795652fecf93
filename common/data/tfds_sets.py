"""TFDS sets that are prepared, on a disk or in a bucket."""

import dataclasses
import os
from collections.abc import Iterable
from typing import Any

from common.contract import UserError
from common.files import storage
from common.nearest import nearest


def prepared(
    name: str,
    data_dir: str = "",
    features: Iterable[str] = (),
    splits: Iterable[str] = ("train",),
):
    """The builder of a TFDS set that is prepared in a format of random access.
    UserError: it is not, or lacks one of `features` or `splits`.

    data_dir: where it was prepared; "": TFDS's default. In a bucket the format must be
      array_record, whose items are read where they lie.
    """
    readable = {"array_record", "parquet"}
    if data_dir:
        folder = storage.path(data_dir)
        data_dir = os.fspath(folder)
        readable = readable if storage.is_local(folder) else {"array_record"}
    import tensorflow_datasets  # takes half a second, for this source only

    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir or None)
    except ValueError as error:  # an unknown name, configuration or version
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        raise UserError(f"unknown TFDS set {name!r}; {nearest(name, known)}") from error
    formats = {form.value for form in builder.info.available_file_formats()}
    if not builder.is_prepared() or not formats & readable:
        where = f"data_dir={data_dir!r}, " if data_dir else ""
        raise UserError(
            f"TFDS set {name!r} is not prepared for random access; prepare it with: "
            "import tensorflow_datasets as tfds; "
            f"tfds.builder({name!r}, {where}file_format='array_record')"
            ".download_and_prepare()"
        )
    wanted = [("feature", key, builder.info.features) for key in features]
    wanted += [("split", key, builder.info.splits) for key in splits]
    for part, key, available in wanted:
        if key not in available:
            raise UserError(
                f"TFDS set {name!r} has no {part} {key!r}; {nearest(key, available)}"
            )
    return builder


@dataclasses.dataclass(frozen=True)
class Column:
    """One feature of a TFDS data source, decoded on access."""

    source: Any
    feature: str

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Any:
        return self.source[index][self.feature]
