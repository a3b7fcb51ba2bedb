"""golden.json by the library: each worked example eager, recorded and replayed, in both dtypes.

A tolerance is half a unit of the last digit that golden.json prints (`unit`; 0 for values printed
in full), and some roundings of the dtype: RTOL times the value, 8 epsilons of float32, 45 of
float64.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_transforms import DTYPES, FORMS, t

import fastnn
from fastnn import info, nn
from fastnn.tensor import Tensor

HERE = Path(__file__)
GOLDEN: dict[str, Any] = json.loads(HERE.with_name("golden.json").read_text())
F = nn.functional
RTOL = {"float32": 1e-6, "float64": 1e-14}

# Entries of which another file holds tests
ELSEWHERE = {
    "mindspore_doc_examples": "test_transforms.py",
    "torch_rng_checks.rand8_seed0": "test_random.py",
    "torch_rng_checks.rand4_seed42": "test_random.py",
    "torch_rng_checks.randint_0_10_seed0": "test_random.py",
    "torch_rng_checks.randn5_seed2019": "test_random.py",
    "torch_rng_checks.randn16_seed0_first6": "test_random.py",
    "torch_rng_checks.Linear_2_1_seed0": "test_random.py",
}
# Entries of features that are not there yet
LATER = {
    "batchnorm_1_2_3_4": "batch normalisation",
    "schedules_lr0_0.1": "schedules of the learning rate",
    "optim_half_w_squared.momentum_ema_beta09": "momentum as a moving average",
    "optim_half_w_squared.adagrad_torch": "Adagrad",
    "optim_half_w_squared.rmsprop_torch_default": "RMSprop",
}
# Words about an entry, and the unit of its digits
PROSE = {
    "backprop_two_layer_sigmoid.loss", "functional_grad_bce_logits.x",
    "functional_grad_bce_logits.y", "functional_grad_bce_logits.grad_w",
    "functional_grad_bce_logits.rtol", "kl_one_hot.note", "bce_seed520_3e6.source",
}  # fmt: skip


def close(got: Any, want: Any, unit: float = 0.0, rounds: float = 1.0, atol: float = 0.0) -> None:
    """Equal to the printed digits, and `rounds` times RTOL of the dtype."""
    got = got.detach().numpy()
    rtol = rounds * RTOL[got.dtype.name]
    np.testing.assert_allclose(got, want, rtol=rtol, atol=0.5 * unit + atol)


def call(form: str, fn: Callable[..., Any], *args: Tensor) -> Any:
    """fn(*args); or what a program of it gives, at once or after other inputs."""
    if form == "eager":
        return fn(*args)
    compiled = fastnn.compile(fn)
    if form == "replayed":
        compiled(*(t(np.flip(a.numpy(), -1), a.dtype) for a in args))
    return compiled(*args)


def strings(tree: ast.AST) -> set[str]:
    constants = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def test_every_entry_has_a_test() -> None:
    """One test names the entry and the value; or the file does that ELSEWHERE says."""
    both = HERE, HERE.with_name("test_golden_training.py")
    body = [part for file in both for part in ast.parse(file.read_text()).body]
    here = [strings(part) for part in body if isinstance(part, ast.FunctionDef)]
    keys = {f"{entry}.{key}" for entry, values in GOLDEN.items() for key in values}
    assert {*ELSEWHERE, *LATER, *PROSE} <= keys | GOLDEN.keys()
    missing = []
    for path in sorted(keys - PROSE):
        entry, key = path.rsplit(".", 1)
        if {entry, path} & LATER.keys():
            continue
        file = ELSEWHERE.get(entry, ELSEWHERE.get(path))
        found = [strings(ast.parse(HERE.with_name(file).read_text()))] if file else here
        if not any({entry, key} <= names for names in found):
            missing.append(path)
    assert not missing


# Binary cross-entropy


@DTYPES
@FORMS
@pytest.mark.parametrize("run", ["", "first_run"])
def test_functional_grad_bce_logits(run: str, form: str, dtype: Any) -> None:
    g = GOLDEN["functional_grad_bce_logits"]
    x, y = fastnn.ones(5, dtype=dtype), fastnn.zeros(3, dtype=dtype)
    w = t(np.arange(15).reshape(5, 3) / 8, dtype)  # any: z is x @ w + b

    def forward(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        z = x @ w + b
        return F.binary_cross_entropy_with_logits(z, y), z

    b = t(g["first_run_implied_z" if run else "z"], dtype) - x @ w
    given = fastnn.value_and_grad(forward, (2, 3), has_aux=True)
    (loss, z), (by_w, by_b) = call(form, given, x, y, w, b)
    by_b_and_z = call(form, fastnn.grad(forward, 3), x, y, w, b)
    rows = [by_w[i] for i in range(5)]
    if run:  # z is printed to 10 digits, its loss from the exact one; gradients to 9 digits
        close(loss, g["first_run_implied_loss"], unit=1e-10)
        for got in (by_b, *rows, by_b_and_z - 1):
            close(got, g["first_run_grad_b"], unit=1e-9, atol=3e-7 if dtype == np.float32 else 0)
        return
    assert g["loss_printed"] == pytest.approx(g["loss_exact"], rel=g["rtol"])
    close(z, g["z"])
    close(loss, g["loss_exact"])
    for got in (by_b, *rows):  # float32 values, printed
        close(got, g["grad_b_printed"], unit=g["rtol"] * 0.1)
    close(by_b_and_z, g["grad_with_z_output_printed"], unit=g["rtol"])


def bce(p: Tensor, y: Tensor) -> Tensor:
    return -(y * p.log() + (1 - y) * (1 - p).log())


@DTYPES
@FORMS
@pytest.mark.parametrize("name", ["bce", "bce_three", "bce_multilabel"])
def test_bce_of_probabilities(name: str, form: str, dtype: Any) -> None:
    """From p, and by the loss of the library from logits."""
    g = GOLDEN[name]
    p, y = t(g["p"], dtype), t(g["y"], dtype)
    z = t(np.log(g["p"]) - np.log1p(-np.array(g["p"])), dtype)
    losses: list[tuple[Callable[..., Tensor], Tensor]] = [
        (bce, p), (nn.BCEWithLogitsLoss(reduction="none"), z)]  # fmt: skip
    for each, at in losses:
        close(call(form, lambda x, y: each(x, y).mean(), at, y), g["mean"])  # noqa: B023
        if name != "bce_three":
            close(call(form, lambda x, y: each(x, y).sum(), at, y), g["sum"])  # noqa: B023
            close(call(form, each, at, y), g["each"], unit=1e-10 if name == "bce" else 0)
    for reduction in ("mean", "sum"):
        if reduction in g:
            close(call(form, nn.BCEWithLogitsLoss(reduction=reduction), z, y), g[reduction])
    if name == "bce":
        by_p = call(form, fastnn.grad(lambda p, y: bce(p, y).mean()), p, y)
        close(by_p, g["grad_mean"], unit=1e-10)
        by_z = call(form, fastnn.grad(nn.BCEWithLogitsLoss()), z, y)
        close(by_z / (p * (1 - p)), g["grad_mean"], unit=1e-9)


def course(seed: int, m: int, dtype: Any, classes: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """The data of the course's examples, in the order in which they are drawn: x, w, y."""
    fastnn.manual_seed(seed)
    x = fastnn.rand(m, 4)
    w = fastnn.rand(4, classes) if classes else fastnn.rand(4)
    y = fastnn.randint(0, classes or 2, (m,))
    return x.to(dtype), w.to(dtype), y if classes else y.to(dtype)


def bce_course(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(x @ w, y)


def ce_course(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(x @ w, y)


def ce_by_hand(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return -F.log_softmax(x @ w, 1).gather(1, y.reshape(-1, 1)).mean()


@pytest.mark.long
@DTYPES
@FORMS
def test_bce_seed520(form: str, dtype: Any) -> None:
    g = GOLDEN["bce_seed520_3e6"]
    x, w, y = course(g["seed"], g["m"], dtype)
    assert w.float().tolist() == np.float32(g["w"]).tolist()  # shortest digits of float32
    assert x[0].float().tolist() == np.float32(g["x_row0"]).tolist()
    assert y[:8].tolist() == g["y_first8"]
    loss, by_w = call(form, fastnn.value_and_grad(bce_course), w, x, y)
    close(loss, g["loss_f64"], unit=1e-10)
    close(by_w, g["grad_w_f64"], unit=1e-8, rounds=10)  # in float32 a sum of 3e6 numbers


@DTYPES
@FORMS
def test_ce_seed520(form: str, dtype: Any) -> None:
    g = GOLDEN["ce_seed520_3000"]
    x, w, y = course(g["seed"], g["m"], dtype, 3)
    assert w.float().tolist() == np.float32(g["w"]).tolist()
    assert y[:10].tolist() == g["y_first10"]
    assert np.bincount(y.numpy()).tolist() == g["class_counts"]
    rows = call(form, lambda w, x: F.log_softmax(x @ w, 1)[:2], w, x)
    close(rows, g["logsigma_first2"], unit=1e-8)
    for fn in (ce_course, ce_by_hand):
        loss, by_w = call(form, fastnn.value_and_grad(fn), w, x, y)
        close(loss, g["loss_f64"], unit=1e-10)
        # a mean of numbers of size 1 that cancel: an epsilon of float32 is 1.2e-7
        close(by_w, g["grad_w_f64"], unit=1e-8, atol=2e-8 if dtype == np.float32 else 0)


@DTYPES
@FORMS
def test_course_of_seed420(form: str, dtype: Any) -> None:
    g = GOLDEN["torch_rng_checks"]
    x, w, y = course(420, 3000, dtype)
    close(call(form, bce_course, w, x, y), g["bce_course_seed420_m3000"])
    x, w, y = course(420, 3000, dtype, 3)
    close(call(form, ce_course, w, x, y), g["ce_course_seed420_m3000"])


# Cross-entropy


@DTYPES
@FORMS
def test_ce_one_hot_and_kl(form: str, dtype: Any) -> None:
    g = GOLDEN["ce_one_hot"]
    p, y = t([g["p"]], dtype), t([g["y"]], dtype)
    close(call(form, lambda p, y: F.cross_entropy(p.log(), y), p, y), g["loss"])
    close(call(form, lambda p: F.cross_entropy(p.log(), t([1], np.int64)), p), g["loss"])
    close(call(form, lambda p, y: -(y * p.log()).sum(), p, y), g["loss"])
    g = GOLDEN["kl_one_hot"]  # 0 log 0 is 0
    p, q = t([g["p"]], dtype), t([g["q"]], dtype)

    def kl(p: Tensor, q: Tensor) -> Tensor:
        return fastnn.where(p > 0, p * (p.log() - q.log()), 0.0).sum()

    close(call(form, kl, p, q), g["kl"])
    close(call(form, info.kl_divergence, p, q), [g["kl"]])
    assert info.kl_divergence(g["p"], g["q"]) == pytest.approx(g["kl"], rel=1e-15)
    close(call(form, lambda p, q: F.cross_entropy(q.log(), p), p, q), g["kl"])


@DTYPES
@FORMS
def test_nll_table(form: str, dtype: Any) -> None:
    g = GOLDEN["nll_table"]
    p, y = t(g["P"], dtype), t(g["labels_1based"], np.int64) - 1
    for key, reduction in (("nll", "none"), ("sum", "sum"), ("mean", "mean")):
        # P is printed to 3 decimals: its rows sum to 1, so log P are log-probabilities
        got = call(form, lambda p, y, r=reduction: F.cross_entropy(p.log(), y, reduction=r), p, y)
        close(got, g[key], unit=1e-10 if key == "nll" else 0)
    picked = call(form, lambda p, y: -p.log().gather(1, y.reshape(4, 1)).reshape(4), p, y)
    close(picked, g["nll"], unit=1e-10)


@DTYPES
@FORMS
def test_ce_logits(form: str, dtype: Any) -> None:
    g = GOLDEN["ce_logits"]
    x, y = t(g["x"], dtype), t(g["y"], np.int64)
    w = t([1.0, 2.0, 3.0], dtype)
    variants: dict[str, dict[str, Any]] = {
        "mean": {}, "sum": {"reduction": "sum"}, "each": {"reduction": "none"},
        "mean_w123": {"weight": w}, "mean_ls01": {"label_smoothing": 0.1},
        "mean_w123_ls01": {"weight": w, "label_smoothing": 0.1},
        "mean_ignore2": {"ignore_index": 2},
    }  # fmt: skip
    for name, options in variants.items():
        got = call(form, nn.CrossEntropyLoss(**options), x, y)
        close(got, g[name], unit=1e-10 if name == "each" else 0)
    one_hot = t(np.eye(3)[g["y"]], dtype)
    for name in ("mean", "mean_ls01"):  # a weighted mean over probabilities is over the rows
        close(call(form, nn.CrossEntropyLoss(**variants[name]), x, one_hot), g[name])
    wrong = call(form, lambda x, y: -(y * x.log()).sum(1).mean(), x, one_hot)
    close(wrong, g["if_wrongly_treated_as_probabilities"])
    assert abs(wrong.item() - g["mean"]) > 0.2


# Other losses, softmax


def smooth_l1(p: Tensor, y: Tensor, beta: float) -> Tensor:
    d = (p - y).abs()
    return fastnn.where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta)


@DTYPES
@FORMS
def test_l1_mse_and_smooth_l1(form: str, dtype: Any) -> None:
    g = GOLDEN["l1"]
    p, y = t(g["p"], dtype), t(g["y"], dtype)
    loss, by_p = call(form, fastnn.value_and_grad(lambda p, y: (p - y).abs().mean()), p, y)
    close(loss, g["mean"])
    close(by_p, g["grad"])
    g = GOLDEN["mse"]
    p, y = t(g["p"], dtype), t(g["y"], dtype)
    for fn in (nn.MSELoss(), lambda p, y: ((p - y) ** 2).mean()):
        loss, by_p = call(form, fastnn.value_and_grad(fn), p, y)
        close(loss, g["mean"])
        close(by_p, g["grad"])
    close(call(form, nn.MSELoss(reduction="sum"), p, y), g["sum"])
    g = GOLDEN["smooth_l1"]
    p, y = t(g["p"], dtype), t(g["y"], dtype)
    close(call(form, lambda p, y: smooth_l1(p, y, g["beta"]), p, y), g["each"])
    mean = fastnn.value_and_grad(lambda p, y: smooth_l1(p, y, g["beta"]).mean())
    loss, by_p = call(form, mean, p, y)
    close(loss, g["mean"])
    close(by_p, g["grad"])


@DTYPES
@FORMS
def test_softmax_ten(form: str, dtype: Any) -> None:
    g = GOLDEN["softmax_ten"]
    x = t(g["x"], dtype)
    for fn in (lambda x: F.softmax(x, 0), nn.Softmax(0), lambda x: F.log_softmax(x, 0).exp(),
               lambda x: x.exp() / x.exp().sum()):  # fmt: skip
        p = call(form, fn, x)
        close(p, g["p"])
        assert p.argmax().item() == g["argmax"]
    assert call(form, lambda x: x.argmax(), x).item() == g["argmax"]
