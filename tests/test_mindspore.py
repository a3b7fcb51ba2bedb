"""`fastnn.mindspore` has MindSpore's meaning: tables of expressions, eagerly and as programs."""

from __future__ import annotations

import ast
import copy
import pickle
from typing import Any

import numpy as np
import pytest
from cases import mindspore as cases, mindspore_steps as steps
from cases.mindspore_nn import TABLES

import fastnn
from fastnn import mindspore
from fastnn.mindspore import Parameter, Tensor, nn, ops

NAMES = cases.environment("fastnn.mindspore")
EXPRESSIONS = [
    pytest.param(text, want, id=f"{kind}-{text}")
    for kind, table in TABLES.items()
    for text, want in table.items()
]


def tensors_of(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [t for part in value for t in tensors_of(part)]
    return [value] if isinstance(value, fastnn.Tensor) else []


@pytest.mark.parametrize("text, want", EXPRESSIONS)
def test_an_expression(text: str, want: str) -> None:
    got = eval(text, dict(NAMES))
    assert cases.differences(cases.plain(got), cases.expected(want)) == ""
    assert all(isinstance(t, Tensor) for t in tensors_of(got))


# What reads values, draws numbers, or has no tensor to return.
EAGER = (
    "asnumpy item unique itemset x[x rand normal uniform clip_by_norm nn. mindspore.j mindspore.v"
)
RECORDED = {
    text: sorted(
        {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)} & set(cases.ARRAYS)
    )
    for kind in ("tensors", "reductions", "shapes", "elements", "numpy", "activations", "losses")
    for text in TABLES[kind]
    if not any(word in text for word in EAGER.split()) or kind in ("activations", "losses")
}


@pytest.mark.every(5)
@pytest.mark.parametrize("text", [text for text, names in RECORDED.items() if names])
def test_a_program_has_the_bits_of_eager(text: str) -> None:
    names = RECORDED[text]
    function = eval(f"lambda {', '.join(names)}: ({text},)", dict(NAMES))
    given = [NAMES[name] for name in names]
    if not tensors_of(function(*given)):
        return
    program = mindspore.jit(function)
    runs = [program(*given) for _ in range(3)]
    want = [t.asnumpy() for t in tensors_of(function(*given))]
    for run in runs:
        found = tensors_of(run)
        assert all(isinstance(t, Tensor) for t in found) and len(found) == len(want)
        for got, right in zip(found, want, strict=True):
            assert got.dtype == right.dtype
            np.testing.assert_array_equal(got.asnumpy(), right)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("text", steps.OPTIMIZERS)
def test_an_optimizer(text: str, compiled: bool) -> None:
    w = Parameter(Tensor(steps.START.astype(np.float32)), name="w")
    optimizer = eval(text, {**NAMES, "w": w})
    step = mindspore.jit(lambda g: optimizer((g,))) if compiled else lambda g: optimizer((g,))
    for t, right in enumerate(steps.expected(steps.OPTIMIZERS[text]), 1):
        step(Tensor((steps.GRADIENT * t).astype(np.float32)))
        assert cases.differences(w.asnumpy(), right, 1e-4) == ""
    assert optimizer.parameters == (w,)


SMOOTH = [  # but PReLU, whose weight is float32
    text for k in ("activations", "losses") for text in TABLES[k] if "PReLU" not in text
]


@pytest.mark.parametrize("text", SMOOTH)
def test_a_gradient(text: str) -> None:
    """Along a direction, against central differences in float64."""
    doubles = {n: Tensor(a) for n, a in cases.ARRAYS.items() if a.dtype.kind == "f"}
    name = next(n for n in ("x", "p", "v") if n in RECORDED[text])
    function = eval(f"lambda {name}: {text}", {**NAMES, **doubles})
    total = lambda a: sum((t * t).sum() for t in tensors_of([function(a)]))  # noqa: E731
    at = 1.03 * doubles[name].asnumpy()  # away from kinks
    along = np.cos(np.arange(at.size)).reshape(at.shape)
    gradient = mindspore.grad(total)(Tensor(at))
    assert type(gradient) is Tensor
    step = 1e-5
    ends = [float(total(Tensor(at + sign * step * along))) for sign in (1, -1)]
    want = (ends[0] - ends[1]) / (2 * step)
    assert float((gradient * Tensor(along)).sum()) == pytest.approx(want, rel=2e-5, abs=1e-7)


# ---- tensors and parameters ----


def test_results_are_of_its_class() -> None:
    """Whatever makes them: operators, methods, changes in place, layers of fastnn itself."""
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    made = [x + 1, 1 - x, -x, x @ x, x > 1, x[0], x.T, x.exp(), x.reshape(-1), x.detach(), abs(x)]
    made += [*x.max(1), *x.split(1), *x, copy.copy(x), copy.deepcopy(x), x.value(), x.float()]
    made += [pickle.loads(pickle.dumps(x)), fastnn.nn.Linear(2, 2)(x) + x]
    assert {type(t) for t in made} == {Tensor}
    x += 1
    x[0] = 7
    assert type(x) is Tensor and x.tolist() == [[7, 7], [4, 5]]
    plain = fastnn.tensor([1.0, 3.0])
    assert type(plain + 1) is fastnn.Tensor and plain.std().item() == pytest.approx(2**0.5)


def test_texts() -> None:
    assert repr(Tensor([1, 0])) == "Tensor(shape=[2], dtype=Int64, value= [1, 0])"
    assert repr(Tensor(2.5)) == "Tensor(shape=[], dtype=Float32, value= 2.5)"
    assert str(Tensor([[1.0], [2.0]])) == "[[1.]\n [2.]]" and f"{Tensor(2.0):.1f}" == "2.0"
    w = Parameter(2.0, name="w")
    assert repr(w) == "Parameter (name=w, shape=(), dtype=Float32, requires_grad=True)"


def test_parameters() -> None:
    w = Parameter(np.ones((2, 3), np.float32), "w", False)
    assert w.name == "w" and not w.requires_grad and isinstance(w, fastnn.nn.Parameter)
    assert not Parameter([1, 2]).requires_grad and Parameter([1, 2]).dtype == np.int64
    w.set_data(Tensor(np.full((2, 3), 5.0, np.float32)))
    assert w.asnumpy().min() == 5 and type(w.value()) is Tensor
    assert type(pickle.loads(pickle.dumps(w))) is Parameter and type(copy.deepcopy(w)) is Parameter
    assert w.clone().name == "w" and (w.clone("zeros").asnumpy() == 0).all()
    ops.assign(w, Tensor(np.zeros((2, 3), np.float32)))
    assert (ops.assign_add(w, 2.0) is w) and w.asnumpy().max() == 2
    started = Tensor(shape=(2, 2), dtype=mindspore.float32, init=mindspore.common.initializer.One())
    assert started.init_data().tolist() == [[1, 1], [1, 1]]


REFUSED = {
    "text": (lambda: Tensor(["a"]), TypeError, "input_data: expected numbers"),
    "nothing": (lambda: Tensor(), TypeError, "input_data"),
    "device": (lambda: Tensor([1], device="Ascend"), ValueError, "device: expected 'CPU'"),
    "axes": (lambda: Tensor([[1.0]]).transpose(0), ValueError, "transpose: expected the 2 axes"),
    "initializer": (lambda: nn.Dense(2, 1, "nothing"), ValueError, "weight_init: expected one of"),
    "shape": (lambda: nn.Dense(2, 1, Tensor([1.0])), ValueError, "weight_init"),
    "activation": (lambda: nn.Dense(2, 1, activation="x"), ValueError, "activation"),
    "target": (lambda: nn.SoftmaxCrossEntropyWithLogits()(
        Tensor([[1.0, 2.0]]), Tensor([[1.0]])), ValueError, "labels: expected"),
    "sparse": (lambda: nn.SoftmaxCrossEntropyWithLogits(True)(
        Tensor([[1.0, 2.0]]), Tensor([1.0])), TypeError, "labels: expected classes"),
    "reduction": (lambda: nn.MSELoss("all"), ValueError, "reduction"),
    "loss_scale": (lambda: nn.SGD([Parameter(1.0)], loss_scale=0), ValueError, "loss_scale"),
    "group": (lambda: nn.SGD([{"params": [Parameter(1.0)], "rate": 1}]), ValueError, "key"),
    "rates": (lambda: nn.SGD([Parameter(1.0)], []), ValueError, "learning_rate: expected a rate"),
    "update_slots": (lambda: nn.Adagrad([Parameter(1.0)], update_slots=False), ValueError, "slots"),
    "sens": (lambda: nn.TrainOneStepCell(nn.ReLU(), nn.SGD([Parameter(1.0)]), 0), ValueError,
             "sens"),
    "primitive": (lambda: ops.MatMul(transpose=True), TypeError, "MatMul"),
    "metric": (lambda: nn.get_metric_fn("speed"), KeyError, "name: expected one of"),
    "metric before": (lambda: nn.Accuracy().eval(), RuntimeError, "Accuracy: expected update"),
    "export": (lambda: mindspore.export(nn.ReLU(), Tensor(1.0), file_name="n", file_format="ONNX"),
               NotImplementedError, "'ONNX' is not offered.*save_checkpoint"),
    "batch_dims": (lambda: ops.gather(Tensor([1.0]), Tensor([0]), 0, 1), ValueError, "batch_dims"),
    "context": (lambda: mindspore.get_context("nothing"), ValueError, "attr_key"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


@pytest.mark.parametrize("module", [mindspore, nn, ops, mindspore.train, mindspore.dataset,
                                    mindspore.numpy, mindspore.common], ids=str)  # fmt: skip
def test_all_is_there_and_described(module: Any) -> None:
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        value = getattr(module, name)
        assert not callable(value) or value.__doc__ or name == "bool_", name
    with pytest.raises(AttributeError, match="nothing"):
        module.nothing


def test_modules_by_its_paths() -> None:
    """As older scripts import them."""
    from fastnn.mindspore import context
    from fastnn.mindspore.common import dtype as mstype
    from fastnn.mindspore.common.initializer import Normal
    from fastnn.mindspore.ops import composite as C, functional as F, operations as P
    from fastnn.mindspore.train.callback import LossMonitor
    from fastnn.mindspore.train.serialization import load_checkpoint

    context.set_context(mode=context.GRAPH_MODE, device_target="CPU")
    assert mindspore.get_context("mode") == context.GRAPH_MODE
    x = Tensor([[1.0, 2.0]], mstype.float32)
    assert P.MatMul(transpose_b=True)(x, x).tolist() == [[5]] == F.matmul(x, x.T).tolist()
    assert C.GradOperation()(lambda a: a * a)(x).tolist() == [[2, 4]] and F.equal is ops.equal
    assert load_checkpoint is mindspore.load_checkpoint and LossMonitor and Normal
    assert mindspore.ms_function is mindspore.jit and mindspore.mutable((x,)) == (x,)


def test_what_stands_at_the_top_of_fastnn_is_as_it_was() -> None:
    """`import fastnn as mindspore` keeps its names, on fastnn's tensors with torch's methods."""
    old = fastnn
    x = old.Tensor([1.0, 3.0])
    assert type(old.grad(lambda a: a.std())(x)) is fastnn.Tensor
    assert old.value_and_grad(lambda a: (a * a).sum())(x)[1].tolist() == [2, 6]
    assert old.nn.Cell is not nn.Cell and issubclass(nn.Cell, old.nn.Cell)
    assert old.ops.reduce_mean(x).item() == 2 and not old.ops.equal(x, x + 1)
    assert x.std().item() == pytest.approx(2**0.5) and old.Parameter is fastnn.nn.Parameter
    assert old.nn.LeakyReLU().negative_slope == 0.01 and old.nn.LayerNorm(2).eps == 1e-5


def test_programs_keep_what_methods_mean() -> None:
    """fastnn.compile refuses MindSpore's tensors, whose methods it would take for torch's; what it
    returns of others is fastnn's at every call."""
    x = Tensor([1.0, 3.0])
    with pytest.raises(
        TypeError, match=r"a tensor of fastnn\.mindspore\S*; use fastnn\.mindspore\.jit"
    ):
        fastnn.compile(lambda a: a.std())(x)
    weight = Parameter([2.0, 4.0], name="w")
    inside = fastnn.compile(lambda a: (weight * a).detach())
    given = fastnn.tensor([1.0, 1.0])
    assert [type(inside(given)) for _ in range(3)] == [fastnn.Tensor] * 3
    assert [mindspore.jit(lambda a: a.std())(x).item() for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("name", ["Mish", "Add", "ReduceSum"])
def test_a_primitive_is_of_its_module(name: str) -> None:
    kind = getattr(ops, name)
    assert kind.__module__ == "fastnn.mindspore.ops"
    assert type(pickle.loads(pickle.dumps(kind()))) is kind
