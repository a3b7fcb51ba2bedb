"""The forms in which Keras (by tf2onnx), scikit-learn and hands write layers, as they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx.reference
import pytest
from test_from_onnx import B2, GEMM, W2, B, W, graph, kinds

from fastnn.io import FormatError, from_onnx

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
    "no bias by an empty name": ("y = Gemm(x, w, )", {}, {}, ["Linear"]),
    "divided": (H + "y = Div(h, f)", {"f": B + 4}, {}, ["Linear"]),
    "cut at zero": (H + "y = Clip(h, zero)", {"zero": 0.0}, {}, ["Linear", "ReLU"]),
    "a bound far away": (H + "y = Max(h, low)", {"low": -np.inf}, {}, ["Linear"]),
    "two bounds": (
        H + "y = Max(h, one, zero)", {"one": 1.0, "zero": 0.0}, {}, ["Linear", "Threshold"],
    ),
    "a mask that none reads": ("c,  = Dropout(w)\ny = MatMul(x, c)", {}, {}, ["Linear"]),
    "nothing": ("y = Identity(x)", {}, {}, []),
    "mean square, then its weights": (
        H + "q = Mul(h, h)\nm = ReduceMean(q)\na = Add(m, eps)\nr = Sqrt(a)\nn = Div(h, r)\n"
        "y = Mul(n, gamma)",
        AFFINE,
        {"m": {"axes": [-1]}},
        ["Linear", "RMSNorm"],
    ),
    "norm with a number below zero": (
        H + MOMENTS + "n = Mul(m, minus)\np = Mul(n, f)\ng = Add(p, beta)\nk = Mul(h, f)\n"
        "y = Add(k, g)",
        AFFINE | {"minus": -1.0},
        AXES,
        ["Linear", "LayerNorm"],
    ),
    "norm of two groups": (
        "h = MatMul(x, w6)\nr = Reshape(h, two)\nn = InstanceNormalization(r, ones, zeros)\n"
        "y = Reshape(n, wide)",
        {"w6": np.hstack([W, W[:, :1] ** 2]), "two": [0, 2, -1], "wide": [-1, 6],
         "ones": np.ones(2), "zeros": np.zeros(2)},
        {"n": {"epsilon": 1e-3}},
        ["Linear", "GroupNorm"],
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


NORM = {"f": B + 3, "g": B, "m": B / 2, "v": B**2 + 1}
WIDTHS: dict[str, tuple[str, list[str]]] = {
    "factors": ("y = Mul(x, f)", ["BatchNorm1d"]),
    "a batch norm": ("y = BatchNormalization(x, f, g, m, v)", ["BatchNorm1d"]),
    "a norm of rows": ("y = LayerNormalization(x, f)", ["LayerNorm"]),
    "a product behind a ReLU": ("r = Relu(x)\ny = MatMul(r, w2)", ["ReLU", "Linear"]),
    "nothing": ("y = Relu(x)", []),
}


@pytest.mark.parametrize("name", WIDTHS)
def test_a_layer_says_how_many_columns_the_rows_have(name: str) -> None:
    """In a file that leaves it open, as Keras writes it."""
    text, layers = WIDTHS[name]
    model = graph(text, NORM | {"w2": W2}, columns=None, opset=17)
    if not layers:
        with pytest.raises(FormatError, match="nothing says how many columns its rows have"):
            from_onnx(model)
        return
    net = from_onnx(model)
    assert kinds(net) == layers
    x = np.random.default_rng(2).standard_normal((7, 5)).astype(np.float32)
    want = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
    np.testing.assert_allclose(net.predict(x), want, rtol=1e-5, atol=1e-5)


ONE_COLUMN = "m = MatMul(x, w1)\n"
BOTH = "q = Sub(one, p)\ny = Concat(q, p)"
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a product of two results": (H + "y = Gemm(w, h, b)", {}, "the rows times a constant matrix"),
    "a turned input": ("y = Gemm(x, w, b)", {"transA": 1}, "the rows times a constant matrix"),
    "no constant": (H + "y = Add(h, h)", {}, "computes none of fastnn's layers"),
    "a bound for each column": (H + "y = Max(h, b)", {}, "computes none"),
    "no bound at all": (H + "y = Min(h, low)", {}, "computes none"),
    "a shrink that jumps": (H + "y = Shrink(h)", {"bias": 0.3}, "expected bias=0 or bias=lambd"),
    "moments of the rows": (
        H + "y = BatchNormalization(h, f, g, m, v)", {"training_mode": 1}, "is in training mode",
    ),
    "a norm of columns": (
        H + "y = LayerNormalization(h, f, g)", {"axis": 0}, "expected to normalize the columns",
    ),
    "a regressor's link": (
        "y = LinearRegressor(x)",
        {"coefficients": [1.0] * 4, "post_transform": "SOFTMAX"},
        "expected no post_transform",
    ),
    "a classifier's link": (
        "l, y = LinearClassifier(x)",
        {"coefficients": [1.0] * 8, "intercepts": [0.0] * 2, "classlabels_ints": [0, 1],
         "post_transform": "PROBIT"},
        "and NONE, SOFTMAX or LOGISTIC",
    ),
    "a square of a product": (H + "y = Pow(h, two)", {}, "computes none"),
    "a logarithm of a product": (H + "y = Log(h)", {}, "computes none"),
    "two classes of five": (H + "p = Sigmoid(h)\n" + BOTH, {"axis": 1}, "it makes shape"),
    "two classes of no sigmoid": (ONE_COLUMN + "p = Tanh(m)\n" + BOTH, {"axis": 1}, "it makes"),
    "a product of a flat result": (
        ONE_COLUMN + "s = Squeeze(m, axis)\ny = MatMul(s, w)", {}, "is not sound|other outputs",
    ),
    "labels alone": (H + "y = ArgMax(h)", {"axis": 1}, "none of the outputs y is the numbers"),
    "a division by zero": (H + "y = Div(h, zero)", {}, "other outputs than the graph"),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", REFUSED)
def test_what_looks_like_a_layer(name: str) -> None:
    text, options, says = REFUSED[name]
    more = {"one": 1.0, "zero": 0.0, "two": 2.0, "low": -np.inf, "w1": W[:, :1],
            "axis": np.array([1])}  # fmt: skip
    model = graph(text, GEMM | NORM | more, opset=17, **{"y": options, "l, y": options})
    with pytest.raises(FormatError, match=says):
        from_onnx(model)


def test_two_inputs() -> None:
    model = graph("y = Add(x, z)", {})
    model.graph.input.append(onnx.helper.make_tensor_value_info("z", 1, ["n", 4]))
    with pytest.raises(FormatError, match="expected one input, the rows, got 2: x, z"):
        from_onnx(model)


def test_a_sparse_matrix_in_another_file() -> None:
    values = onnx.numpy_helper.from_array(np.ones(2, "f"), "w")
    indices = onnx.numpy_helper.from_array(np.array([0, 5]), "where")
    indices.data_location = onnx.TensorProto.EXTERNAL
    model = graph("y = MatMul(x, w)", {})
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, indices, [4, 2]))
    with pytest.raises(FormatError, match="'where' lies in another file, which is not read"):
        from_onnx(model)
