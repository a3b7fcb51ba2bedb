"""Schedules as data: torch made the stored values by them, and fastnn must give the same."""

from __future__ import annotations

from typing import Any

STEPS = 200
LR = (0.1, 0.05)  # of two groups
KEPT = [*range(12), *range(12, STEPS + 1, 9), 49, 50, 51, 99, 100, 101, 149, 150, 151]


# Those of functions that have no name, which pickle cannot keep.
BY_FUNCTIONS = set(
    "lambda lambda_one multiplicative multiplicative_each cyclic_own cyclic_iterations "
    "factors_in_turn sequential_more".split()
)


def figure(step: int) -> float:
    """What ReduceLROnPlateau looks at: better at first, then on a plateau with bumps."""
    return 1.0 / (1 + min(step, 30)) + 0.001 * (step % 7)


def cases(s: Any) -> dict[str, Any]:
    """name -> a function that makes the scheduler, s being the module of schedulers."""

    def warm(opt: Any) -> Any:
        return s.LinearLR(opt, start_factor=0.1, total_iters=10)

    return {
        "lambda": lambda opt: s.LambdaLR(opt, [lambda t: 0.95**t, lambda t: 1 / (1 + t)]),
        "lambda_one": lambda opt: s.LambdaLR(opt, lambda t: 0.98**t),
        "multiplicative_each": lambda opt: s.MultiplicativeLR(
            opt, [lambda t: 0.99, lambda t: 1 + 0.01 * (t % 2)]
        ),
        "multiplicative": lambda opt: s.MultiplicativeLR(opt, lambda t: 0.99),
        "step": lambda opt: s.StepLR(opt, 30),
        "step_half": lambda opt: s.StepLR(opt, 7, gamma=0.5),
        "multistep": lambda opt: s.MultiStepLR(opt, [50, 100, 100, 150], gamma=0.3),
        "constant": lambda opt: s.ConstantLR(opt),
        "constant_half": lambda opt: s.ConstantLR(opt, factor=0.5, total_iters=50),
        "linear": lambda opt: s.LinearLR(opt),
        "linear_down": lambda opt: s.LinearLR(opt, 1.0, 0.01, total_iters=150),
        "exponential": lambda opt: s.ExponentialLR(opt, 0.97),
        "polynomial": lambda opt: s.PolynomialLR(opt, 100),
        "polynomial_square": lambda opt: s.PolynomialLR(opt, 150, power=2.0),
        "cosine": lambda opt: s.CosineAnnealingLR(opt, 50),
        "cosine_min": lambda opt: s.CosineAnnealingLR(opt, 60, eta_min=0.01),
        "restarts": lambda opt: s.CosineAnnealingWarmRestarts(opt, 10),
        "restarts_longer": lambda opt: s.CosineAnnealingWarmRestarts(opt, 7, 2, eta_min=0.001),
        "cyclic": lambda opt: s.CyclicLR(opt, 0.01, [0.1, 0.3], step_size_up=20),
        "cyclic_2": lambda opt: s.CyclicLR(opt, 0.01, 0.1, 20, 30, mode="triangular2"),
        "cyclic_exp": lambda opt: s.CyclicLR(opt, 0.01, 0.1, 25, mode="exp_range", gamma=0.99),
        "cyclic_iterations": lambda opt: s.CyclicLR(
            opt, [0.01, 0.02], 0.1, 20, scale_fn=lambda x: 0.99**x, scale_mode="iterations",
            base_momentum=0.7, max_momentum=[0.8, 0.95],
        ),
        "cyclic_own": lambda opt: s.CyclicLR(
            opt, 0.01, 0.1, 25, scale_fn=lambda x: 0.9**x, cycle_momentum=False
        ),
        "one_cycle": lambda opt: s.OneCycleLR(opt, 0.2, total_steps=STEPS + 1),
        "one_cycle_momentum": lambda opt: s.OneCycleLR(
            opt, 0.2, total_steps=STEPS + 1, base_momentum=[0.5, 0.6], max_momentum=0.8
        ),
        "one_cycle_plain": lambda opt: s.OneCycleLR(
            opt, 0.2, total_steps=STEPS + 1, cycle_momentum=False, anneal_strategy="linear",
            three_phase=True,
        ),
        "one_cycle_linear": lambda opt: s.OneCycleLR(
            opt, [0.2, 0.4], epochs=21, steps_per_epoch=10, anneal_strategy="linear", pct_start=0.2
        ),
        "one_cycle_three": lambda opt: s.OneCycleLR(
            opt, 0.3, total_steps=STEPS + 1, three_phase=True, div_factor=10, final_div_factor=100
        ),
        "plateau": lambda opt: s.ReduceLROnPlateau(opt, patience=5),
        "plateau_abs": lambda opt: s.ReduceLROnPlateau(
            opt, factor=0.5, patience=3, threshold=0.01, threshold_mode="abs", cooldown=4,
            min_lr=[0.01, 0.001],
        ),
        "plateau_eps": lambda opt: s.ReduceLROnPlateau(
            opt, factor=0.3, patience=2, min_lr=0.001, eps=0.01
        ),
        "plateau_max_abs": lambda opt: s.ReduceLROnPlateau(
            opt, "max", 0.6, 8, 0.3, "abs", cooldown=2
        ),
        "plateau_max": lambda opt: s.ReduceLROnPlateau(opt, mode="max", factor=0.7, patience=20),
        "sequential": lambda opt: s.SequentialLR(
            opt,
            [warm(opt), s.CosineAnnealingLR(opt, 90), s.ExponentialLR(opt, 0.9)],
            milestones=[10, 100],
        ),
        "nested": lambda opt: s.SequentialLR(
            opt,
            [s.SequentialLR(opt, [warm(opt), s.StepLR(opt, 5)], [10]), s.ExponentialLR(opt, 0.9)],
            milestones=[40],
        ),
        "factors_in_turn": lambda opt: s.SequentialLR(
            opt,
            [
                s.ChainedScheduler([warm(opt), s.ExponentialLR(opt, 0.98)]),
                s.MultiplicativeLR(opt, lambda t: 0.9),
            ],
            milestones=[20],
        ),
        "sequential_more": lambda opt: s.SequentialLR(
            opt,
            [
                s.PolynomialLR(opt, 40),
                s.MultiplicativeLR(opt, lambda t: 0.9 if t < 5 else 1.02),
                s.CosineAnnealingWarmRestarts(opt, 9),
                s.MultiStepLR(opt, [0, 5], 0.5),
            ],
            milestones=[20, 60, 100],
        ),
        "chained": lambda opt: s.ChainedScheduler([warm(opt), s.ExponentialLR(opt, 0.98)]),
    }  # fmt: skip


def run(optim: Any, parameters: list[Any], name: str, betas: bool) -> list[list[float]]:
    """lr and momentum of both groups before each step."""
    groups = [{"params": [p], "lr": lr} for p, lr in zip(parameters, LR, strict=True)]
    optimizer = optim.Adam(groups) if betas else optim.SGD(groups, momentum=0.9)
    scheduler = cases(optim.lr_scheduler)[name](optimizer)
    rows = []
    for step in range(STEPS + 1):
        rows.append(
            [g["lr"] for g in optimizer.param_groups]
            + [g["betas"][0] if betas else g["momentum"] for g in optimizer.param_groups]
        )
        optimizer.step()
        scheduler.step(figure(step)) if name.startswith("plateau") else scheduler.step()
        if step < STEPS:
            assert scheduler.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
        if step == STEPS - 1 and "one_cycle" in name:  # it ends with its last step
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
