"""Tensors made within `inference_mode`: what they cannot be used for outside of it."""

from __future__ import annotations

from typing import Any

from fastnn._core.tape import TensorBase, bind, inference_enabled
from fastnn.tape.node import GradientRule


def only_reads(rule: GradientRule, *inputs: int) -> GradientRule:
    """Note that a gradient rule reads the values of these inputs alone; others may read all."""
    rule.reads = inputs  # type: ignore[attr-defined]
    return rule


def _refuse(rule: GradientRule, inputs: tuple[Any, ...], attrs: tuple[Any, ...]) -> None:
    """Raise where a node that is to be made, outside of the mode, would keep such a tensor."""
    reads = getattr(rule, "reads", range(len(inputs)))
    kept = attrs[0].saved() if hasattr(rule, "custom") else [inputs[i] for i in reads]
    if any(x is not None and x._inference for x in kept):
        raise RuntimeError(
            "Inference tensors cannot be saved for backward: one made within inference_mode came "
            "into an operation on the tape; use its clone(), made outside, or no_grad instead"
        )


def check_writable(x: TensorBase, name: str) -> None:
    """Raise where a tensor made within the mode is to be changed outside of it."""
    if x._inference and not inference_enabled():
        raise RuntimeError(
            f"{name}: Inplace update to inference tensor outside InferenceMode is not allowed: it "
            "was made within inference_mode; change its clone()"
        )


bind(refuse=_refuse)
