"""Sign-based optimizers: Rprop and Lion."""

from __future__ import annotations

from fastnn._support import check
from fastnn.optim import settings
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer, Group, Params

__all__ = ["Lion", "Rprop"]


@OPTIMIZERS.named("rprop")
class Rprop(BlockOptimizer):
    """Rprop: one step size per weight, adapted by gradient signs; for full batches.

    size *= etas[1] where grad has the sign it had, etas[0] where it turned; kept in step_sizes;
    p -= sign(grad) * size, but where it turned: there p waits, and the next step counts as even.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-2: the first step size.
        etas: (shrinks, grows), 0 < shrinks < 1 < grows, default (0.5, 1.2).
        step_sizes: (smallest, largest), default (1e-6, 50).
        capturable, foreach: without effect.
        maximize: go up the gradient, default False.
        differentiable: False only.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Riedmiller & Braun 1993, the form of torch's `optim.Rprop`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    row = "rprop_step"
    moment_names: tuple[str, ...] = ("prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        l1: float = 0.0,
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable)
        given = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "maximize": maximize,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        shrinks, grows = settings.pair(group, "etas")
        low, high = settings.pair(group, "step_sizes")
        says = f"Invalid eta values: {shrinks}, {grows}"
        bounds = {"open_low": True, "open_high": True}
        return (
            check.real("etas[0]", shrinks, 0.0, 1.0, torch_says=says, **bounds),
            check.real("etas[1]", grows, 1.0, open_low=True, torch_says=says),
            check.real("step_sizes[0]", low, 0.0),
            check.real("step_sizes[1]", high, check.real("step_sizes[0]", low)),
        )


@OPTIMIZERS.named("lion")
class Lion(BlockOptimizer):
    """Lion: steps of fixed length along the signs of a running mean.

    p *= 1 - lr * weight_decay; p -= lr * sign(b1 * m + (1 - b1) * grad);
    m = b2 * m + (1 - b2) * grad, m = 0 at first.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-4: three to ten times less than for Adam.
        betas: (b1, b2), each in [0, 1), default (0.9, 0.99).
        weight_decay: >= 0, default 0; decoupled.
        maximize: go up the gradient, default False; weight decay still shrinks.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Chen et al. 2023, program 1.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Lion([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    row = "lion_step"
    moment_names: tuple[str, ...] = ("exp_avg",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ) -> None:
        given = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": True,
            "maximize": maximize,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        return settings.betas(group)
