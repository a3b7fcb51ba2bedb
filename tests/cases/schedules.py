"""Scheduler cases: how each is built; compared with torch over 200 steps, or with an equation.

An entry of SCHEDULES is all that a new one needs here. One that torch has not: "warm_cosine":
Schedule(lambda s, opt: s.WarmCosineLR(opt, 10), in_torch=False, equation=lambda lr, t: ...), and
its arguments in SIGNATURES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STEPS = 200
LR = (0.1, 0.05)  # of two groups
KEPT = [*range(12), *range(12, STEPS + 1, 9), 49, 50, 51, 99, 100, 101, 149, 150, 151]


@dataclass(frozen=True)
class Schedule:
    """One test case of a scheduler.

    make: of the module of schedulers and an optimizer of two groups.
    in_torch: its values are in goldens/schedules.json.
    equation: the rate after t steps, of the rate at first.
    pickles: it holds no function without a name.
    by_figure: step() takes a figure.
    ends: it refuses more than STEPS steps; tried with Adam, whose momentum it moves in betas.
    """

    make: Callable[[Any, Any], Any]
    in_torch: bool = True
    equation: Callable[[float, int], float] | None = None
    pickles: bool = True
    by_figure: bool = False
    ends: bool = False


def figure(step: int) -> float:
    """What ReduceLROnPlateau looks at: better at first, then on a plateau with bumps."""
    return 1.0 / (1 + min(step, 30)) + 0.001 * (step % 7)


def warm(s: Any, opt: Any) -> Any:
    return s.LinearLR(opt, start_factor=0.1, total_iters=10)


SCHEDULES: dict[str, Schedule] = {
    "lambda": Schedule(
        lambda s, opt: s.LambdaLR(opt, [lambda t: 0.95**t, lambda t: 1 / (1 + t)]), pickles=False
    ),
    "lambda_one": Schedule(lambda s, opt: s.LambdaLR(opt, lambda t: 0.98**t), pickles=False),
    "multiplicative_each": Schedule(
        lambda s, opt: s.MultiplicativeLR(opt, [lambda t: 0.99, lambda t: 1 + 0.01 * (t % 2)]),
        pickles=False,
    ),
    "multiplicative": Schedule(
        lambda s, opt: s.MultiplicativeLR(opt, lambda t: 0.99), pickles=False
    ),
    "step": Schedule(
        lambda s, opt: s.StepLR(opt, 30), equation=lambda lr, t: lr * 0.1 ** (t // 30)
    ),
    "step_half": Schedule(lambda s, opt: s.StepLR(opt, 7, gamma=0.5)),
    "multistep": Schedule(lambda s, opt: s.MultiStepLR(opt, [50, 100, 100, 150], gamma=0.3)),
    "constant": Schedule(lambda s, opt: s.ConstantLR(opt)),
    "constant_half": Schedule(
        lambda s, opt: s.ConstantLR(opt, factor=0.5, total_iters=50),
        equation=lambda lr, t: lr * (0.5 if t < 50 else 1.0),
    ),
    "linear": Schedule(lambda s, opt: s.LinearLR(opt)),
    "linear_down": Schedule(lambda s, opt: s.LinearLR(opt, 1.0, 0.01, total_iters=150)),
    "exponential": Schedule(
        lambda s, opt: s.ExponentialLR(opt, 0.97), equation=lambda lr, t: lr * 0.97**t
    ),
    "polynomial": Schedule(lambda s, opt: s.PolynomialLR(opt, 100)),
    "polynomial_square": Schedule(lambda s, opt: s.PolynomialLR(opt, 150, power=2.0)),
    "cosine": Schedule(lambda s, opt: s.CosineAnnealingLR(opt, 50)),
    "cosine_min": Schedule(lambda s, opt: s.CosineAnnealingLR(opt, 60, eta_min=0.01)),
    "restarts": Schedule(lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 10)),
    "restarts_longer": Schedule(
        lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 7, 2, eta_min=0.001)
    ),
    "cyclic": Schedule(lambda s, opt: s.CyclicLR(opt, 0.01, [0.1, 0.3], step_size_up=20)),
    "cyclic_2": Schedule(lambda s, opt: s.CyclicLR(opt, 0.01, 0.1, 20, 30, mode="triangular2")),
    "cyclic_exp": Schedule(
        lambda s, opt: s.CyclicLR(opt, 0.01, 0.1, 25, mode="exp_range", gamma=0.99)
    ),
    "cyclic_iterations": Schedule(
        lambda s, opt: s.CyclicLR(
            opt,
            [0.01, 0.02],
            0.1,
            20,
            scale_fn=lambda x: 0.99**x,
            scale_mode="iterations",
            base_momentum=0.7,
            max_momentum=[0.8, 0.95],
        ),
        pickles=False,
    ),
    "cyclic_own": Schedule(
        lambda s, opt: s.CyclicLR(
            opt, 0.01, 0.1, 25, scale_fn=lambda x: 0.9**x, cycle_momentum=False
        ),
        pickles=False,
    ),
    "one_cycle": Schedule(lambda s, opt: s.OneCycleLR(opt, 0.2, total_steps=STEPS + 1), ends=True),
    "one_cycle_momentum": Schedule(
        lambda s, opt: s.OneCycleLR(
            opt, 0.2, total_steps=STEPS + 1, base_momentum=[0.5, 0.6], max_momentum=0.8
        ),
        ends=True,
    ),
    "one_cycle_plain": Schedule(
        lambda s, opt: s.OneCycleLR(
            opt,
            0.2,
            total_steps=STEPS + 1,
            cycle_momentum=False,
            anneal_strategy="linear",
            three_phase=True,
        ),
        ends=True,
    ),
    "one_cycle_linear": Schedule(
        lambda s, opt: s.OneCycleLR(
            opt, [0.2, 0.4], epochs=21, steps_per_epoch=10, anneal_strategy="linear", pct_start=0.2
        ),
        ends=True,
    ),
    "one_cycle_three": Schedule(
        lambda s, opt: s.OneCycleLR(
            opt, 0.3, total_steps=STEPS + 1, three_phase=True, div_factor=10, final_div_factor=100
        ),
        ends=True,
    ),
    "plateau": Schedule(lambda s, opt: s.ReduceLROnPlateau(opt, patience=5), by_figure=True),
    "plateau_abs": Schedule(
        lambda s, opt: s.ReduceLROnPlateau(
            opt,
            factor=0.5,
            patience=3,
            threshold=0.01,
            threshold_mode="abs",
            cooldown=4,
            min_lr=[0.01, 0.001],
        ),
        by_figure=True,
    ),
    "plateau_eps": Schedule(
        lambda s, opt: s.ReduceLROnPlateau(opt, factor=0.3, patience=2, min_lr=0.001, eps=0.01),
        by_figure=True,
    ),
    "plateau_max_abs": Schedule(
        lambda s, opt: s.ReduceLROnPlateau(opt, "max", 0.6, 8, 0.3, "abs", cooldown=2),
        by_figure=True,
    ),
    "plateau_max": Schedule(
        lambda s, opt: s.ReduceLROnPlateau(opt, mode="max", factor=0.7, patience=20), by_figure=True
    ),
    "sequential": Schedule(
        lambda s, opt: s.SequentialLR(
            opt,
            [warm(s, opt), s.CosineAnnealingLR(opt, 90), s.ExponentialLR(opt, 0.9)],
            milestones=[10, 100],
        )
    ),
    "nested": Schedule(
        lambda s, opt: s.SequentialLR(
            opt,
            [
                s.SequentialLR(opt, [warm(s, opt), s.StepLR(opt, 5)], [10]),
                s.ExponentialLR(opt, 0.9),
            ],
            milestones=[40],
        )
    ),
    "factors_in_turn": Schedule(
        lambda s, opt: s.SequentialLR(
            opt,
            [
                s.ChainedScheduler([warm(s, opt), s.ExponentialLR(opt, 0.98)]),
                s.MultiplicativeLR(opt, lambda t: 0.9),
            ],
            milestones=[20],
        ),
        pickles=False,
    ),
    "sequential_more": Schedule(
        lambda s, opt: s.SequentialLR(
            opt,
            [
                s.PolynomialLR(opt, 40),
                s.MultiplicativeLR(opt, lambda t: 0.9 if t < 5 else 1.02),
                s.CosineAnnealingWarmRestarts(opt, 9),
                s.MultiStepLR(opt, [0, 5], 0.5),
            ],
            milestones=[20, 60, 100],
        ),
        pickles=False,
    ),
    "chained": Schedule(
        lambda s, opt: s.ChainedScheduler([warm(s, opt), s.ExponentialLR(opt, 0.98)])
    ),
}
# The arguments of schedulers that torch has not
SIGNATURES: dict[str, str] = {}
# Those that take no figure.
BY_STEP = [name for name, case in SCHEDULES.items() if not case.by_figure]


def run(optim: Any, parameters: list[Any], name: str) -> list[list[float]]:
    """lr and momentum of both groups before each step."""
    groups = [{"params": [p], "lr": lr} for p, lr in zip(parameters, LR, strict=True)]
    case = SCHEDULES[name]
    optimizer = optim.Adam(groups) if case.ends else optim.SGD(groups, momentum=0.9)
    scheduler = case.make(optim.lr_scheduler, optimizer)
    rows = []
    for step in range(STEPS + 1):
        rows.append(
            [g["lr"] for g in optimizer.param_groups]
            + [g["betas"][0] if case.ends else g["momentum"] for g in optimizer.param_groups]
        )
        optimizer.step()
        scheduler.step(figure(step)) if case.by_figure else scheduler.step()
        if step < STEPS:
            assert scheduler.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
        if step == STEPS - 1 and case.ends:
            rows.append(rows[-1])
            break
    return rows


def resumed(optim: Any, parameters: list[Any]) -> dict[str, list[float]]:
    """name -> the rates when a scheduler is made at epoch 30 of a checkpoint, and after steps."""
    s, found = optim.lr_scheduler, {}
    for name, make in {
        "lambda": lambda opt, last: s.LambdaLR(opt, lambda t: 0.95**t, last),
        "multiplicative": lambda opt, last: s.MultiplicativeLR(opt, lambda t: 0.9, last),
        "step": lambda opt, last: s.StepLR(opt, 31, 0.5, last),
        "multistep": lambda opt, last: s.MultiStepLR(opt, [31, 33], 0.3, last),
        "constant": lambda opt, last: s.ConstantLR(opt, 0.5, 32, last),
        "linear": lambda opt, last: s.LinearLR(opt, 0.2, 0.9, 33, last),
        "exponential": lambda opt, last: s.ExponentialLR(opt, 0.9, last),
        "polynomial": lambda opt, last: s.PolynomialLR(opt, 40, 2.0, last),
        "cosine": lambda opt, last: s.CosineAnnealingLR(opt, 50, 0.01, last),
        "restarts": lambda opt, last: s.CosineAnnealingWarmRestarts(opt, 10, 2, 0.001, last),
    }.items():
        groups = [{"params": parameters, "lr": 0.07, "initial_lr": 0.1}]
        optimizer = optim.SGD(groups, momentum=0.9)
        scheduler = make(optimizer, 30)
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(4):
            optimizer.step()
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
        found[name] = rates
    return found
