"""The forms in which Keras (by tf2onnx), scikit-learn and hands write layers, as they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx.reference
import pytest
from test_from_onnx import B2, GEMM, W2, B, W, graph, kinds

from fastnn.io import from_onnx

H = "h = Gemm(x, w, b)\n"
MOMENTS = (
    "m = ReduceMean(h)\nd = Sub(h, m)\nq = Mul(d, d)\nv = ReduceMean(q)\na = Add(v, eps)\n"
    "r = Sqrt(a)\ni = Reciprocal(r)\nf = Mul(i, gamma)\n"
)
AXES: dict[str, Any] = {"m": {"axes": [-1]}, "v": {"axes": [1]}}
AFFINE = {"gamma": B + 2, "beta": 2 * B, "eps": 1e-3}
ONE = {"one": np.array([1])}

FORMS: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[str]]] = {
    "transB": ("y = Gemm(x, v, b)", {"v": W.T}, {"y": {"transB": 1}}, ["Linear"]),
    "alpha, beta": ("y = Gemm(x, w, b)", {}, {"y": {"alpha": 0.5, "beta": 2.0}}, ["Linear"]),
    "bias left": ("m = MatMul(x, w)\ny = Add(b, m)", {}, {}, ["Linear"]),
    "bias minus": ("m = MatMul(x, w)\ny = Sub(b, m)", {}, {}, ["Linear"]),
    "two adds": ("m = MatMul(x, w)\na = Add(m, b)\ny = Add(a, b)", {}, {}, ["Linear"]),
    "turned": ("t = Transpose(v)\nm = MatMul(x, t)\ny = Add(m, b)", {"v": W.T}, {}, ["Linear"]),
    "softmax": (
        H + "m = ReduceMax(h)\nd = Sub(h, m)\ne = Exp(d)\ns = ReduceSum(e, one)\ny = Div(e, s)",
        ONE,
        {"m": {"axes": [1]}},
        ["Linear", "Softmax"],
    ),
    "bare softmax": (
        H + "e = Exp(h)\ns = ReduceSum(e, one)\ny = Div(e, s)", ONE, {}, ["Linear", "Softmax"]
    ),
    "norm of Keras 3": (
        H + MOMENTS + "n = Neg(m)\np = Mul(n, f)\ng = Add(p, beta)\nk = Mul(h, f)\ny = Add(k, g)",
        AFFINE,
        AXES,
        ["Linear", "LayerNorm"],
    ),
    "norm of TensorFlow": (
        H + MOMENTS + "p = Mul(m, f)\ng = Sub(beta, p)\nk = Mul(h, f)\ny = Add(k, g)",
        AFFINE,
        AXES,
        ["Linear", "LayerNorm"],
    ),
    "mean square of Keras": (
        H + "q = Mul(h, h)\nm = ReduceMean(q)\na = Add(m, eps)\nr = Sqrt(a)\ni = Reciprocal(r)\n"
        "f = Mul(i, gamma)\ny = Mul(h, f)",
        AFFINE,
        {"m": {"axes": [-1]}},
        ["Linear", "RMSNorm"],
    ),
    "slopes of Keras": (
        H + "p = Relu(h)\nn = Neg(h)\nr = Relu(n)\nm = Mul(r, s)\ny = Add(p, m)",
        {"s": -B},
        {},
        ["Linear", "PReLU"],
    ),
    "hard sigmoid of Keras": (H + "y = HardSigmoid(h)", {}, {}, ["Linear", "Hardtanh"]),
    "hard sigmoid of torch": (
        H + "y = HardSigmoid(h)", {}, {"y": {"alpha": 1 / 6, "beta": 0.5}},
        ["Linear", "Hardsigmoid"],
    ),
    "bounds": (
        H + "m = Max(h, low)\ny = Min(high, m)",
        {"low": -0.25, "high": 1.5},
        {},
        ["Linear", "Hardtanh", "Hardtanh"],
    ),
    "no bound": (H + "y = Max(zero, h)", {"zero": 0.0}, {}, ["Linear", "ReLU"]),
    "scaled between": (
        H + "t = Tanh(h)\nm = Mul(t, two)\na = Add(m, two)\nn = MatMul(a, w2)\ny = Add(b2, n)",
        {"two": 2.0, "w2": W2, "b2": B2},
        {},
        ["Linear", "Tanh", "BatchNorm1d", "Linear"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    text, constants, options, layers = FORMS[name]
    model = graph(text, GEMM | constants, **options)
    x = np.random.default_rng(2).standard_normal((7, 4)).astype(np.float32)
    want = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
    net = from_onnx(model)
    assert kinds(net) == layers
    np.testing.assert_allclose(net.predict(x), want, rtol=1e-5, atol=1e-5)


def test_the_eps_is_seen() -> None:
    """A norm of large numbers hardly shows it; a smaller one among the constants is not taken."""
    net = from_onnx(
        graph(H + MOMENTS + "y = Mul(d, f)", GEMM | AFFINE | {"gamma": np.ones(5)}, **AXES)
    )
    assert net[1].eps == 1e-3 and kinds(net) == ["Linear", "LayerNorm"]
