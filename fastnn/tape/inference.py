"""Inference tensors: the checks that limit their use outside of `inference_mode`."""

from __future__ import annotations

from typing import Any

from fastnn._core.tape import TensorBase, bind, inference_enabled
from fastnn.tape.node import GradientRule


def only_reads(rule: GradientRule, *inputs: int) -> GradientRule:
    """Declare that a gradient rule reads the values of these inputs only; by default, all.

    A rule that reads none, and no outputs either, lets its nodes give their memory back and still
    be entered by a second backward pass.
    """
    rule.reads = inputs  # type: ignore[attr-defined]
    if not inputs:
        rule.free = True  # type: ignore[attr-defined]
    return rule


def free_for(rule: GradientRule, *inputs: int) -> GradientRule:
    """Declare that a gradient rule reads no values for the gradients by these inputs, so that a
    node of which no others are asked for can be entered by a second backward pass."""
    rule.free = inputs  # type: ignore[attr-defined]
    return rule


def _refuse(rule: GradientRule, inputs: tuple[Any, ...], attrs: tuple[Any, ...]) -> None:
    """Raise if a new node, outside of the mode, would save an inference tensor."""
    reads = getattr(rule, "reads", range(len(inputs)))
    kept = attrs[0].saved() if hasattr(rule, "custom") else [inputs[i] for i in reads]
    if any(x is not None and x._inference for x in kept):
        raise RuntimeError(
            "Inference tensors cannot be saved for backward: one made within inference_mode came "
            "into an operation on the tape; use its clone(), made outside, or no_grad instead"
        )


def check_writable(x: TensorBase, name: str) -> None:
    """Raise if an inference tensor would be changed outside of the mode."""
    if x._inference and not inference_enabled():
        raise RuntimeError(
            f"{name}: Inplace update to inference tensor outside InferenceMode is not allowed: it "
            "was made within inference_mode; change its clone()"
        )


bind(refuse=_refuse)
