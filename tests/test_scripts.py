"""Scripts in the style of public ones give torch's numbers, with only their imports changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cases.scripts import names, run, source

GOLDENS = json.loads((Path(__file__).parent / "goldens/scripts.json").read_text())
# Sums in another order: the error of float32 grows along a training.
RTOL = {"pinn": 1e-5}


def test_every_script_has_a_golden() -> None:
    assert sorted(GOLDENS) == names()


@pytest.mark.every(5)
@pytest.mark.parametrize("name", names())
def test_as_torch(name: str) -> None:
    text = source(name, "fastnn")
    assert "import torch" not in text and "from torch" not in text
    np.testing.assert_allclose(run(name, "fastnn"), GOLDENS[name], RTOL.get(name, 2e-3), 1e-5)
