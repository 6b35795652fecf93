"""One package a paper. A package is found by its folder; there is no registry."""

from pathlib import Path

import common

_OURS = Path(__file__).resolve().parents[1] / "common" / "__init__.py"
_FOUND = Path(common.__file__ or "").resolve()
if _FOUND != _OURS:
    raise ImportError(
        f"`import common` finds {_FOUND}, and papers need {_OURS}: rename a common.py "
        "of your own, or start where there is none"
    )
