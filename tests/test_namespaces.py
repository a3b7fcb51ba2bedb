"""The names that torch and MindSpore scripts import."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

import fastnn
from fastnn import Parameter, ParameterTuple, Tensor, nn, ops, optim
from fastnn.nn import functional as F
from fastnn.tensor import of_array

# ---- what there is ----


def test_all_is_what_is_there() -> None:
    public = {
        name
        for name, value in vars(fastnn).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - set(fastnn.__all__) == set()
    assert len(set(fastnn.__all__)) == len(fastnn.__all__)
    for name in fastnn.__all__:
        assert getattr(fastnn, name) is not None or name == "newaxis"
    assert set(fastnn.__all__) <= set(dir(fastnn))
    with pytest.raises(AttributeError, match="no attribute 'conv2d'"):
        fastnn.conv2d


@pytest.mark.parametrize("module", [fastnn.nn, fastnn.ops, fastnn.utils, fastnn.optim], ids=str)
def test_all_of_a_part_is_there(module: types.ModuleType) -> None:
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        module.nothing_of_ours


def test_dtypes_by_name() -> None:
    assert fastnn.float is fastnn.float32 and fastnn.double is fastnn.float64
    assert fastnn.dtype.long == fastnn.long == np.int64 and fastnn.bool == np.bool_
    assert fastnn.tensor([1, 2], dtype=fastnn.int32).dtype == np.int32
    assert fastnn.tensor([1.5], dtype=fastnn.bfloat16).dtype == fastnn.bfloat16 == "bfloat16"


def test_the_device_is_the_cpu() -> None:
    device = fastnn.device("cuda" if fastnn.cuda.is_available() else "cpu")
    assert str(device) == "cpu" and device == fastnn.device(device) and device.type == "cpu"
    assert repr(fastnn.device("cpu", 0)) == "device(type='cpu', index=0)"
    assert len({device, fastnn.device("cpu")}) == 1
    assert not fastnn.accelerator.is_available() and not fastnn.backends.mps.is_available()
    fastnn.cuda.manual_seed_all(0)
    net = nn.Linear(2, 1)
    assert net.to(device).to("cpu").cpu() is net
    assert net.to("cpu", fastnn.float64).weight.dtype == np.float64
    assert net.to(dtype=fastnn.float32, device="cpu:0").weight.dtype == np.float32
    for other in ("cuda", "cuda:0", "mps"):
        with pytest.raises(RuntimeError, match="CPU alone"):
            net.to(other)
        with pytest.raises(RuntimeError, match=f"expected 'cpu', got '{other}'"):
            fastnn.device(other)


def test_seeds_and_threads_by_other_names() -> None:
    fastnn.random.manual_seed(7)
    first = fastnn.rand(3).tolist()
    fastnn.set_seed(7)
    assert fastnn.rand(3).tolist() == first and fastnn.get_seed() == fastnn.initial_seed() == 7
    assert fastnn.get_num_threads() == fastnn.num_threads()
    fastnn.set_context(mode=fastnn.GRAPH_MODE, device_target="CPU", save_graphs=False)
    with pytest.raises(ValueError, match="expected 'CPU', got 'GPU'"):
        fastnn.set_context(device_target="GPU")
    with pytest.raises(ValueError, match="mode"):
        fastnn.set_context(mode=3)


# ---- Tensor and Parameter as both libraries make them ----


@pytest.mark.parametrize(
    "given, expected",
    [
        (([1, 2],), np.array([1, 2], np.float32)),
        (([[True]],), np.array([[True]])),
        ((2.5,), np.array(2.5, np.float32)),
        (([1, 2], fastnn.int32), np.array([1, 2], np.int32)),
        (([1, 2], fastnn.float64), np.array([1.0, 2.0])),
        ((np.array([1, 2], np.int32),), np.array([1, 2], np.int32)),
        ((np.array([1.5, 2]),), np.array([1.5, 2])),
        ((np.array([1.5, 2]), fastnn.float32), np.array([1.5, 2], np.float32)),
        ((of_array([1.0]), fastnn.float64), np.array([1.0])),
        ((np.arange(2, dtype=">f4"),), np.array([0, 1], np.float32)),
    ],
)
def test_tensor_of(given: tuple, expected: np.ndarray) -> None:
    x = of_array(*given)
    assert x.dtype == expected.dtype and not x.requires_grad
    np.testing.assert_array_equal(x.asnumpy(), expected)


def test_tensor_keeps_an_array() -> None:
    array = np.zeros(2, np.float32)
    assert of_array(array).asnumpy() is array
    assert of_array([1.0], dtype=fastnn.float64, requires_grad=True).requires_grad
    assert of_array([1.0], True).requires_grad
    for wrong in (("ab",), ([1], None), ([1], fastnn.int64, fastnn.int64)):
        with pytest.raises(TypeError):
            of_array(*wrong)
    with pytest.raises(TypeError, match="requires_grad"):
        of_array([1], dtype=fastnn.int64, requires_grad=True)


def test_parameter_of() -> None:
    w = Parameter(of_array([1, 2], fastnn.float32), name="w")
    assert w.name == "w" and w.requires_grad and not w.value().requires_grad
    assert Parameter(of_array([1.0]), "b", False).name == "b"
    assert not Parameter(of_array([1.0]), "b", False).requires_grad
    assert not Parameter(of_array([1.0]), requires_grad=False).requires_grad
    assert Parameter(of_array([1.0]), name=None).name == ""
    assert w.set_data(of_array([3.0, 4.0])) is w and w.asnumpy().tolist() == [3, 4]
    with pytest.raises(ValueError, match="shape"):
        w.set_data(of_array([1.0]))
    assert ParameterTuple([w])[0] is w and isinstance(ParameterTuple([w]), tuple)
    with pytest.raises(TypeError, match=r"parameters\[1\]"):
        ParameterTuple([w, 1])


# ---- MindSpore's nets ----


class Inner(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Dense(3, 2, activation="relu")
        self.scale = Parameter(of_array([2.0]), name="scale", requires_grad=False)

    def construct(self, x: Tensor) -> Tensor:
        return self.fc(x) * self.scale


class Outer(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.rest = nn.SequentialCell([nn.Dense(2, 4), nn.Tanh(), nn.Dense(4, 1, has_bias=False)])

    def construct(self, x: Tensor) -> Tensor:
        return self.rest(self.inner(x))


def test_cells() -> None:
    net = Outer()
    names = ["inner.scale", "inner.fc.weight", "inner.fc.bias"]
    names += ["rest.0.weight", "rest.0.bias", "rest.2.weight"]
    assert list(net.parameters_dict()) == names == [p.name for p in net.get_parameters()]
    assert [name for name, _ in net.parameters_and_names()] == names
    assert [p.name for p in net.trainable_params()] == names[1:]
    assert [p.name for p in net.untrainable_params()] == names[:1]
    assert not net.training and net.set_train().inner.fc.training
    assert not net.set_train(False).set_grad().rest.training
    assert net.cells() == [net.inner, net.rest] and dict(net.cells_and_names())["rest"] is net.rest
    assert net(fastnn.ones(5, 3)).shape == (5, 1)
    assert not list(net.get_parameters(expand=False))
    assert "(0): Dense(input_channels=2, output_channels=4, has_bias=True)" in repr(net)
    with pytest.raises(NotImplementedError, match="construct"):
        nn.Cell()(1)


def test_dense_starts() -> None:
    assert nn.Softmax(axis=0).dim == 0
    fastnn.manual_seed(0)
    ours = nn.Dense(4, 3)
    fastnn.manual_seed(0)
    np.testing.assert_array_equal(ours.weight.asnumpy(), nn.Linear(4, 3).weight.asnumpy())
    layer = nn.Dense(2, 1, of_array([[1.0, 2.0]]), "ones", activation=nn.Sigmoid())
    assert layer(of_array([[0.0, -0.5]])).asnumpy().item() == 0.5
    assert (nn.Dense(2, 1, 0.5, np.zeros(1)).weight.asnumpy() == 0.5).all()
    for wrong in ({"weight_init": of_array([1.0])}, {"bias_init": "normal"}, {"activation": "x"}):
        with pytest.raises(ValueError):
            nn.Dense(2, 1, **wrong)


@pytest.mark.parametrize(
    "make, plain",
    [
        (lambda p: nn.SGD(p, learning_rate=0.1, momentum=0.9), lambda p: optim.SGD(p, 0.1, 0.9)),
        (lambda p: nn.Momentum(p, 0.1, 0.9), lambda p: optim.SGD(p, 0.1, 0.9)),
        (
            lambda p: nn.Adam(p, 0.01, beta1=0.8),
            lambda p: optim.Adam(p, 0.01, (0.8, 0.999), compat="sklearn"),
        ),
        (
            lambda p: nn.SGD([{"params": p, "learning_rate": 0.2}]),
            lambda p: optim.SGD(p, 0.2),
        ),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_optimizers_are_called_with_gradients(make, plain, compiled) -> None:
    start = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    a, b = Parameter(start.copy(), name="a"), Parameter(start.copy())
    bias_a, bias_b = Parameter(start[0].copy()), Parameter(start[0].copy())
    ours, theirs = make([a, bias_a]), plain([b, bias_b])
    assert [p is q for p, q in zip(ours.parameters, (a, bias_a), strict=True)] == [True, True]
    assert ours.learning_rate == ours.get_lr() == theirs.param_groups[0]["lr"]
    apply = fastnn.compile(lambda g, h: ours((g, h))) if compiled else lambda g, h: ours((g, h))
    for i in range(5):
        g, h = of_array(start * (i + 1)), of_array(start[1] - i)
        apply(g, h)
        b.grad, bias_b.grad = g, h
        theirs.step()
    np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    np.testing.assert_array_equal(bias_a.asnumpy(), bias_b.asnumpy())
    assert a.grad is None
    with pytest.raises(ValueError, match="expected 2"):
        ours((g,))


def test_optimizers_refuse_what_they_do_not_do() -> None:
    w = Parameter(of_array([1.0]))
    for options in ({"use_nesterov": True}, {"loss_scale": 2.0}):
        with pytest.raises(ValueError, match="not offered"):
            nn.Adam([w], **options)
    assert nn.SGD([w])(of_array([1.0])) is True


def test_ops_by_mindspore_names() -> None:
    x = of_array([[1.0, 2.0], [3.0, 5.0]])
    assert ops.reduce_sum(x).item() == 11 and ops.reduce_mean(x, 0).tolist() == [2, 3.5]
    assert ops.reduce_max(x, (0, 1)).item() == 5 and ops.reduce_min(x, 1).tolist() == [1, 3]
    assert ops.expand_dims(x, 0).shape == (1, 2, 2)
    assert ops.cast(x, fastnn.int32).dtype == np.int32
    assert ops.ones((2, 3)).shape == (2, 3) and ops.zeros(2, fastnn.float64).dtype == np.float64
    assert ops.clip_by_value((x,), 2.0, 3.0)[0].tolist() == [[2, 2], [3, 3]]
    clipped = ops.clip_by_global_norm((of_array([3.0]), of_array([4.0])), 1.0)
    np.testing.assert_allclose([part.item() for part in clipped], [0.6, 0.8], rtol=1e-6)
    w = of_array([1.0], requires_grad=True)
    assert not ops.stop_gradient(w * 2).requires_grad
    y = of_array([[0.0, 1.0], [1.0, 0.0]])
    for name, plain in [
        ("binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits),
        ("mse_loss", F.mse_loss),
    ]:
        got = getattr(ops, name)(x, y, reduction="sum").item()
        assert got == plain(x, y, reduction="sum").item()
    labels = of_array([0, 1], fastnn.int32)
    assert ops.cross_entropy(x, labels).item() == F.cross_entropy(x, labels).item()


@contextmanager
def runs_of(name: str) -> Iterator[list[int]]:
    """Counts in Python how often functions of this name run; a counter in them would be state."""
    count = [0]

    def seen(frame: types.FrameType, event: str, _: object) -> None:
        count[0] += event == "call" and frame.f_code.co_name == name

    sys.setprofile(seen)
    try:
        yield count
    finally:
        sys.setprofile(None)


def test_jit_is_compile() -> None:
    @fastnn.jit
    def double(x: Tensor) -> Tensor:
        return x * 2

    with runs_of("double") as runs:
        assert [double(of_array([float(i)])).item() for i in range(4)] == [0, 2, 4, 6]
        assert runs == [2]  # itself, and recorded
        w = of_array([1.0], requires_grad=True)
        double(w).sum().backward()
        assert w.grad.tolist() == [2] and runs == [3]
    assert fastnn.jit(jit_level="O0")(lambda x: x + 1)(of_array([1.0])).item() == 2


def test_checkpoints(tmp_path) -> None:
    a, b = Outer(), Outer()
    fastnn.save_checkpoint(a, tmp_path / "net.ckpt")
    found = fastnn.load_checkpoint(tmp_path / "net.ckpt")
    assert found["inner.fc.weight"].name == "inner.fc.weight"
    assert fastnn.load_param_into_net(b, found) == ([], [])
    np.testing.assert_array_equal(a.rest[0].weight.asnumpy(), b.rest[0].weight.asnumpy())
    fastnn.load_checkpoint(tmp_path / "net.ckpt", b)
    del found["inner.scale"]
    assert fastnn.load_param_into_net(b, found) == (["inner.scale"], [])
    for given in ({"w": fastnn.ones(2)}, [{"name": "w", "data": fastnn.ones(2)}]):
        fastnn.save_checkpoint(given, tmp_path / "w.ckpt")
        assert fastnn.load_checkpoint(tmp_path / "w.ckpt")["w"].tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="save_obj: expected a Cell, a dict or a list, got 3"):
        fastnn.save_checkpoint(3, tmp_path / "w.ckpt")


def test_gradients_go_through_jit_and_steps_are_programs() -> None:
    def train(decorate) -> list[float]:
        fastnn.set_seed(1)
        net = nn.SequentialCell(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 1))
        optimizer = nn.Adam(net.trainable_params(), learning_rate=0.1)
        forward = decorate(lambda x, y: ops.mse_loss(net(x), y))
        grad_fn = fastnn.value_and_grad(forward, None, optimizer.parameters)

        @decorate
        def one_step(x: Tensor, y: Tensor) -> Tensor:
            loss, gradients = grad_fn(x, y)
            optimizer(gradients)
            return loss

        return [one_step(fastnn.rand(6, 3), fastnn.ones(6, 1)).item() for _ in range(6)]

    expected = train(lambda fn: fn)
    with runs_of("one_step") as runs:
        assert train(fastnn.jit) == expected and runs == [2]


def test_grad_operation() -> None:
    """MindSpore's older form of grad."""
    x, y = fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0])
    product = lambda x, y: x * x * y  # noqa: E731
    assert ops.GradOperation()(product)(x, y).tolist() == [6, 16]
    assert [g.tolist() for g in ops.GradOperation(get_all=True)(product)(x, y)] == [[6, 16], [1, 4]]
    assert [g.tolist() for g in ops.GradOperation(get_all=True)(lambda x: x * x)(x)] == [[2, 4]]
    by_sens = ops.GradOperation(sens_param=True, get_all=True)(product)
    assert [g.tolist() for g in by_sens(x, y, y)] == [[18, 64], [3, 16]]
    net = nn.Dense(2, 1, weight_init="ones", bias_init="zeros")
    inputs, weights = ops.GradOperation(get_all=True, get_by_list=True)(net)(x)
    assert inputs[0].tolist() == [1, 1] and weights[0].tolist() == [[1, 2]]
    (only,) = ops.GradOperation(get_by_list=True)(net, [net.bias])(x)
    assert only.tolist() == [1]
