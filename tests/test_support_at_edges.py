"""Below layers and operations, where it is seldom: threads, errors, tables, texts, draws."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_columns import NAMES, Pandas, X, Y

import fastnn
import fastnn.__main__
from fastnn import cli, nn, optim
from fastnn._support import blame, check, columns, paths, rows, threads
from fastnn.nn.losses.suited import odd_targets
from fastnn.ops import elementwise
from fastnn.random import rejection
from fastnn.tape import listener


def trainer(loss: nn.Module, width: int = 2) -> fastnn.Trainer:
    model = nn.Linear(3, width)
    return fastnn.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.1))


FITS: list[tuple[nn.Module, Any, dict[str, Any], str]] = [
    (
        nn.MultiLabelMarginLoss(),
        np.zeros((24, 2)),
        {},
        r"y: expected integers \(rows, classes\), got float64 of \(24, 2\)",
    ),
    (nn.MultiLabelMarginLoss(), Y, {}, r"y: expected integers .* got int64 of \(24,\)"),
    (
        nn.CrossEntropyLoss(),
        Y,
        {"sample_weight": np.ones((24, 1))},
        r"sample_weight: expected one number per row, got shape \(24, 1\)",
    ),
]


@pytest.mark.parametrize(("loss", "y", "options", "said"), FITS)
def test_refused_fits(loss: nn.Module, y: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        trainer(loss).fit(X, y, verbose=0, **options)


class Stuck(Pandas):
    """A table whose columns cannot be put in another order."""

    def __getitem__(self, names: list[str]) -> Any:
        return self


def test_tables_that_cannot_be_put_in_order() -> None:
    net = trainer(nn.CrossEntropyLoss())
    net.fit(Pandas(X, NAMES), Y, verbose=0)
    with pytest.raises(
        TypeError, match=r"x: expected the columns in the order of the fit, .*Stuck"
    ):
        net.predict(Stuck(X, NAMES[::-1]))


def test_other_parts_than_at_the_fit_are_left_to_who_counts_them() -> None:
    known = columns.columns_of((Pandas(X, NAMES), Pandas(X, NAMES)))
    parts = (Pandas(X, NAMES[::-1]),)
    assert columns.matched(parts, known) is parts
    both = columns.matched(parts * 2, known)
    assert [part.columns for part in both] == [NAMES, NAMES]


def test_large_targets_that_are_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    """They keep their type where they are fine; else the row is named."""
    monkeypatch.setattr(rows, "LARGE", 1)
    y = np.ones((5, 1), np.float16)
    assert rows.as_targets(y, 5, np.float32).dtype == np.float16
    y[3] = np.nan
    with pytest.raises(ValueError, match="y: expected finite numbers, got nan at row 3"):
        rows.as_targets(y, 5, np.float32)


def test_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="path: expected a file that may be written"):
        paths.writable(str(tmp_path / "new"))


ODD: list[Any] = [np.zeros(0), np.array([True]), np.array(["a"])]


@pytest.mark.parametrize("targets", ODD)
def test_targets_of_which_nothing_can_be_said(targets: Any) -> None:
    assert odd_targets(nn.BCEWithLogitsLoss(), "", targets) is None


# ---- errors that name arguments ----


@blame.blames
def bad(x, error: Any = None):  # type: ignore[no-untyped-def]
    """Of which x is not annotated."""
    raise error


def test_errors_of_functions_that_say_less() -> None:
    with pytest.raises(ValueError, match=r"^bad: no good$"):
        bad(1, ValueError("no good"))
    with pytest.raises(ValueError) as caught:
        bad(1, ValueError(3))
    assert caught.value.args == (3,)


def test_an_axis_that_is_no_number() -> None:
    with pytest.raises(TypeError, match="dim: expected an integer, got '0'"):
        fastnn.ones(2, 3).size("0")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"dim: expected an integer, got 0\.5"):
        check.axis("sum", 0.5, 2)


def test_operands_of_two_dtypes_below_promotion() -> None:
    one, two = (fastnn.ones(2, dtype=t) for t in (fastnn.float32, fastnn.float64))
    with pytest.raises(TypeError, match=r"add: expected .*float32.* float64"):
        elementwise.apply(elementwise.TABLE["add"], (one, two))  # type: ignore[attr-defined]


def test_an_error_of_recording_where_nothing_records() -> None:
    assert str(listener.RecordingError("a text")) == "a text"
    assert listener.part_of(None) == "forward"


# ---- threads ----


@pytest.mark.parametrize(
    ("environment", "asked", "said"),
    (
        ({}, [], ""),
        ({"OMP_STACKSIZE": "64k"}, ["pthreads"], ""),
        ({"GOMP_STACKSIZE": "64"}, ["pthreads"], ""),
        ({"FASTNN_TEAM": " openmp ", "OMP_STACKSIZE": "64k"}, ["openmp"], "this build is without"),
        ({"FASTNN_TEAM": "tbb"}, ["tbb"], "expected openmp or pthreads, got 'tbb'; using pthreads"),
    ),
)
def test_where_threads_come_from(
    environment: dict[str, str], asked: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FASTNN_TEAM", "OMP_STACKSIZE", "GOMP_STACKSIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    seen: list[str] = []
    engine = SimpleNamespace(
        set_team_provider=lambda name: seen.append(name) or name == "pthreads",
        team_provider=lambda: "pthreads",
    )
    monkeypatch.setattr(threads, "engine", engine)
    if said:
        with pytest.warns(UserWarning, match=said):
            threads._select_provider()
    else:
        threads._select_provider()
    assert seen == asked


@pytest.mark.parametrize("cpus", (1, 4))
def test_a_bound_thread_is_told(cpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SimpleNamespace(openmp_cpus=lambda: 8, team_provider=lambda: "pthreads")
    monkeypatch.setattr(threads, "engine", engine)
    monkeypatch.setattr(threads, "available_cpus", lambda: cpus)
    monkeypatch.setattr(threads, "_binding", lambda: "OMP_PROC_BIND")
    if cpus == 1:
        with pytest.warns(UserWarning, match="OMP_PROC_BIND: .* one of 8 processors"):
            threads._warn_of_binding()
    else:
        threads._warn_of_binding()  # a warning would be an error


# ---- draws ----

AT_ONCE = 0.5, 0.1  # the number nearest to the mean, taken without a look at its probability
FAR_BELOW, FAR_ABOVE = (1e-6, 0.5), (1 - 1e-6, 0.5)
UNLIKELY = 0.05, 0.99  # a number that is possible, refused by its probability
REJECTED = [
    (rejection._large_poisson, (10.0,), [FAR_BELOW, UNLIKELY, AT_ONCE], 10),
    (rejection._large_binomial, (40.0, 0.5), [FAR_ABOVE, FAR_BELOW, UNLIKELY, AT_ONCE], 20),
]


@pytest.mark.parametrize(("draw", "parameters", "uniform", "want"), REJECTED)
def test_rejected_draws(draw: Any, parameters: Any, uniform: Any, want: int) -> None:
    """Two more uniform numbers are taken each time, and the first that fits is the result."""
    left = itertools.chain.from_iterable(uniform)
    assert draw(left.__next__, *parameters) == want
    assert not list(left)


def test_draws_whose_result_is_known() -> None:
    zero = fastnn.zeros(2)
    assert rejection.standard_gamma(zero).tolist() == [np.finfo("f4").tiny] * 2
    assert rejection.poisson(zero).tolist() == [0, 0]
    seeds = [fastnn.Generator(*given).initial_seed() for given in ((), ("cpu",))]
    assert seeds[0] == seeds[1]


@pytest.mark.parametrize("randomness", ("same", "different"))
def test_seeds_of_samples(randomness: str) -> None:
    """As many as there are samples, or one for all."""

    def seeded(x: fastnn.Tensor) -> fastnn.Tensor:
        return x + fastnn.random.derive_seed()

    found = fastnn.vmap(seeded, randomness=randomness)(fastnn.zeros(3, dtype=fastnn.int64))
    assert len(set(found.tolist())) == (1 if randomness == "same" else 3)
    assert all(0 <= seed < 2**63 for seed in found.tolist())


# ---- texts ----


def test_printing_of_what_is_long_along_one_axis() -> None:
    """Only that one is cut."""
    text = repr(fastnn.zeros(1200, 2))
    assert text.count("[0., 0.]") == 6 and text.count("...") == 1


def test_close_tensors_that_lie_otherwise() -> None:
    one, two = fastnn.ones(2, 3), fastnn.ones(3, 2).T
    fastnn.testing.assert_close(one, two)
    with pytest.raises(AssertionError, match=r"'stride\(\)' do not match"):
        fastnn.testing.assert_close(one, two, check_stride=True)


def test_the_command_is_that_of_the_module() -> None:
    assert fastnn.__main__.main is cli.main


# ---- the rest ----


def test_devices_that_are_none() -> None:
    fastnn.set_default_device(None)
    assert str(fastnn.get_default_device()) == "cpu"


def test_scalers_say_once_that_they_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastnn.amp, "_warned", set())
    with pytest.warns(UserWarning, match="^name: a text$") as caught:
        for _ in range(2):
            fastnn.amp._say("name", "a text")
    assert len(caught) == 1


def test_derivatives_as_torchs() -> None:
    functional, x = fastnn.autograd.functional, fastnn.tensor([3.0])
    value, slope = functional.jvp(lambda x: x * x, x)
    assert (value.tolist(), slope.tolist()) == ([9], [6])
    with pytest.raises(RuntimeError, match="v: expected one"):
        functional.jvp(lambda x: x * x, fastnn.ones(2))
    with pytest.raises(ValueError, match=r"outer_jacobian_strategy: .* got 'sideways'"):
        functional.hessian(lambda x: x.sum(), x, outer_jacobian_strategy="sideways")
    turned = functional.hessian(lambda x: (x**3).sum(), x, outer_jacobian_strategy="forward-mode")
    assert turned.tolist() == [[18]]


DIMS: list[tuple[Any, Any, str]] = [
    (((0,),), {"a": 1}, "got tuple for dict"),
    (({"b": 0},), {"a": 1}, r"expected the keys \['a'\], got \['b'\]"),
    (({"a": 0, "b": 0},), {"a": 1}, r"expected the keys \['a'\], got \['a', 'b'\]"),
    (((0, 0),), [1], "expected 1 entries, got 2"),
]


@pytest.mark.parametrize(("dims", "tree", "said"), DIMS)
def test_axes_of_another_structure(dims: Any, tree: Any, said: str) -> None:
    x = fastnn.ones(2)
    given = {k: x for k in tree} if isinstance(tree, dict) else [x]
    with pytest.raises(ValueError, match=f"in_dims: .*{said}"):
        fastnn.vmap(lambda tree: x, in_dims=dims)(given)


def test_batch_norm_of_each_sample() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    each = fastnn.vmap(lambda x: nn.functional.batch_norm(x, None, None, training=True))
    want = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(each(fastnn.tensor(x)).numpy(), want, rtol=1e-6)


def test_memory_in_no_order() -> None:
    """Axes that neither C's nor Fortran's order has: no view by strides, but slices, of a copy."""
    array = np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2).copy("K")
    x = fastnn.from_numpy(array)
    with pytest.raises(ValueError, match="as_strided: expected memory without gaps"):
        fastnn.as_strided(x, (2,), (1,))
    want = np.lib.stride_tricks.sliding_window_view(array, 2, 2)
    np.testing.assert_array_equal(x.unfold(2, 2, 1).numpy(), want)
