"""Values of torch as fastnn's: converted, cloned with their strides, shown in a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import fastnn

MAIN = (torch.float32, torch.float64, torch.int64, torch.bool)
FURTHER = (
    torch.float16,
    torch.bfloat16,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
)
ROUNDED = (torch.float32, torch.float16, torch.bfloat16)  # torch's own rounding may be seen
NAMED = "float16 float32 float64 int8 int16 int32 int64 uint8 bool"  # as values of dtype=


class Skip(Exception):
    """A sample that cannot be converted: another dtype, layout, device."""


def name_of(dtype: Any) -> str:
    return str(dtype).replace("torch.", "").replace("fastnn.", "")


def dtype_name(tensor: Any) -> str:
    return name_of(tensor.dtype)


def kept_by_fastnn(dtype: torch.dtype) -> bool:
    """Whether fastnn has tensors of the dtype."""
    try:
        theirs = getattr(fastnn, name_of(dtype))
        return dtype_name(fastnn.zeros(1, dtype=theirs)) == name_of(dtype)
    except (AttributeError, TypeError, ValueError):
        return False


class Dtypes:
    """The dtypes that samples are drawn in and that tensors may have.

    `main` are those of the stored figures; `all` adds what else fastnn has.
    """

    def __init__(self) -> None:
        self.use("main")

    def use(self, which: str) -> None:
        more = [d for d in FURTHER if which == "all" and kept_by_fastnn(d)]
        self.samples: tuple[torch.dtype, ...] = (*MAIN, *more)
        names = dict.fromkeys([*NAMED.split(), *map(name_of, more)])
        self.named = {getattr(torch, n): getattr(fastnn, n) for n in names if hasattr(fastnn, n)}
        self.tolerance = {"float32": 1e-5, "float64": 1e-9}
        if more:  # one unit in the last place
            self.tolerance |= {"float16": 2.0**-10, "bfloat16": 2.0**-7}


DTYPES = Dtypes()


# ---- arrays ----


def array_of(t: torch.Tensor) -> np.ndarray:
    """A NumPy copy of a torch tensor with its strides, expanded and overlapping ones too."""
    t = t.detach()
    if t.numel() == 0 or t.dim() == 0:
        return t.numpy().copy()
    try:
        n = sum((s - 1) * st for s, st in zip(t.shape, t.stride())) + 1
        base = torch.as_strided(t, (n,), (1,), t.storage_offset()).numpy().copy()
        strides = [s * t.element_size() for s in t.stride()]
        return np.lib.stride_tricks.as_strided(base, t.shape, strides)
    except Exception:
        return t.numpy().copy()


def as_array(x: Any) -> np.ndarray:
    """What NumPy calculates with: bfloat16 as float32."""
    if not isinstance(x, torch.Tensor | fastnn.Tensor):
        return np.asarray(x)
    x = x.float() if dtype_name(x) == "bfloat16" else x
    if isinstance(x, torch.Tensor):
        return x.numpy(force=True)  # a gradient may be torch's tensor of zeros without memory
    return x.detach().numpy()


# ---- nested values ----


def mapped(x: Any, change: Callable[[Any], Any]) -> Any:
    """Nested values with `change` at every leaf; slices are opened too."""
    if type(x) in (tuple, list):
        return type(x)(mapped(v, change) for v in x)
    if isinstance(x, dict):
        return {k: mapped(v, change) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(*(mapped(v, change) for v in (x.start, x.stop, x.step)))
    return change(x)


def tensors_in(x: Any, kind: type) -> list[Any]:
    """Tensors of a kind in nested values, in order."""
    if isinstance(x, kind):
        return [x]
    if isinstance(x, tuple | list):
        return [t for v in x for t in tensors_in(v, kind)]
    if isinstance(x, dict):
        return [t for v in x.values() for t in tensors_in(v, kind)]
    if isinstance(x, slice):
        return tensors_in((x.start, x.stop, x.step), kind)
    return []


def filled(x: Any, tensors: Iterator[Any]) -> Any:
    """Nested values with other tensors of fastnn in the places of theirs."""
    return mapped(x, lambda v: next(tensors) if isinstance(v, fastnn.Tensor) else v)


def flat(out: Any) -> list[Any]:
    """Outputs as a flat list: None, numbers and tensors count, containers are opened."""
    if isinstance(out, tuple | list) and not isinstance(out, torch.Size):
        return [v for o in out for v in flat(o)]
    if isinstance(out, dict):
        return [v for o in out.values() for v in flat(o)]
    return [out]


def in_double(x: Any, grad: bool = False) -> Any:
    """float32 and halves of torch as float64, for an exact answer; `grad` keeps who needs it."""

    def change(v: Any) -> Any:
        if isinstance(v, torch.Tensor):
            if not grad:
                return v.detach().double() if v.dtype in ROUNDED else v.detach()
            if v.dtype in ROUNDED:
                return v.detach().double().requires_grad_(v.requires_grad)
            return v
        return torch.float64 if v in ROUNDED else v

    return mapped(x, change)


# ---- torch's values as fastnn's ----


def convert_tensor(x: torch.Tensor, memo: dict[int, Any] | None) -> fastnn.Tensor:
    known = x.layout == torch.strided and x.device.type == "cpu" and x.dtype in DTYPES.samples
    if not known or x.is_quantized:
        raise Skip(f"tensor {x.dtype} {x.layout} {x.device}")
    if x.is_conj() or x.is_neg():
        raise Skip("conj")
    if memo is not None and id(x) in memo:
        return memo[id(x)]
    if x.dtype == torch.bfloat16:  # NumPy has none
        y = fastnn.from_numpy(array_of(x.float())).to(fastnn.bfloat16)
    else:
        y = fastnn.from_numpy(array_of(x))
    if x.requires_grad:
        y.requires_grad_()
    if memo is not None:
        memo[id(x)] = y
    return y


def convert(x: Any, memo: dict[int, Any] | None = None) -> Any:
    """fastnn's counterpart of a torch value. `memo` gives the counterpart by the tensor's id."""
    if isinstance(x, torch.Tensor):
        return convert_tensor(x, memo)
    if isinstance(x, torch.dtype):
        if x not in DTYPES.named:
            raise Skip(f"dtype {x}")
        return DTYPES.named[x]
    if isinstance(x, torch.Size):
        return tuple(x)
    if isinstance(x, torch.device):
        if x.type != "cpu":
            raise Skip("device")
        return fastnn.device("cpu")
    if isinstance(x, torch.Generator | torch.layout | torch.memory_format):
        raise Skip(type(x).__name__)
    if isinstance(x, complex | np.complexfloating):
        raise Skip("complex")
    if type(x) is tuple or isinstance(x, list):
        return type(x)(convert(v, memo) for v in x)
    if isinstance(x, dict | slice):
        return mapped(x, lambda v: convert(v, memo))
    plain = bool | int | float | str | np.number | np.bool_ | range
    if x is None or x is Ellipsis or isinstance(x, plain):
        return x
    if isinstance(x, np.ndarray):
        return x.copy()
    if callable(x) and getattr(x, "__module__", "").startswith("torch.nn.functional"):
        return getattr(fastnn.nn.functional, x.__name__)
    raise Skip(f"argument {type(x).__name__}")


def clone(x: Any, memo: dict[int, Any] | None = None) -> Any:
    """A fresh copy of torch's values, strides kept, so that each form starts from the same."""
    memo = {} if memo is None else memo

    def change(v: Any) -> Any:
        if not isinstance(v, torch.Tensor) or v.layout != torch.strided or v.device.type != "cpu":
            return v
        if id(v) not in memo:
            try:
                y = torch.from_numpy(array_of(v))
            except Exception:
                y = v.detach().clone()
            memo[id(v)] = y.requires_grad_(v.requires_grad)
        return memo[id(v)]

    return mapped(x, change)


def cotangents(outs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Fixed random cotangents, one for each float output of torch."""
    rng = np.random.default_rng(7)
    drawn = [np.array(rng.uniform(0.5, 1.5, tuple(o.shape))) for o in outs]
    return [torch.from_numpy(array).to(o.dtype) for array, o in zip(drawn, outs)]


# ---- how a call reads in a report ----


def rounded(v: Any) -> Any:
    if isinstance(v, list):
        return [rounded(w) for w in v]
    return round(v, 4) if isinstance(v, float) else v


def shown(x: Any) -> str:
    """An argument: small tensors by value, others by shape."""
    if isinstance(x, torch.Tensor):
        name = dtype_name(x).replace("float", "f").replace("int", "i")
        name += "g" if x.requires_grad else ""
        if x.numel() <= 8 and x.layout == torch.strided and x.device.type == "cpu":
            return f"{name}:{tuple(x.shape)}={rounded(x.detach().tolist())}"
        whole = x.layout == torch.strided and x.is_contiguous()
        return f"{name}:{tuple(x.shape)}" + ("" if whole else "nc")
    if isinstance(x, list | tuple) and not isinstance(x, torch.Size):
        left, right = "[]" if isinstance(x, list) else "()"
        return left + ", ".join(shown(v) for v in x) + right
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k}={shown(v)}" for k, v in x.items()) + "}"
    return repr(x)


def shown_call(name: str, args: Any, kwargs: dict[str, Any]) -> str:
    parts = [shown(a) for a in args] + [f"{k}={shown(v)}" for k, v in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def said(error: BaseException) -> str:
    """An error in a line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
