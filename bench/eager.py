"""`python -m bench.eager`: hand-written steps on the tiny net, against torch and `Trainer.fit`.

One process, one thread, interleaved timings. A step is zero_grad, forward, loss, backward and Adam;
batches are sliced beforehand. Without torch only fastnn's times are shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import cycle
from types import ModuleType
from typing import Any

from bench import goals, part, report, turns


def stepper(library: ModuleType, data: Any, case: Any, **adam: Any) -> Callable[[], Any]:
    """Make a function that trains eagerly on the next batch; it has `.step` and `.batches`."""
    nn = library.nn
    layers: list[Any] = []
    for w, b in zip(data.w, data.b, strict=True):
        linear = nn.Linear(*w.shape)
        with library.no_grad():
            linear.weight.copy_(library.from_numpy(w.T.copy()))
            linear.bias.copy_(library.from_numpy(b))
        layers += [linear, nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    criterion = nn.CrossEntropyLoss()
    optimizer = library.optim.Adam(model.parameters(), lr=case.lr, **adam)
    batches = [
        tuple(library.from_numpy(part) for part in data.batch(case, i)) for i in range(case.steps)
    ]

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return driven(step, batches)


def driven(step: Callable[..., Any], batches: list[Any]) -> Callable[[], Any]:
    """Make a function without arguments that runs `step` on the next batch."""
    order = cycle(batches)

    def once() -> Any:
        return step(*next(order))

    once.step, once.batches = step, batches  # type: ignore[attr-defined]
    return once


def contestants() -> dict[str, Any]:
    """The functions to time, by name; they are first checked to give the same losses."""
    import fastnn
    from bench import data, rival_fastnn
    from bench.cases import CASES
    from bench.turns import repeated

    case = CASES["tiny"]
    stored = data.make(case)
    fastnn.set_num_threads(1)
    runs: dict[str, Any] = {"fastnn eager": stepper(fastnn, stored, case)}
    inner: Any = stepper(fastnn, stored, case)
    runs["fastnn compiled"] = driven(fastnn.compile(inner.step), inner.batches)
    try:
        import torch
    except ImportError:
        pass
    else:
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        runs["torch eager"] = stepper(torch, stored, case)
        runs["torch eager, fused Adam"] = stepper(torch, stored, case, fused=True)
    curves = {name: [once().item() for _ in range(50)] for name, once in runs.items()}
    for name, curve in curves.items():
        worst = max(abs(a - b) for a, b in zip(curve, curves["fastnn eager"], strict=True))
        if worst > 1e-4:
            raise SystemExit(f"{name}: another loss curve than fastnn eager, by {worst:.2g}")
    timed: dict[str, Any] = {name: repeated(once) for name, once in runs.items()}
    trainer = rival_fastnn.Rival(case, stored, 1).trainer

    def fit(count: int) -> None:
        epochs = max(1, round(count / case.steps))
        trainer.fit(
            stored.x, stored.y, epochs=epochs, batch_size=case.batch, shuffle=False, verbose=0
        )

    timed["Trainer.fit"] = fit
    return timed


def measured(options: argparse.Namespace) -> part.Found:
    from bench.turns import medians

    times = medians(contestants(), options.rounds, options.seconds)
    wanted = [
        ("eager, torch eager / fastnn", "torch eager", "fastnn eager", 3.0),
        ("eager, torch with fused Adam / fastnn", "torch eager, fused Adam", "fastnn eager", 3.0),
    ]
    found = goals.ratios(times, wanted)
    ratio = times["fastnn compiled"] / times["Trainer.fit"]
    found.append(goals.Goal("compiled step / Trainer.fit", ratio, 1.3, most=True))
    return {"us": times, "goals": [goal.plain() for goal in found]}


def tables(found: part.Found) -> list[report.Section]:
    return [("a step by hand on the tiny net", turns.rows(found["us"]))]


if __name__ == "__main__":
    part.main(part.parser("eager", __doc__, 15, 0.1).parse_args(), measured, tables)
