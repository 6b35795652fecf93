"""The variables of a network with BatchNorm as one table, {path: array}: how the files
of other frameworks have them."""

from collections.abc import Mapping
from typing import Any

from flax.traverse_util import flatten_dict, unflatten_dict

Variables = Mapping[str, Any]
COLLECTIONS = ("params", "batch_stats")  # which have no path in common


def flat(variables: Variables) -> dict[str, Any]:
    """{"layer/conv/kernel": array} of both collections, or of the one there is."""
    return {
        path: leaf
        for kind in COLLECTIONS
        for path, leaf in flatten_dict(variables.get(kind, {}), sep="/").items()
    }


def nested(table: Mapping[str, Any], like: Variables) -> dict[str, Any]:
    """The inverse of `flat`, for variables with the paths of `like`."""
    return {
        kind: unflatten_dict(
            {path: table[path] for path in flatten_dict(like[kind], sep="/")}, sep="/"
        )
        for kind in COLLECTIONS
    }
