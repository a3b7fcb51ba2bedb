"""Whether fastnn's outputs are torch's: structure, shapes, dtypes, values."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import fastnn

from .values import DTYPES, Skip, as_array, dtype_name, flat

Difference = tuple[str, str] | None  # its kind, and what differs


def first(values: np.ndarray, mask: np.ndarray) -> float:
    return float(np.ravel(values)[np.ravel(mask)][0])


def close(
    got: np.ndarray, want: np.ndarray, rtol: float, exact: np.ndarray | None = None
) -> str | None:
    """None, or how they differ. `exact`, torch in float64, forgives what torch itself misses."""
    if got.shape != want.shape:
        return f"shape {got.shape} != {want.shape}"
    if got.dtype.kind in "biu":
        if not np.array_equal(got, want):
            return f"values differ at {int((got != want).sum())} of {got.size}"
        return None
    if got.size == 0:
        return None
    g, w = got.astype(np.float64), want.astype(np.float64)
    nan_g, nan_w = np.isnan(g), np.isnan(w)
    odd = nan_g != nan_w
    if odd.any():
        return f"nan at {int(odd.sum())} of {g.size}: got {first(g, odd)} want {first(w, odd)}"
    odd = (np.isinf(g) | np.isinf(w)) & (g != w) & ~nan_g
    if odd.any():
        return f"inf at {int(odd.sum())}: got {first(g, odd)} want {first(w, odd)}"
    finite = np.isfinite(w)
    if not finite.any():
        return None
    scale = np.abs(w[finite]).max()
    error = np.where(finite, np.abs(np.where(finite, g, 0) - np.where(finite, w, 0)), 0)
    bad = error > rtol * (np.abs(np.where(finite, w, 0)) + min(scale, 1e30)) + 1e-37
    if not bad.any() or as_near(g, w, finite, rtol, exact):
        return None
    return (
        f"values off by {error.max():.3g} (scale {scale:.3g}) at {int(bad.sum())} of {g.size}: "
        f"got {first(g, bad)} want {first(w, bad)}"
    )


def as_near(
    g: np.ndarray, w: np.ndarray, finite: np.ndarray, rtol: float, exact: np.ndarray | None
) -> bool:
    """Whether fastnn is as near to the exact answer as torch, within a factor of four."""
    if exact is None or exact.shape != w.shape:
        return False
    e = exact.astype(np.float64)
    both = np.isfinite(e) & finite
    mine, theirs = np.abs(g - e)[both].max(initial=0), np.abs(w - e)[both].max(initial=0)
    return bool(mine <= 4 * theirs + rtol * np.abs(e[both]).max(initial=0))


def compare(got: Any, want: Any, exact: Any = None, only_shape: bool = False) -> Difference:
    """None, or the first difference between fastnn's outputs and torch's."""
    g, w = flat(got), flat(want)
    e = flat(exact) if exact is not None else [None] * len(w)
    if len(e) != len(w):
        e = [None] * len(w)
    if isinstance(want, torch.Size) or (len(w) == 1 and isinstance(w[0], torch.Size)):
        return None if tuple(got) == tuple(want) else ("value", f"{got} != {want}")
    if len(g) != len(w):
        return "structure", f"{len(g)} outputs, torch has {len(w)}"
    for i, (a, b, x) in enumerate(zip(g, w, e)):
        if isinstance(b, torch.Tensor):
            difference = compare_tensors(i, a, b, x, only_shape)
        else:
            difference = compare_others(i, a, b, only_shape)
        if difference:
            return difference
    return None


def compare_tensors(i: int, a: Any, b: torch.Tensor, exact: Any, only_shape: bool) -> Difference:
    if b.is_complex():
        raise Skip("complex output")
    if not isinstance(a, fastnn.Tensor):
        return "structure", f"output {i} is {type(a).__name__}, torch's a tensor"
    if b.layout != torch.strided:
        raise Skip("sparse output")
    if tuple(a.shape) != tuple(b.shape):
        return "shape", f"output {i}: {tuple(a.shape)}, torch {tuple(b.shape)}"
    if dtype_name(a) != dtype_name(b):
        return "dtype", f"output {i}: {dtype_name(a)}, torch {dtype_name(b)}"
    if only_shape:
        return None
    rtol = DTYPES.tolerance.get(dtype_name(b), 0)
    known = as_array(exact) if isinstance(exact, torch.Tensor) else None
    bad = close(as_array(a), as_array(b), rtol, known)
    return ("value", f"output {i}: {bad}") if bad else None


def compare_others(i: int, a: Any, b: Any, only_shape: bool) -> Difference:
    kinds = f"output {i} is {type(a).__name__}, torch's "
    if b is None:
        return None if a is None else ("structure", kinds + "None")
    if isinstance(b, bool | int | float):
        if type(a) is not type(b):
            return "structure", kinds + type(b).__name__
        same = a == b or (a != a and b != b) or abs(a - b) <= 1e-5 * abs(b)
        return None if only_shape or same else ("value", f"{a} != {b}")
    if isinstance(b, torch.dtype):
        return None if DTYPES.named.get(b) == a else ("dtype", f"{a} != {b}")
    if type(a).__name__ != type(b).__name__ and a != b:
        return "structure", f"{type(a).__name__}, torch's {type(b).__name__}"
    return None


def compare_gradients(got: Any, want: Any, exact: Any = None) -> Difference:
    """Of lists of gradients; None is right where torch has None, not where it has zeros."""
    for i, (g, w) in enumerate(zip(got, want)):
        if (g is None) != (w is None):
            if w is not None and bool((w == 0).all()):
                return "none", f"gradient {i} is None, torch's zeros"
            kinds = ["None" if v is None else "a tensor" for v in (g, w)]
            return "value", f"gradient {i} is {kinds[0]}, torch's {kinds[1]}"
    exact = [None] * len(want) if exact is None else exact
    there = [(g, w, e) for g, w, e in zip(got, want, exact) if w is not None]
    return compare(*([p[i] for p in there] for i in range(3)))
