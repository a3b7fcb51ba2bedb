"""Names, order and defaults of arguments: torch's, and those of what torch has not."""

from __future__ import annotations

import inspect
import json
import operator
from pathlib import Path
from typing import Any

import pytest
from catalogue import public_classes
from signature_cases import NAMES, written

import fastnn
from fastnn import nn, optim
from fastnn.optim import lr_scheduler

GOLDEN: dict[str, str] = json.loads((Path(__file__).parent / "goldens/signatures.json").read_text())

# keywords beside torch's
EXTRA = {"axis=None", "l1=0", "compat=torch", "decoupled_weight_decay=False"}
LAST_AXIS = ("dim=None", "dim=-1")  # torch guesses, and warns that one should say it
EXCEPT: dict[str, tuple[str, str]] = {
    "nn.Hardtanh": (", min_value=None, max_value=None", ""),  # deprecated
    **{f"nn.{name}": LAST_AXIS for name in ("Softmax", "LogSoftmax", "Softmin")},
    **{f"nn.functional.{name}": LAST_AXIS for name in ("softmax", "log_softmax", "softmin")},
}
# What torch has not, beside its containers for MindSpore.
OURS: dict[str, str] = {
    "nn.FocalLoss": "weight=None, gamma=2, *, reduction=mean",
    "nn.GammaDevianceLoss": "*, reduction=mean",
    "nn.HalfSquaredErrorLoss": "*, reduction=mean",
    "nn.HingeLoss": "squared=False, *, reduction=mean",
    "nn.LogCoshLoss": "*, reduction=mean",
    "nn.QuantileLoss": "quantiles=0.5, *, crossing=0, reduction=mean",
    "nn.SigmoidFocalLoss": "alpha=0.25, gamma=2, *, reduction=mean",
    "nn.TweedieDevianceLoss": "power=1.5, *, reduction=mean",
    "nn.ZeroOneLoss": "*, reduction=mean",
    "nn.Dense": "in_channels, out_channels, weight_init=None, bias_init=None, has_bias=True, "
    "activation=None, dtype=None",
    "nn.functional.focal_loss": "input, target, weight=None, *, gamma=2, reduction=mean",
    "nn.functional.half_squared_error": "input, target, *, reduction=mean",
    "nn.functional.hinge_loss": "input, target, *, squared=False, reduction=mean",
    "nn.functional.log_cosh_loss": "input, target, *, reduction=mean",
    "nn.functional.quantile_loss": "input, target, quantiles=0.5, *, crossing=0, reduction=mean",
    "nn.functional.sigmoid_focal_loss": "input, target, *, alpha=0.25, gamma=2, reduction=none",
    "nn.functional.tweedie_deviance_loss": "input, target, *, power=1.5, reduction=mean",
    # torch's are in C and tell nothing
    "nn.functional.bilinear": "input1, input2, weight, bias=None",
    "nn.functional.gelu": "input, approximate=none",
    "nn.functional.hardshrink": "input, lambd=0.5",
    "nn.functional.linear": "input, weight, bias=None",
    "nn.functional.logsigmoid": "input",
    "nn.functional.one_hot": "tensor, num_classes=-1",
    "nn.functional.prelu": "input, weight",
    "nn.functional.softplus": "input, beta=1, threshold=20",
    "nn.functional.softshrink": "input, lambd=0.5",
    "optim.EMAMomentum": "params, lr=0.001, momentum=0.9, weight_decay=0, *, maximize=False, "
    "decoupled_weight_decay=False, l1=0",
    "optim.LevenbergMarquardt": "params, damping=0.001, weight_decay=0, max_tries=10, "
    "tolerance_grad=1e-10",
    "optim.Lion": "params, lr=0.0001, betas=[0.9, 0.99], weight_decay=0, *, maximize=False, l1=0",
}


def arguments(text: str) -> tuple[list[str], set[str]]:
    """Those by position, and those by keyword alone."""
    positional, _, keywords = text.partition("*, ")
    return [a for a in positional.split(", ") if a], {a for a in keywords.split(", ") if a}


def ours(name: str) -> str:
    return written(operator.attrgetter(name)(fastnn))


@pytest.mark.parametrize("name", GOLDEN)
def test_arguments_are_torch_s(name: str) -> None:
    """A function may have fewer than torch's, and more of them by keyword."""
    wanted, keywords = arguments(GOLDEN[name].replace(*EXCEPT.get(name, ("", ""))))
    found, own = arguments(ours(name))
    if name.startswith("nn.functional."):
        assert found == wanted[: len(found)]
        assert own <= keywords | set(wanted)
    else:
        assert found == wanted
        assert own - EXTRA == keywords - EXTRA


@pytest.mark.parametrize("name", OURS)
def test_arguments_that_torch_has_not(name: str) -> None:
    assert ours(name) == OURS[name]


def functions(module: Any) -> set[str]:
    """Public ones that are its own or taken for its users."""
    found = {n for n, f in vars(module).items() if inspect.isfunction(f) and not n.startswith("_")}
    return found & set(getattr(module, "__all__", found))


def test_everything_is_here() -> None:
    mindspore = {"Cell", "CellList", "SequentialCell"}
    public = {
        "nn": public_classes(nn, nn.Module) - mindspore,
        "nn.init": functions(nn.init),
        "nn.functional": functions(nn.functional),
        "optim": public_classes(optim, optim.Optimizer),
        "optim.lr_scheduler": public_classes(lr_scheduler, lr_scheduler.LRScheduler)
        | {"LRScheduler"},
        "optim.swa_utils": set(optim.swa_utils.__all__),
    }
    known = {f"{module}.{name}" for module, names in NAMES.items() for name in names.split()}
    assert set(GOLDEN) == known
    assert {f"{m}.{name}" for m, names in public.items() for name in names} == known | set(OURS)
