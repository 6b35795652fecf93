"""Tables."""

from collections.abc import Mapping
from typing import Any

from papers.sptree.config import Config


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]):
    yield "todo", 1.0
