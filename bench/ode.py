"""`python -m bench.ode`: a step of examples/torch/ode_pinn.py, compiled, against torch eager.

One process, one thread, interleaved timings. The step has second derivatives in its loss.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench import goals, part, report, turns

EXAMPLE = Path(__file__).resolve().parents[1] / "examples/torch/ode_pinn.py"
LOOP = "for i in range("


def step_of(library: str) -> Any:
    """The example's `step` with fastnn or torch: runs the script up to its training loop."""
    source = EXAMPLE.read_text().partition(LOOP)[0].replace("fastnn", library)
    names: dict[str, Any] = {}
    exec(compile(source, str(EXAMPLE), "exec"), names)
    return names["step"]


def measured(options: argparse.Namespace) -> part.Found:
    import fastnn
    from bench.turns import medians, repeated

    fastnn.set_num_threads(1)
    steps = {"fastnn eager": step_of("fastnn")}
    steps["fastnn compiled"] = fastnn.compile(step_of("fastnn"))
    try:
        import torch
    except ImportError:
        pass
    else:
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        steps["torch eager"] = step_of("torch")
    curves = {name: [step().item() for _ in range(50)] for name, step in steps.items()}
    for name, curve in curves.items():
        last = curves["fastnn eager"][-1]
        if abs(curve[-1] - last) > 1e-3 * abs(last):
            raise SystemExit(f"{name}: another loss after 50 steps: {curve[-1]}, not {last}")
    runs = {name: repeated(step) for name, step in steps.items()}
    times = medians(runs, options.rounds, options.seconds)
    wanted = [("ODE example, torch eager / compiled", "torch eager", "fastnn compiled", 5.0)]
    return {"us": times, "goals": [goal.plain() for goal in goals.ratios(times, wanted)]}


def tables(found: part.Found) -> list[report.Section]:
    return [("a step of the ODE example", turns.rows(found["us"]))]


if __name__ == "__main__":
    part.main(part.parser("ode", __doc__, 15, 0.1).parse_args(), measured, tables)
