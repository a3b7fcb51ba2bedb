"""The page of planted faults says what a run found, where the run's own file is gone, too."""

from __future__ import annotations

from pathlib import Path

import mutants
import mutate
import mutate_python
import pytest
from mutate_faults import FAULTS as IN_KERNELS
from mutate_faults_core import FAULTS as IN_CORE


def test_a_page_is_read_as_it_was_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, want = tmp_path / "page.md", mutants.PAGE.read_text()
    page.write_text(want)
    monkeypatch.setattr(mutants, "PAGE", page)
    monkeypatch.setattr(mutants, "KEPT", tmp_path / "none.json")
    found = mutants.kept()
    assert len(found) == want.count("\n| ") - 4  # two heads of two lines
    mutants.render(found)
    assert page.read_text() == want


def test_every_fault_has_its_text_and_its_tests() -> None:
    """Code that changes takes its faults along."""
    mutate_python.check_texts()
    for fault in (*IN_KERNELS, *IN_CORE):
        texts = [path.read_text() for path in mutate.ROOT.glob(fault.files)]
        assert any(fault.old in text for text in texts), f"{fault.files}: {fault.old}"
