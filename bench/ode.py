"""`python -m bench.ode`: a step of examples/torch/ode_pinn.py, compiled, beside torch eager.

One process, one thread, the timings by turns. The step has second derivatives in its loss.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.pin import pin

EXAMPLE = Path(__file__).resolve().parents[1] / "examples/torch/ode_pinn.py"
LOOP = "for i in range("


def step_of(library: str) -> Any:
    """The example's `step`, under fastnn or torch: the script up to its training loop."""
    source = EXAMPLE.read_text().partition(LOOP)[0].replace("fastnn", library)
    names: dict[str, Any] = {}
    exec(compile(source, str(EXAMPLE), "exec"), names)
    return names["step"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ode", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="of one timing")
    options = parser.parse_args()
    pin(1)
    import fastnn
    from bench.turns import medians, repeated, table

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
    print(table(times, [("compiled against torch eager", "torch eager", "fastnn compiled", 5.0)]))


if __name__ == "__main__":
    main()
