"""Access to the stored values of other libraries in tests/goldens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "goldens"


def read(name: str) -> Any:
    """What `goldens/make_<name>.py` wrote."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def in_order_of(old: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Found, with what was there before at its place: a remade file shows what changed alone."""
    return {key: found[key] for key in [*old, *found] if key in found}
