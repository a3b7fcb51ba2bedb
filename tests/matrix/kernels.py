"""R1: each op on shapes, layouts and values drawn by Hypothesis, against its reference.

An example is a call on one instruction set. The reference is evaluated once for all of them, and a
drawn shape serves several sets of values: so the time goes into the kernels.
"""

from __future__ import annotations

from typing import Any

from families import OPS
from harness import compare, expected, run as call
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from fastnn._core import engine
from matrix.row import Result, Row

EXAMPLES = 10_000  # of an op
VALUES = 4  # sets of them for each drawn shape
REALS = ("float32", "float64")
ISAS = tuple(name for name in engine.isas() if "_" not in name)
DRAWS = -(-EXAMPLES // (VALUES * len(REALS) * len(ISAS)))
SETTINGS = settings(
    max_examples=DRAWS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    print_blob=False,
)


def _example(op: str, real: str, i: int, drawn: dict[str, Any]) -> int:
    """One set of values on each instruction set; how many there are."""
    flavours, layouts = OPS[op].calls.flavours, drawn["layouts"]
    flavour = flavours[(drawn["flavour"] + i) % len(flavours)]
    case = OPS[op].case(real, drawn["dims"], flavour, drawn["key"] + i)
    first = i % len(layouts)
    wanted = None
    for isa in ISAS:
        engine.set_isa(isa)
        outputs, seen = call(case, layouts[first:] + layouts[:first], drawn["read_only"])
        wanted = expected(case, seen) if wanted is None else wanted
        compare(case, outputs, wanted)
    return len(ISAS)


def run(op: str) -> Result:
    """All examples of an op; the smallest that fails, if one does."""
    calls = OPS[op].calls
    drawn = st.fixed_dictionaries(
        {
            "dims": calls.dims,
            "flavour": st.integers(0, len(calls.flavours) - 1),
            "layouts": st.lists(st.sampled_from(calls.layouts), min_size=1, max_size=5),
            "read_only": st.booleans(),
            "key": st.integers(0, 2**32 - 1),
        }
    )
    examples, failures, before = 0, [], engine.isa()

    def each(real: str) -> None:
        @SETTINGS
        @given(drawn)
        def draw(given: dict[str, Any]) -> None:
            nonlocal examples
            for i in range(VALUES):
                examples += _example(op, real, i, given)

        draw()

    for real in REALS:
        try:
            each(real)
        except Exception as error:
            failures.append(f"{error}; {'; '.join(getattr(error, '__notes__', ()))}"[:600])
    engine.set_isa(before)
    return {"examples": examples, "failures": failures}


def say(done: dict[str, Result]) -> str:
    """How many examples."""
    least = min(result["examples"] for result in done.values())
    return f"{len(done)} ops, at least {least:,} examples each, on {', '.join(ISAS)}"


ROW = Row(
    "a kernel equals the float64 reference",
    "10,000 examples an op, 0 violations",
    lambda: engine.OPS,
    run,
    say,
)
