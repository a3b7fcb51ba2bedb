"""Names that scripts for torch and NumPy use: values are NumPy's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor

A = np.array([[1.0, -2.0, 3.5], [4.0, 0.5, -6.0]])


def tensor(array: Any, requires_grad: bool = False) -> Tensor:
    return fastnn.tensor(np.asarray(array), requires_grad=requires_grad)


def same(found: Any, wanted: Any) -> None:
    if isinstance(found, tuple):
        found = found[0]
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-12)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min,
    "amax": np.max, "amin": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "any": np.any, "all": np.all,
    "var": lambda a, **k: np.var(a, ddof=1, **k), "std": lambda a, **k: np.std(a, ddof=1, **k),
    "logsumexp": lambda a, **k: np.log(np.sum(np.exp(a), **k)),
    "norm": lambda a, **k: np.sqrt(np.sum(a * a, **k)),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_axis_and_keepdims_of_reductions(name: str) -> None:
    t, wanted = tensor(A), REDUCTIONS[name]
    for axis in (0, -1):
        for keepdims in (False, True):
            want = wanted(A, axis=axis, keepdims=keepdims)
            same(getattr(fastnn, name)(t, axis=axis, keepdims=keepdims), want)
            same(getattr(t, name)(axis=axis, keepdims=keepdims, dtype=None, out=None), want)
            same(getattr(t, name)(dim=axis, keepdims=keepdims), want)
    with pytest.raises(TypeError, match=f"{name}: dim is given twice"):
        getattr(t, name)(dim=0, axis=0)
    with pytest.raises(TypeError, match=f"{name}: expected out=None"):
        getattr(fastnn, name)(t, axis=0, out=t)


@pytest.mark.parametrize("function", [
    np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var, np.any, np.all, np.argmax, np.argmin,
])  # fmt: skip
def test_numpy_functions_of_tensors(function: Callable[..., Any]) -> None:
    same(function(tensor(A)), function(A))


SHAPES: dict[str, tuple[Callable[[Tensor], Tensor], Any]] = {
    "softmax": (lambda t: fastnn.softmax(t, axis=0), np.exp(A) / np.exp(A).sum(0)),
    "log_softmax": (lambda t: t.log_softmax(axis=1),
                    A - np.log(np.exp(A).sum(1, keepdims=True))),
    "cat": (lambda t: fastnn.cat([t, t], axis=1), np.concatenate([A, A], 1)),
    "stack": (lambda t: fastnn.stack((t, t), axis=-1), np.stack([A, A], -1)),
    "squeeze": (lambda t: t[None].squeeze(axis=0), A),
    "unsqueeze": (lambda t: fastnn.unsqueeze(t, axis=1), A[:, None]),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_axis_of_shapes(name: str) -> None:
    function, wanted = SHAPES[name]
    same(function(tensor(A)), wanted)


def test_axis_in_programs() -> None:
    program = fastnn.compile(lambda t: t.sum(axis=0, keepdims=True))
    for k in (1.0, 2.0):
        same(program(tensor(k * A)), k * A.sum(0, keepdims=True))


B = np.array([-7, 7, -7])
C = np.array([2, -2, -2])
NANS = np.array([[3.0, 1.0, 2.0], [2.0, 2.0, np.nan]])

VALUES: dict[str, tuple[Callable[[], Any], Any]] = {
    # alpha and rounding_mode
    "add": (lambda: fastnn.add(tensor(B), tensor(C), alpha=3), B + 3 * C),
    "add number": (lambda: tensor(A).add(2, alpha=0.5), A + 1),
    "sub": (lambda: fastnn.sub(tensor(A), tensor(A), alpha=2), -A),
    "sub method": (lambda: tensor(B).sub(tensor(C), alpha=2), B - 2 * C),
    "add_": (lambda: tensor(A).add_(tensor(A), alpha=0.5), 1.5 * A),
    "sub_": (lambda: tensor(B).sub_(tensor(C), alpha=2), B - 2 * C),
    "ops.add_": (lambda: fastnn.ops.add_(tensor(A), 1.0, alpha=2), A + 2),
    "ops.sub_": (lambda: fastnn.ops.sub_(tensor(A), 1.0, alpha=2), A - 2),
    "div": (lambda: fastnn.div(tensor(A), 2.0, rounding_mode=None), A / 2),
    "div floor": (lambda: tensor(A).div(2.0, rounding_mode="floor"), np.floor(A / 2)),
    "div trunc": (lambda: tensor(A).div(2.0, rounding_mode="trunc"), np.trunc(A / 2)),
    "div whole floor": (lambda: fastnn.div(tensor(B), tensor(C), rounding_mode="floor"), B // C),
    "div whole trunc": (lambda: fastnn.div(tensor(B), tensor(C), rounding_mode="trunc"),
                        np.trunc(B / C)),
    # names
    "clip": (lambda: fastnn.clip(tensor(A), -1, 1), A.clip(-1, 1)),
    "np.clip": (lambda: np.clip(tensor(A), -1, 1), A.clip(-1, 1)),
    "clamp_min": (lambda: fastnn.clamp_min(tensor(A), 0.0), A.clip(0, None)),
    "clamp_max": (lambda: fastnn.clamp_max(tensor(A), 0.0), A.clip(None, 0)),
    "clamp_min method": (lambda: tensor(A).clamp_min(0.0), A.clip(0, None)),
    "clamp_max method": (lambda: tensor(A).clamp_max(0.0), A.clip(None, 0)),
    "concat": (lambda: fastnn.concat([tensor(A), tensor(A)], 1), np.concatenate([A, A], 1)),
    "concatenate": (lambda: fastnn.concatenate([tensor(A), tensor(A)], axis=0),
                    np.concatenate([A, A])),
    "hstack": (lambda: fastnn.hstack([tensor(A), tensor(A)]), np.hstack([A, A])),
    "hstack vectors": (lambda: fastnn.hstack([tensor(B), tensor(C)]), np.hstack([B, C])),
    "vstack": (lambda: fastnn.vstack([tensor(B), tensor(C)]), np.vstack([B, C])),
    "meshgrid ij": (lambda: fastnn.meshgrid(tensor(B), tensor(C[:2]))[1],
                    np.meshgrid(B, C[:2], indexing="ij")[1]),
    "meshgrid xy": (lambda: fastnn.meshgrid([tensor(B), tensor(C[:2])], indexing="xy")[0],
                    np.meshgrid(B, C[:2])[0]),
    "trace": (lambda: fastnn.trace(tensor(A)), np.trace(A)),
    "narrow": (lambda: tensor(A).narrow(1, -2, 2), A[:, 1:]),
    "tile": (lambda: tensor(A).tile(2), np.tile(A, 2)),
    "tile two": (lambda: fastnn.tile(tensor(B), (2, 2)), np.tile(B, (2, 2))),
    "newaxis": (lambda: tensor(A)[:, fastnn.newaxis], A[:, None]),
    # order
    "sort": (lambda: fastnn.sort(tensor(NANS)).values, np.sort(NANS)),
    "sort axis": (lambda: tensor(A).sort(axis=0)[0], np.sort(A, 0)),
    "sort down": (lambda: tensor(NANS).sort(descending=True)[1], [[0, 2, 1], [2, 0, 1]]),
    "argsort": (lambda: tensor(NANS).argsort(), [[1, 2, 0], [0, 1, 2]]),
    "argsort number": (lambda: fastnn.argsort(tensor(1.0)), 0),
    "sort number": (lambda: fastnn.sort(tensor(1.0)).values, 1.0),
    "topk": (lambda: fastnn.topk(tensor(A), 2).values, [[3.5, 1.0], [4.0, 0.5]]),
    "topk least": (lambda: tensor(A).topk(1, dim=0, largest=False).indices, [[0, 0, 1]]),
    "topk number": (lambda: fastnn.topk(tensor(1.0), 1).values, 1.0),
}  # fmt: skip
for _k in range(-3, 5):
    VALUES[f"diag {_k}"] = (lambda k=_k: fastnn.diag(tensor(A), k), np.diag(A, _k) if -2 <= _k <= 3
                            else np.empty(0))  # fmt: skip
    VALUES[f"on diag {_k}"] = (lambda k=_k: tensor(B).diag(k), np.diag(B, _k))


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    function, wanted = VALUES[name]
    same(function(), wanted)


def test_gradients_of_what_is_rearranged() -> None:
    x = tensor(A, requires_grad=True)
    fastnn.topk(x, 1).values.sum().backward()
    same(x.grad, [[0, 0, 1], [1, 0, 0]])
    x.grad = None
    (x.sort(0).values * tensor([[1.0], [2.0]])).sum().backward()
    same(x.grad, [[1, 1, 2], [2, 2, 1]])
    x.grad = None
    fastnn.trace(x.diag().diag(1)[:, 1:]).backward()
    same(x.grad, np.eye(2, 3))


ORDERS: dict[str, Callable[[Tensor], Any]] = {
    "sort": lambda t: t.sort(0, descending=True),
    "argsort": lambda t: (t.argsort(), t.argsort(0)),
    "topk": lambda t: (*t.topk(2), *t.topk(1, 0, largest=False)),
    "kthvalue": lambda t: (*t.kthvalue(2, 0), *t.kthvalue(3)),
    "median": lambda t: (t.median(), *t.median(1)),
    "quantile": lambda t: (t.quantile(0.3), t.quantile(0.7, 1)),
}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_order_is_compiled(name: str, dtype: str) -> None:
    if (name == "quantile" and dtype not in ("float32", "float64")) or (
        name == "topk" and dtype == "bool"
    ):
        return  # refused, as in torch
    program = fastnn.compile(ORDERS[name])
    for seed in range(3):
        a = np.random.default_rng(seed).integers(-3, 4, (4, 5)) * 1.5
        t = tensor(a.astype(dtype))
        for found, expected in zip(program(t), ORDERS[name](t), strict=True):
            same(found, expected.numpy())


def test_a_loss_of_order_is_trained_compiled() -> None:
    """The two largest squares, and a pairwise loss of the ranks."""
    w0 = np.linspace(-1, 1, 12).reshape(4, 3)

    def train(compiled: bool) -> Any:
        w = tensor(w0, requires_grad=True)
        optimizer = fastnn.optim.SGD([w], lr=0.1)

        def step(x: Tensor) -> Tensor:
            optimizer.zero_grad()
            y = x @ w
            loss = (y**2).topk(2, 1).values.sum() + (y.sort(0).values.diff(dim=0)).mean()
            loss = loss + y.quantile(0.9) - y.median()
            loss.backward()
            optimizer.step()
            return loss

        run = fastnn.compile(step) if compiled else step
        losses = [run(tensor(np.random.default_rng(i).standard_normal((5, 4)))) for i in range(4)]
        return [loss.item() for loss in losses], w.detach().numpy().tobytes()

    assert train(True) == train(False)


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "rounding": (lambda: tensor(A).div(2, rounding_mode="up"), ValueError, "rounding_mode"),
    "narrow": (lambda: tensor(A).narrow(0, 1, 2), IndexError, "narrow: expected a part"),
    "indexing": (lambda: fastnn.meshgrid(tensor(B), indexing="k"), ValueError, "indexing"),
    "diag": (lambda: tensor(A)[None].diag(), ValueError, "diag: expected"),
    "trace": (lambda: tensor(B).trace(), ValueError, "trace: expected"),
    "topk": (lambda: tensor(B).topk(4), ValueError, r"k: expected 0\.\.3"),
    "normal": (lambda: fastnn.normal(0.0, 1.0), TypeError, "size"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


EINSUMS = (
    "ij,jk->ik", "ij,jk", "ii", "ii->i", "ij->ji", "ij->", "i,j->ij", "i,i->", "bij,bjk->bik",
    "bij,bkj->bik", "...ij,jk->...ik", "...i->...", "ij,kj,kl->il", "ij,ij->i", "ij,j->i",
    "iij,j->i", "i,ij->j", "ba", "bn,anm,bm->ba", "ij,kl->",
)  # fmt: skip


@pytest.mark.parametrize("equation", EINSUMS)
@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_einsum(equation: str, dtype: Any) -> None:
    sizes = dict(zip("abijklmn", (2, 4, 3, 5, 2, 6, 3, 2)))
    words = equation.partition("->")[0].replace("...", "ba").split(",")
    arrays = [
        np.arange(np.prod([sizes[c] for c in w]), dtype=dtype).reshape([sizes[c] for c in w]) - 3
        for w in words
    ]
    same(fastnn.einsum(equation, *map(tensor, arrays)), np.einsum(equation, *arrays))
    program = fastnn.compile(lambda *tensors: fastnn.einsum(equation, *tensors))
    same(program(*map(tensor, arrays)), np.einsum(equation, *arrays))


@pytest.mark.parametrize("equation", ["ij->ik", "ij,jk", "i", "ij->ii", "i1", "iij"])
def test_einsum_refuses(equation: str) -> None:
    with pytest.raises(ValueError, match="einsum"):
        fastnn.einsum(equation, tensor(A))


def test_gradients_of_einsum() -> None:
    x, y = tensor(A, requires_grad=True), tensor(A.T, requires_grad=True)
    fastnn.einsum("ij,ji->j", x, y).sum().backward()
    same(x.grad, A)
    same(y.grad, A.T)


def test_constants() -> None:
    assert (fastnn.pi, fastnn.e, fastnn.inf) == (np.pi, np.e, np.inf)
    assert np.isnan(fastnn.nan) and fastnn.newaxis is None
    assert fastnn.finfo(fastnn.float32).eps == np.finfo("float32").eps
    assert fastnn.iinfo(fastnn.int64).max == 2**63 - 1
    assert fastnn.numel(tensor(A)) == tensor(A).nelement() == 6


def test_normal() -> None:
    fastnn.manual_seed(0)
    z = fastnn.randn(20).numpy()
    fastnn.manual_seed(0)
    np.testing.assert_allclose(fastnn.normal(1.0, 2.0, (20,)).numpy(), 2 * z + 1, rtol=1e-5)
    fastnn.manual_seed(0)
    drawn = fastnn.normal(fastnn.ones(20), 2.0, requires_grad=True)
    np.testing.assert_allclose(drawn.detach().numpy(), 2 * z + 1, rtol=1e-5)
    assert drawn.is_leaf and drawn.requires_grad


def test_text_and_tape() -> None:
    assert f"{fastnn.tensor(3.0)} {fastnn.tensor(7)} {fastnn.tensor(2.5):.3f}" == "3.0 7 2.500"
    assert f"{fastnn.tensor([1.0])}" == "tensor([1.])"
    x = tensor(A, requires_grad=True)
    y = x * 2
    assert x.grad_fn is None and repr(y.grad_fn) == "<MulBackward0>"
    assert y.grad_fn.name() == "MulBackward0"
    assert y.detach_() is y and y.is_leaf and not y.requires_grad


def test_devices_and_backends() -> None:
    fastnn.set_default_device("cpu")
    fastnn.set_float32_matmul_precision("high")
    fastnn.backends.cudnn.benchmark = True
    fastnn.cuda.empty_cache()
    assert fastnn.get_default_device() == fastnn.device("cpu") and not fastnn.cuda.is_available()
    assert tensor(A).get_device() == -1 and tensor(A).type("torch.FloatTensor").dtype == "float32"


def test_seed_draws_one_of_its_own() -> None:
    first, second = fastnn.seed(), fastnn.seed()
    assert first != second and fastnn.initial_seed() == second
    z = fastnn.rand(3).tolist()
    fastnn.manual_seed(second)
    assert fastnn.rand(3).tolist() == z
