"""The page and the example about scikit-learn run, and print what they say."""

from __future__ import annotations

import io
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import pytest

pytest.importorskip("sklearn", minversion="1.7")

from fastnn.sklearn import MLPClassifier

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/sklearn.md").read_text()
EXAMPLE = ROOT / "examples/sklearn_pipeline.py"

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_the_page_lists_the_keywords() -> None:
    rows = PAGE.partition("## Beyond scikit-learn")[2].partition("```")[0]
    told = set(re.findall(r"^\| `(\w+)` \|", rows, re.M))
    own = set(MLPClassifier().get_params())
    from sklearn.neural_network import MLPClassifier as Theirs

    assert told - {"activation"} == own - set(Theirs().get_params())


@pytest.mark.long
def test_the_example_prints_what_scikit_learn_prints() -> None:
    pytest.importorskip("sklearn", minversion="1.9")  # its early stopping takes labels of texts
    found = []
    for module in ("fastnn.sklearn", "sklearn.neural_network"):
        source = EXAMPLE.read_text().replace("from fastnn.sklearn", f"from {module}")
        out = io.StringIO()
        with redirect_stdout(out):
            if module == "fastnn.sklearn":
                runpy.run_path(str(EXAMPLE), run_name="__main__")
            else:
                exec(compile(source, str(EXAMPLE), "exec"), {"__name__": "__main__"})
        found.append(out.getvalue().splitlines())
    assert found[0] == found[1] and len(found[0]) == 6
    assert float(found[0][1].removeprefix("accuracy ")) > 0.85
