"""What scripts ask of torch besides tensors and nets: settings, mixed precision, comparisons,
functions at the top level, torchsummary's summary."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import amp, nn, optim, testing
from fastnn.nn import functional as F

T = fastnn.tensor


# ---- summary ----


def test_summary_by_size_prints(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    found = nn.summary(model, input_size=(3,), batch_size=5, device="cpu")
    assert capsys.readouterr().out == f"{found}\n"
    assert [row.output_shape for row in found.rows] == [(5, 4), (5, 4), (5, 2)]
    assert str(found) == str(nn.summary(model, (5, 3)))
    any_rows = nn.summary(model, input_size=(3,))
    assert [row.output_shape for row in any_rows.rows] == [(-1, 4), (-1, 4), (-1, 2)]
    assert any_rows.multiply_adds == 20 and any_rows.total == found.total
    bilinear = nn.Bilinear(2, 3, 4)
    assert nn.summary(bilinear, input_size=[(2,), (3,)]).rows[0].output_shape == (-1, 4)
    with pytest.raises(TypeError, match="input_shape, input_data or input_size, one of them"):
        nn.summary(model, (5, 3), input_size=(3,))


# ---- comparisons ----

CLOSE: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "float32": (T([1.0]), T([1.0 + 1e-6]), {}),
    "numbers": (1.0, 1.0 + 1e-8, {}),
    "sequences": ([T([1]), 2], (T([1]), 2), {}),
    "mappings": ({"a": T([1.0])}, {"a": T([1.0])}, {}),
    "nan": (T([np.nan]), T([np.nan]), {"equal_nan": True}),
    "dtype": (T([1.0]), T([1.0]).double(), {"check_dtype": False}),
    "loose": (T([1.0]), T([1.2]), {"rtol": 0.0, "atol": 0.3}),
    "bool": (T([True]), T([True]), {}),
    "empty": (fastnn.zeros(0), fastnn.zeros(0), {}),
}

APART: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "value": (
        T([1.0, 2.0]),
        T([1.0, 4.0]),
        {},
        "Tensor-likes are not close!\n\nMismatched elements: 1 / 2 (50.0%)\n"
        "Greatest absolute difference: 2.0 at index (1,)\n"
        "Greatest relative difference: 0.5 at index (1,)",
    ),
    "number": (1.0, 2.0, {}, "Scalars are not close!\n\nExpected 2.0 but got 1.0."),
    "integers": (T([1]), T([2]), {}, "Tensor-likes are not equal!"),
    "shape": (T([1.0]), T(1.0), {}, "The values for attribute 'shape' do not match"),
    "dtype": (T([1.0]), T([1]), {}, "The values for attribute 'dtype' do not match: float32 != in"),
    "nan": (T([np.nan]), T([np.nan]), {}, "Mismatched elements: 1 / 1 (100.0%)"),
    "length": ([1, 2], [1], {}, "The length of the sequences mismatch: 2 != 1"),
    "keys": ({"a": 1}, {"b": 1}, {}, "The keys of the mappings do not match"),
    "place": ([1, {"a": T([1])}], [1, {"a": T([2])}], {}, "failure occurred for item [1]['a']"),
    "type": (
        nn.Parameter(np.ones(1, "f4")),
        T([1.0]),
        {"allow_subclasses": False},
        "Types do not match: Parameter != Tensor",
    ),
    "message": (1, 2, {"msg": "mine"}, "mine"),
    "a function for it": (1, 2, {"msg": lambda text: "so: " + text[:7]}, "so: Scalars"),
}


@pytest.mark.parametrize("case", CLOSE)
def test_close(case: str) -> None:
    a, b, options = CLOSE[case]
    testing.assert_close(a, b, **options)


@pytest.mark.parametrize("case", APART)
def test_apart(case: str) -> None:
    a, b, options, text = APART[case]
    with pytest.raises(AssertionError, match=re.escape(text)):
        testing.assert_close(a, b, **options)


def test_tolerances_come_together() -> None:
    with pytest.raises(ValueError, match="rtol, atol: expected both or none"):
        testing.assert_close(1.0, 1.0, rtol=1.0)
    with pytest.raises(TypeError, match="actual: expected a Tensor"):
        testing.assert_close("a", "a")


# ---- mixed precision ----


def test_mixed_precision_says_that_it_is_without_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amp, "_warned", set())
    with pytest.warns(UserWarning, match="autocast: without effect"):
        context = fastnn.autocast("cuda", dtype=fastnn.float16)
    with pytest.warns(UserWarning, match="GradScaler: without effect"):
        scaler = fastnn.GradScaler()
    w = fastnn.ones(2, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    @fastnn.cuda.amp.autocast(enabled=False)
    def loss() -> Any:
        return (w * w).sum()

    with context:
        scaler.scale(loss()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert w.tolist() == [0.0, 0.0] and scaler.get_scale() == 1.0 and not scaler.is_enabled()
    scaler.load_state_dict(scaler.state_dict())
    assert not fastnn.is_autocast_enabled() and not amp.is_autocast_available("cuda")
    with pytest.raises(TypeError, match="device_type: expected text"):
        fastnn.autocast(3)  # type: ignore[arg-type]


# ---- settings ----


def test_settings_that_hold_anyway() -> None:
    fastnn.use_deterministic_algorithms(True, warn_only=True)
    assert fastnn.are_deterministic_algorithms_enabled()
    assert not fastnn.is_deterministic_algorithms_warn_only_enabled()
    fastnn.set_deterministic_debug_mode("warn")
    assert fastnn.get_deterministic_debug_mode() == 2
    assert fastnn.set_flush_denormal(True) is False
    fastnn.set_default_tensor_type("torch.DoubleTensor")
    try:
        assert fastnn.ones(1).dtype == "float64"
    finally:
        fastnn.set_default_tensor_type("torch.FloatTensor")
    assert fastnn.ones(1).dtype == "float32"
    with pytest.raises(TypeError, match="t: expected one of FloatTensor, DoubleTensor"):
        fastnn.set_default_tensor_type("torch.LongTensor")
    with pytest.raises(ValueError, match="debug_mode: expected one of"):
        fastnn.set_deterministic_debug_mode("loud")


# ---- functions at the top level ----

X = np.random.RandomState(0).standard_normal((4, 6))
ROW = np.arange(6.0)

TOP: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "dropout": (lambda x, w: fastnn.dropout(x, 1.0, True), lambda x, w: x * 0),
    "dropout off": (lambda x, w: fastnn.dropout(x, 0.5, False), lambda x, w: x),
    "alpha": (lambda x, w: fastnn.alpha_dropout(x, 1.0, True), lambda x, w: x * 0),
    "features": (lambda x, w: fastnn.feature_alpha_dropout(x, 1.0, True), lambda x, w: x * 0),
    "layer_norm": (
        lambda x, w: fastnn.layer_norm(x, (6,), w, None, 1e-3, False),
        lambda x, w: F.layer_norm(x, (6,), w, None, 1e-3),
    ),
    "group_norm": (
        lambda x, w: fastnn.group_norm(x, 2, w, None, 1e-3, False),
        lambda x, w: F.group_norm(x, 2, w, None, 1e-3),
    ),
    "batch_norm": (
        lambda x, w: fastnn.batch_norm(x, w, None, None, None, True, 0.1, 1e-3, False),
        lambda x, w: F.batch_norm(x, None, None, w, None, True, 0.1, 1e-3),
    ),
    "instance_norm": (
        lambda x, w: fastnn.instance_norm(
            x.reshape(1, 4, 6), None, None, None, None, True, 0.1, 1e-3, False
        ),
        lambda x, w: F.layer_norm(x, (6,), eps=1e-3).reshape(1, 4, 6),
    ),
    "embedding": (
        lambda x, w: fastnn.embedding(x, T([2, 0])),
        lambda x, w: F.embedding(T([2, 0]), x),
    ),
    "rrelu": (lambda x, w: fastnn.rrelu(x, 0.5, 0.5, True), lambda x, w: F.leaky_relu(x, 0.5)),
    "threshold": (lambda x, w: fastnn.threshold(x, 0.1, 2.0), lambda x, w: F.threshold(x, 0.1, 2)),
    "selu": (lambda x, w: fastnn.selu(x), lambda x, w: F.selu(x)),
}


@pytest.mark.parametrize("name", TOP)
def test_functions_at_the_top(name: str) -> None:
    given, want = TOP[name]
    x, w = T(X), T(ROW)
    assert given(x, w).tolist() == want(x, w).tolist()
