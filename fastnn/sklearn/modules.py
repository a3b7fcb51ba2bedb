"""The parts of NetClassifier and NetRegressor: module, loss and optimizer from their settings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from fastnn import nn, random
from fastnn._support import check
from fastnn._support.signatures import signature
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer
from fastnn.random.generator import seeding
from fastnn.train import Trainer

Array = NDArray[Any]

HIDDEN = 100  # of the net where no module is given
PREFIXES = ("module", "optimizer", "loss")


class SeededTrainer(Trainer):
    """A Trainer whose shuffles may depend on the estimator's random state.

    Attributes:
        seeds: draws the seed of a fit; None leaves it to `fastnn.manual_seed`.
    """

    seeds: np.random.RandomState | None = None

    def _new_seed(self) -> int:
        if self.seeds is None:
            return super()._new_seed()
        return int(self.seeds.randint(np.iinfo(np.int64).max, dtype=np.int64))


def own(settings: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings of a part: `module__width` is its `width`."""
    begin = f"{prefix}__"
    return {k[len(begin) :]: v for k, v in settings.items() if k.startswith(begin)}


def module_of(given: Any, settings: dict[str, Any], sizes: dict[str, int], seed: Any) -> nn.Module:
    """The module: a copy of an instance, or what a class or function makes.

    Args:
        given: a Module, a class or function, or None for one hidden layer.
        settings: its keywords.
        sizes: in_features and out_features, for parameters of these names that are left open.
        seed: of its first values; None leaves them to `fastnn.manual_seed`.

    Raises:
        TypeError: something else; keywords for an instance.
    """
    if isinstance(given, nn.Module):
        if settings:
            raise TypeError(
                f"module__{next(iter(settings))}: expected a class or function as module, to call "
                f"with it, got the module {check.show(given)}"
            )
        return copy.deepcopy(given)
    make: Callable[..., Any] = _default if given is None else given
    if not callable(make):
        raise TypeError(
            "module: expected a Module, its class, or a function that makes one, got "
            f"{check.show(given)}"
        )
    known = signature(make).parameters
    open_sizes = {k: v for k, v in sizes.items() if k in known and k not in settings}
    made = _seeded(lambda: make(**open_sizes, **settings), seed)
    if not isinstance(made, nn.Module):
        raise TypeError(f"module: expected it to make a Module, it made {check.show(made)}")
    return made


def _default(in_features: int, out_features: int, hidden: int = HIDDEN) -> nn.Module:
    return nn.Sequential(nn.Linear(in_features, hidden), nn.ReLU(), nn.Linear(hidden, out_features))


def _seeded(make: Callable[[], Any], seed: int | None) -> Any:
    if seed is None:
        return make()
    with seeding, random.fork_rng():
        random.manual_seed(seed)
        return make()


def loss_of(given: Any, settings: dict[str, Any], default: type[nn.Module]) -> Any:
    """The loss: an instance or function as it is, or what a class makes."""
    if given is None or isinstance(given, type):
        return (given or default)(**settings)
    if settings:
        raise TypeError(f"loss__{next(iter(settings))}: expected a class as loss, to call with it")
    return given


def optimizer_for(
    model: nn.Module, given: Any, lr: float | None, settings: dict[str, Any]
) -> BlockOptimizer:
    """The optimizer: a name, a class or a function, called with the model's parameters."""
    make = given
    if isinstance(given, str):
        check.choice("optimizer", given, OPTIMIZERS)
        make = OPTIMIZERS[given].kind
    if not callable(make):
        raise TypeError(
            "optimizer: expected a name, a class, or a function of parameters, got "
            f"{check.show(given)}"
        )
    if lr is not None:
        settings = {"lr": lr, **settings}
    made: BlockOptimizer = make(model.parameters(), **settings)
    return made


def takes_classes(loss: Any) -> bool:
    """Whether the loss wants integer classes: those of `nn` say, of a function it is assumed."""
    if not isinstance(loss, nn.Module):
        return True
    return str(getattr(loss, "targets", "classes")) == "classes"


def probabilities(loss: Any, z: Array, many: bool) -> Array:
    """What the outputs z that the loss takes mean as probabilities.

    many: several labels at once.
    """
    if isinstance(loss, nn.BCELoss):
        return z
    if isinstance(loss, nn.NLLLoss):
        return np.exp(z)
    found: Array = expit(z) if many or z.shape[1] == 1 else softmax(z, axis=1)
    return found
