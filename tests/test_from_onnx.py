"""Dense nets from ONNX files, as torch.onnx, skl2onnx and tf2onnx write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import fastnn
from fastnn import nn
from fastnn.io import FormatError, from_onnx

RNG = np.random.default_rng(0)
S = nn.Sequential


def graph(
    text: str,
    constants: dict[str, Any],
    outputs: str = "y",
    columns: int | None = 4,
    opset: int = 13,
    **attributes: dict[str, Any],
) -> onnx.ModelProto:
    """A model of lines such as "h = Gemm(x, w, b)"; attributes by the name of the output."""
    nodes = []
    for line in text.strip().splitlines():
        left, _, right = line.strip().partition(" = ")
        kind, _, names = right.removesuffix(")").partition("(")
        domain = "ai.onnx.ml" if kind in ML else ""
        given = [name.strip() for name in names.split(",")]
        options = attributes.get(left.replace(".", "_"), {})
        nodes.append(helper.make_node(kind, given, left.split(", "), domain=domain, **options))
    info = helper.make_tensor_value_info
    arrays = {k: np.asarray(v, None if np.ndim(v) else np.float32) for k, v in constants.items()}
    arrays = {k: v.astype(np.float32) if v.dtype == float else v for k, v in arrays.items()}
    made = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, ["n", columns])],
        [info(name, TensorProto.FLOAT, ["n", "m"]) for name in outputs.split()],
        [numpy_helper.from_array(v, k) for k, v in arrays.items()],
    )
    ids = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(made, opset_imports=ids)


ML = ("Scaler", "ZipMap", "ArrayFeatureExtractor", "LinearRegressor", "LinearClassifier",
      "Normalizer")  # fmt: skip
W, B = RNG.standard_normal((4, 5)), RNG.standard_normal(5)
W2, B2 = RNG.standard_normal((5, 3)), RNG.standard_normal(3)
BASE = "h = Gemm(x, w, b)\n"
GEMM = {"w": W, "b": B}


def kinds(net: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in net]


# How torch.onnx writes functions that opset 13 has no operator for.
FUNCTIONS: dict[str, tuple[str, dict[str, Any], nn.Module]] = {
    "gelu": (
        "a = Div(h, r)\ne = Erf(a)\no = Add(e, one)\nm = Mul(h, o)\ny = Mul(m, half)",
        {"r": 2**0.5, "one": 1.0, "half": 0.5},
        nn.GELU(),
    ),
    "silu": ("s = Sigmoid(h)\ny = Mul(h, s)", {}, nn.SiLU()),
    "mish": ("s = Softplus(h)\nt = Tanh(s)\ny = Mul(h, t)", {}, nn.Mish()),
    "hardswish": ("s = HardSigmoid(h)\ny = Mul(h, s)", {}, nn.Hardswish()),
    "softsign": ("a = Abs(h)\no = Add(a, one)\ny = Div(h, o)", {"one": 1.0}, nn.Softsign()),
    "logsigmoid": ("s = Sigmoid(h)\ny = Log(s)", {}, nn.LogSigmoid()),
    "tanhshrink": ("t = Tanh(h)\ny = Sub(h, t)", {}, nn.Tanhshrink()),
    "softshrink": (
        "p = Greater(h, c)\nd = Sub(h, c)\na = Where(p, d, z)\nq = Less(h, m)\ne = Add(h, c)\n"
        "f = Where(q, e, z)\ny = Add(a, f)",
        {"c": 0.4, "m": -0.4, "z": 0.0},
        nn.Softshrink(0.4),
    ),
    "threshold": (
        "p = Greater(h, c)\ny = Where(p, h, v)",
        {"c": 0.3, "v": -2.0},
        nn.Threshold(0.3, -2.0),
    ),
    "layer norm": (
        "m = ReduceMean(h)\nd = Sub(h, m)\nq = Pow(d, two)\nv = ReduceMean(q)\na = Add(v, eps)\n"
        "s = Sqrt(a)\nn = Div(d, s)\nf = Mul(n, w2)\ny = Add(f, b2)",
        {"two": 2.0, "eps": 1e-3, "w2": B, "b2": 2 * B},
        nn.LayerNorm(5, 1e-3),
    ),
    "clip": ("y = Clip(h, low, high)", {"low": 0.0, "high": 6.0}, nn.ReLU6()),
    "hardtanh": ("y = Clip(h, low, high)", {"low": -0.5, "high": 0.25}, nn.Hardtanh(-0.5, 0.25)),
    "shrink": ("y = Shrink(h)", {}, nn.Softshrink(0.25)),
    "hard shrink": ("y = Shrink(h)", {}, nn.Hardshrink(0.75)),
    "group norm": (
        "r = Reshape(h, blocks)\nn = InstanceNormalization(r, one2, zero2)\ny = Reshape(n, wide)",
        {"blocks": [0, 1, -1], "one2": [1.0], "zero2": [0.0], "wide": [-1, 5]},
        nn.LayerNorm(5, 1e-3, elementwise_affine=False),
    ),
    "softplus": (
        "m = Mul(h, beta)\ns = Softplus(m)\nd = Div(s, beta)\ng = Greater(m, limit)\n"
        "y = Where(g, h, d)",
        {"beta": 2.0, "limit": 5.0},
        nn.Softplus(2.0, 5.0),
    ),
    "square": ("r = Relu(h)\ny = Pow(r, two)", {"two": 2.0}, nn.SquaredReLU()),
    "identity": ("i = Identity(h)\nd = Dropout(i)\nc = Cast(d)\ny = Relu(c)", {}, nn.ReLU()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_several_operators(name: str) -> None:
    text, constants, layer = FUNCTIONS[name]
    axes = {"axes": [-1]}
    half = {"alpha": 1 / 6, "beta": 0.5}
    options = {"m": axes, "v": axes} if name == "layer norm" else {}
    options |= {"y": {"lambd": 0.25, "bias": 0.25}} if name == "shrink" else {}
    options |= {"y": {"lambd": 0.75}} if name == "hard shrink" else {}
    options |= {"s": half} if name == "hardswish" else {}
    options |= {"n": {"epsilon": 1e-3}} if name == "group norm" else {}
    options |= {"c": {"to": TensorProto.FLOAT}} if name == "identity" else {}
    net = from_onnx(graph(BASE + text, GEMM | constants, **options))
    assert kinds(net) == ["Linear", type(layer).__name__]
    assert [repr(net[1])] == [repr(layer)] or name == "layer norm"
    if name == "layer norm":
        np.testing.assert_allclose(net[1].bias.detach().numpy(), 2 * B, rtol=1e-6)


def test_layers_that_change_the_shape() -> None:
    """The gate, and the last axis of one number gone, as `squeeze(-1)` of torch."""
    text = "a, b2 = Split(h, sizes)\ns = Sigmoid(b2)\nh2 = Mul(a, s)\ny = Squeeze(h2, axis)"
    wide = {"w": W[:, :2], "b": B[:2], "sizes": np.array([1, 1]), "axis": np.array([1])}
    net = from_onnx(graph(BASE + text, wide, **{"a, b2": {"axis": 1}}))
    assert kinds(net) == ["Linear", "GLU", "Flatten"]
    x = RNG.standard_normal((6, 4)).astype(np.float32)
    z = x @ W[:, :2] + B[:2]
    np.testing.assert_allclose(net.predict(x), z[:, 0] / (1 + np.exp(-z[:, 1])), atol=1e-6)


LINEAR: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "regressor": ("LinearRegressor", {"targets": 5}, ["Linear"]),
    "softmax": ("LinearClassifier", {"post_transform": "SOFTMAX"}, ["Linear", "Softmax"]),
    "logistic": ("LinearClassifier", {"post_transform": "LOGISTIC"}, ["Linear", "Sigmoid"]),
    "none": ("LinearClassifier", {}, ["Linear"]),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_of_skl2onnx(name: str) -> None:
    kind, options, layers = LINEAR[name]
    given = options | {"coefficients": W.T.ravel().tolist(), "intercepts": B.tolist()}
    text = f"s = {kind}(x)"
    if kind == "LinearClassifier":
        text = "label, s = LinearClassifier(x)"
        given |= {"classlabels_ints": [0, 1, 2, 3, 4]}
    text += "\ny = Normalizer(s)" if name == "softmax" else "\ny = Identity(s)"
    outputs = "label y" if kind == "LinearClassifier" else "y"
    norms = {"y": {"norm": "L1"}} if name == "softmax" else {}
    net = from_onnx(graph(text, {}, outputs, **({"label, s": given, "s": given} | norms)))
    assert kinds(net) == layers
    np.testing.assert_allclose(net[0].weight.detach().numpy(), W.T, rtol=1e-6)


def test_what_skl2onnx_writes() -> None:
    """A pipeline with scaling, and the classifier of two classes, whose labels are left out."""
    text = """
    v = Scaler(x)
    c = Cast(v)
    m = MatMul(c, w)
    a = Add(m, b)
    t = Tanh(a)
    n = MatMul(t, w2)
    d = Add(n, b2)
    p = Sigmoid(d)
    q = Sub(one, p)
    both = Concat(q, p)
    best = ArgMax(both)
    proba = ZipMap(both)
    label = ArrayFeatureExtractor(classes, best)
    """
    constants = {"w": W, "b": B, "w2": W2[:, :1], "b2": B2[:1], "classes": np.array([3, 4])}
    model = graph(
        text,
        constants | {"one": 1.0},
        "label proba",
        v={"offset": [1.0, 2.0, 3.0, 4.0], "scale": [0.5, 1.0, 2.0, 3.0]},
        c={"to": TensorProto.FLOAT},
        both={"axis": 1},
        best={"axis": 1},
        proba={"classlabels_int64s": [3, 4]},
    )
    net = from_onnx(model)
    assert kinds(net) == ["BatchNorm1d", "Linear", "Tanh", "Linear", "Softmax"]
    x = RNG.standard_normal((6, 4))
    z = np.tanh((x - [1, 2, 3, 4]) * [0.5, 1, 2, 3] @ W + B) @ W2[:, 0] + B2[0]
    p = 1 / (1 + np.exp(-z))
    got = net.predict(x.astype(np.float32))
    np.testing.assert_allclose(got, np.stack([1 - p, p], 1), atol=1e-6)


def test_what_tf2onnx_writes() -> None:
    """Dense layers of Keras, with a batch normalization as factors and shifts."""
    text = """
    dense/MatMul:0 = MatMul(x, w)
    dense/BiasAdd:0 = Add(dense/MatMul:0, b)
    dense/Relu:0 = Relu(dense/BiasAdd:0)
    bn/mul:0 = Mul(dense/Relu:0, f)
    bn/add:0 = Add(bn/mul:0, g)
    out/MatMul:0 = MatMul(bn/add:0, w2)
    out/BiasAdd:0 = Add(out/MatMul:0, b2)
    y = Softmax(out/BiasAdd:0)
    """
    constants = {"w": W, "b": B, "w2": W2, "b2": B2, "f": B + 3, "g": 2 * B}
    net = from_onnx(graph(text, constants, columns=None))
    assert kinds(net) == ["Linear", "ReLU", "BatchNorm1d", "Linear", "Softmax"]
    x = RNG.standard_normal((6, 4))
    z = (np.maximum(x @ W + B, 0) * (B + 3) + 2 * B) @ W2 + B2
    e = np.exp(z - z.max(1, keepdims=True))
    got = net.predict(x.astype(np.float32))
    np.testing.assert_allclose(got, e / e.sum(1, keepdims=True), atol=1e-6)


def test_batch_normalization_of_old_opsets() -> None:
    """By the kept moments, which onnx.reference does not do before opset 14."""
    moments = {"w3": B + 3, "b3": B, "m": B / 2, "v": B**2 + 1}
    text = BASE + "y = BatchNormalization(h, w3, b3, m, v)"
    net = from_onnx(graph(text, GEMM | moments, opset=9, y={"epsilon": 1e-3, "momentum": 0.9}))
    x = RNG.standard_normal((6, 4))
    want = (x @ W + B - B / 2) / np.sqrt(B**2 + 1.001) * (B + 3) + B
    np.testing.assert_allclose(net.predict(x.astype(np.float32)), want, rtol=1e-4, atol=1e-5)
    assert kinds(net) == ["Linear", "BatchNorm1d"]


OURS = {
    "plain": S(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.LogSoftmax(1)),
    "norms": S(nn.BatchNorm1d(4), nn.Linear(4, 8, bias=False), nn.LayerNorm(8), nn.PReLU(8)),
    "bends": S(nn.Linear(4, 6), nn.ELU(0.5), nn.SELU(), nn.LeakyReLU(0.2), nn.CELU(2.0)),
    "double": S(nn.Linear(4, 3), nn.Tanh()).double(),
}


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("name", OURS)
def test_ours_come_back(name: str, opset: int, tmp_path: Path) -> None:
    fastnn.manual_seed(0)
    net = OURS[name].eval()
    net.export(tmp_path / "net.onnx", opset=opset)
    again = from_onnx(tmp_path / "net.onnx")
    real = np.float64 if name == "double" else np.float32
    x = RNG.standard_normal((20, 4)).astype(real)
    got = again.predict(x)
    assert got.dtype == real
    np.testing.assert_allclose(got, net.predict(x), rtol=1e-5, atol=1e-6)


def test_bytes_and_trained_on(tmp_path: Path) -> None:
    """What was read is a net as any other: it trains, and is saved."""
    found = from_onnx(graph(BASE + "y = Relu(h)", GEMM).SerializeToString())
    found.save(tmp_path / "net.safetensors")
    assert kinds(fastnn.load(tmp_path / "net.safetensors")) == ["Linear", "ReLU"]
    assert not found.training and all(p.requires_grad for p in found.parameters())


def test_a_chosen_output() -> None:
    model = graph(BASE + "a = Relu(h)\nb2 = Tanh(a)", GEMM, "a b2")
    assert kinds(from_onnx(model)) == ["Linear", "ReLU"]
    assert kinds(from_onnx(model, output="b2")) == ["Linear", "ReLU", "Tanh"]
    with pytest.raises(FormatError, match="output 'c' is none of a, b2"):
        from_onnx(model, output="c")


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown": ("y = Sin(h)", {}, r"node 'y' \(Sin\): computes none of fastnn's layers"),
    "skip": ("r = Relu(h)\ny = Add(h, r)", {}, "computes none"),
    "shape": ("y = Transpose(h)", {}, r"node 'y' \(Transpose\): it makes shape"),
    "two": ("y = Mul(h, c)", {"c": np.ones((2, 5))}, "expected a number for each column"),
    "widths": ("y = MatMul(h, w)", {}, "takes rows of 4 numbers, but gets 5"),
    "matrix": ("y = MatMul(w, h)", {}, "expected the rows times a constant matrix"),
    "axis": ("y = Softmax(h)", {}, "expected the softmax of each row"),
    "indices": ("y = Gather(w, x)", {}, "'x' are indices of an embedding"),
    "over": ("y = Div(c, h)", {"c": 1.0}, "is no layer"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_dense_net(name: str) -> None:
    text, constants, problem = BAD[name]
    options = {"y": {"axis": 0}} if name == "axis" else {}
    with pytest.raises(FormatError, match=problem):
        from_onnx(graph(BASE + text, GEMM | constants, **options))


def test_no_onnx_file(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"text")
    with pytest.raises(FormatError, match="no ONNX file"):
        from_onnx(tmp_path / "net.onnx")
    with pytest.raises(FileNotFoundError):
        from_onnx(tmp_path / "none.onnx")
    with pytest.raises(FormatError, match="nothing says how many columns"):
        from_onnx(graph("y = Sin(x)", {}, columns=None))


def external(kind: str) -> Any:
    """A model that names a file: as an initializer, in a Constant, in a graph within a node."""
    w = numpy_helper.from_array(np.ones((3, 2), "f"), "w")
    w.ClearField("raw_data")
    w.data_location = TensorProto.EXTERNAL
    entry = w.external_data.add()
    entry.key, entry.value = "location", "other.bin"
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    if kind != "initializer":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=w))
    held = [w] if kind == "initializer" else []
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    if kind == "inner graph":
        inner = helper.make_graph(nodes, "inner", [], [y])
        yes = numpy_helper.from_array(np.array(True), "yes")
        nodes, held = (
            [helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=inner)],
            [yes],
        )
    graph = helper.make_graph(nodes, "g", [x], [y], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


@pytest.mark.parametrize("kind", ["initializer", "constant", "inner graph"])
def test_no_other_file_is_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file from elsewhere could name any file here."""
    monkeypatch.chdir(tmp_path)
    Path("other.bin").write_bytes(np.ones((3, 2), "f").tobytes())
    model = external(kind)
    Path("m.onnx").write_bytes(model.SerializeToString())
    for file in ("m.onnx", model.SerializeToString(), model):
        with pytest.raises(FormatError, match="'w' lies in another file, which is not read"):
            from_onnx(file)


def test_another_result_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnn.io import onnx_operators

    monkeypatch.setitem(onnx_operators.PLAIN, "Relu", lambda options: nn.ReLU6())
    with pytest.raises(FormatError, match="other outputs than the graph"):
        from_onnx(graph("h = Gemm(x, w, b)\ny = Relu(h)", {"w": 30 * W, "b": B}))
