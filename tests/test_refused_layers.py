"""Layers, losses and their tools refuse what they cannot do, and say what was expected and came."""

from __future__ import annotations

from typing import Any

import pytest

import fastnn
from fastnn import nn
from fastnn.nn import functional as F
from fastnn.nn.utils import fuse_linear_bn_eval, prune, skip_init

NAMES: dict[str, Any] = {
    "fastnn": fastnn,
    "nn": nn,
    "F": F,
    "prune": prune,
    "fuse": fuse_linear_bn_eval,
    "skip_init": skip_init,
    "f": fastnn.tensor([1.0, 2.0, 3.0]),
    "i": fastnn.tensor([0, 1, 2]),
    "b": fastnn.tensor([True, False, True]),
    "m": fastnn.ones(2, 3),
    "k": fastnn.ones(2, 2, 2),
    "s": fastnn.tensor(2.0),
    "four": fastnn.ones(1, 2, 2, 2),
}

BAGS = [
    (
        "F.embedding_bag(b, m, i)",
        TypeError,
        r"input: expected int64 categories, got bool.*\.long\(\)",
    ),
    ("F.embedding_bag(m.long(), m, i)", ValueError, r"offsets: expected None with input .*\(3,\)"),
    ("F.embedding_bag(k.long(), m)", ValueError, r"input: .* or \(n,\), got shape \(2, 2, 2\)"),
    ("F.embedding_bag(i, m, f)", ValueError, r"offsets: expected int64 .* got float32 of .*\(3,\)"),
    ("F.embedding_bag(i, m, m.long())", ValueError, r"offsets: .* got int64 of shape \(2, 3\)"),
    ("nn.EmbeddingBag.from_pretrained(f)", ValueError, r"\(categories, width\), got \(3,\)"),
    ("nn.Embedding.from_pretrained(k)", ValueError, r"\(rows, width\), got \(2, 2, 2\)"),
]

DEVICES = [
    (f"nn.{layer}, device='cuda')", RuntimeError, "device: .*'cpu'.* got 'cuda'")
    for layer in (
        "EmbeddingBag(3, 2",
        "Embedding(3, 2",
        "GroupNorm(1, 3",
        "LazyLinear(3",
        "LazyBatchNorm1d(1e-5",
        "Bilinear(1, 2, 3",
        "PReLU(1",
        "LayerNorm(3",
        "RMSNorm(3",
        "BatchNorm1d(3",
        "Linear(2, 2).to_empty(recurse=True",
    )
]

MODULES = [
    ("nn.Module().register_parameter(1, None)", TypeError, "name: expected text, got 1"),
    ("nn.Module().register_parameter('w', f)", TypeError, "w: expected a Parameter or None, got"),
    ("nn.Module().add_module('w', f)", TypeError, "w: expected a Module or None, got"),
    ("nn.ParameterList().extend(3)", TypeError, "values: expected parameters in a list, got 3"),
    ("nn.ParameterList().extend(f)", TypeError, "values: expected parameters in a list, got"),
    ("nn.LazyLinear(2)(s)", ValueError, r"input: expected at least one axis, got shape \(\)"),
    ("fastnn.compile(nn.LazyLinear(2))(m)", RuntimeError, "LazyLinear: expected a first call"),
    ("fastnn.compile(nn.LazyBatchNorm1d())(m)", RuntimeError, "expected a first call"),
    ("nn.InstanceNorm1d(3)(f)", ValueError, r"input: expected 2D or 3D input.* got shape \(3,\)"),
    ("nn.summary('net', (3,))", TypeError, "model: expected a Module, got 'net'"),
    ("skip_init(nn.ReLU(), 1)", RuntimeError, r"module_cls: expected a class .* got ReLU\(\)"),
    ("skip_init(dict)", RuntimeError, "module_cls: expected a class .* got <class 'dict'>"),
    ("fuse(nn.Linear(2, 3).eval(), nn.BatchNorm1d(3, track_running_stats=False).eval())",
     ValueError, "bn: expected running moments, got track_running_stats=False"),
    ("prune.ln_structured(nn.Linear(2, 2), 'bias', 1, 2, 0)", ValueError, "2 or more axes"),
    ("prune.global_unstructured([], prune.L1Unstructured)", ValueError, "parameters: .*none"),
]  # fmt: skip

FUNCTIONS = [
    ("F.bilinear(f, f, m)", ValueError, r"weight: expected shape \(out, in1, in2\), got \(2, 3\)"),
    ("F.channel_shuffle(fastnn.ones(1, 3, 2), 2)", ValueError, "groups: .* of 3 channels, got 2"),
    ("F.dropout1d(f)", ValueError, r"input: expected \(channels, length\) .* got shape \(3,\)"),
    ("nn.ReflectionPad1d(1)(four)", ValueError, r"input: .* got shape \(1, 2, 2, 2\)"),
    ("F.hardtanh(b)", TypeError, "input: expected numbers.*, got bool"),
    ("F.softplus(f, beta=0)", ValueError, "beta: expected a number other than 0, got 0"),
    ("F.gaussian_nll_loss(f, f, i)", TypeError, "var: expected floating-point numbers, got int64"),
    ("F.binary_cross_entropy(f / 3, f / 3, m)", ValueError, r"weight: .* broadcasts to \(3,\)"),
    ("F.nll_loss(m.long(), i[:2])", TypeError, "input: expected float32 or float64, got int64"),
    ("F.multi_margin_loss(k, i[:2])", ValueError, r"input: .* scores .* got shape \(2, 2, 2\)"),
    ("F.triplet_margin_with_distance_loss(m, m, f)", ValueError, r"as many axes.* and \(3,\)"),
    ("F.quantile_loss(m, m, (0.1, 0.5, 0.9))", ValueError, r"target: .*\(2,\), got \(2, 3\)"),
    ("F.quantile_loss(m, f[:2], (0.1, 0.5, 0.9), reduction='none', crossing=1.0)", ValueError,
     "crossing: expected 0 with reduction='none'"),
    ("F.focal_loss(f, i)", ValueError, r"input: expected logits .* got shape \(3,\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "said"), BAGS + DEVICES + MODULES + FUNCTIONS)
def test_what_is_refused(call: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        eval(call, NAMES.copy())


def test_a_method_of_pruning_of_no_known_type() -> None:
    class Odd(prune.BasePruningMethod):
        PRUNING_TYPE = "odd"

    with pytest.raises(ValueError, match=r"PRUNING_TYPE: expected 'unstructured', .* got 'odd'"):
        Odd().prune(fastnn.ones(3))
