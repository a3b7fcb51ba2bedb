"""What user code may call without being watched: the closed lists of functions that read nothing
but their arguments. Whatever is not in them makes a function run in Python at every call."""

from __future__ import annotations

import builtins
import cmath
import functools
import itertools
import math
import operator
import os
import types
from collections import OrderedDict, deque, namedtuple
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.compiler.captures.snapshot import CONTAINERS

_PACKAGE = str(Path(__file__).parents[2]) + os.sep
_NUMPY = str(Path(np.__file__).parent) + os.sep
_LIBRARY = str(Path(os.__file__).parent) + os.sep
# Parts of this package whose functions read nothing that a recording does not watch. Code of the
# other parts counts as the user's.
_PARTS = (
    "_core _support tape tensor ops dtype info random backward transforms func autograd compiler "
    "nn optim guards train linalg special distributions amp mindspore __init__"
).split()
_NOT = (
    "optim/lr_scheduler", "train/callbacks", "optim/swa_utils", "mindspore/dataset",
    "mindspore/train/callback", "mindspore/metrics", "mindspore/context",
)  # fmt: skip

_BUILTINS = (
    "abs all any ascii bin bool bytes callable chr classmethod complex dict divmod enumerate "
    "filter float format frozenset hash hex int isinstance issubclass iter len list map max "
    "min next object oct ord pow print property range repr reversed round set slice sorted "
    "staticmethod str sum super tuple type zip __build_class__ NotImplemented Ellipsis True "
    "False None __debug__ getattr hasattr setattr delattr vars dir"
).split()
# They reach attributes by names that are no constants; `code.py` finds the constants of two.
PROBES = {id(f) for f in (getattr, hasattr, setattr, delattr, vars, dir, operator.methodcaller)}
NAMED_PROBES = ("getattr", "hasattr")
_NUMPYS = (
    "array asarray ascontiguousarray zeros ones full zeros_like ones_like full_like arange "
    "linspace logspace geomspace eye identity diag tri tril triu meshgrid sum prod mean std "
    "var median average percentile quantile cumsum cumprod diff max min amax amin nanmax "
    "nanmin nansum nanmean argmax argmin ptp clip round around sort argsort argwhere nonzero "
    "flatnonzero searchsorted unique bincount histogram digitize all any allclose isclose "
    "array_equal where select concatenate stack vstack hstack dstack column_stack split "
    "array_split hsplit vsplit tile repeat flip fliplr flipud roll rot90 reshape ravel "
    "transpose swapaxes moveaxis squeeze expand_dims broadcast_to broadcast_arrays "
    "broadcast_shapes atleast_1d atleast_2d atleast_3d take take_along_axis pad dot vdot "
    "inner outer matmul tensordot einsum kron cross trace interp polyval polyfit convolve "
    "isscalar ndim shape size result_type promote_types can_cast finfo iinfo dtype "
    "count_nonzero nan_to_num real imag angle cov corrcoef gradient trapezoid ix_ "
    "unravel_index ravel_multi_index append insert delete isin intersect1d union1d setdiff1d "
    "iscomplexobj isrealobj"
).split()

_VALUE_TYPES = (str, bytes, int, float, complex, bool, list, dict, tuple, set, frozenset, range)
IMMUTABLE: set[type[Any]] = {
    *(int, float, bool, str, bytes, complex, type(None), range, slice, types.CodeType),
    *(type(Ellipsis), type(NotImplemented), np.dtype, types.GenericAlias, types.UnionType),
    *(operator.itemgetter, types.GetSetDescriptorType, types.MemberDescriptorType),
    *(types.WrapperDescriptorType, types.ClassMethodDescriptorType),
}
IMMUTABLE.add(type(vars(namedtuple("Pair", "x"))["x"]))  # what finds a field
# Attributes of the values above that read more than their value.
HIDDEN_READS = {"format", "format_map", "tofile", "dump", "dumps", "ctypes", "setflags"}
DUNDERS = {"__init__", "__new__", "__class__"}
DUNDERS |= {"__setattr__", "__delattr__", "__post_init__", "__len__", "__getitem__", "__setitem__"}
DUNDERS |= {"__call__", "__iter__", "__next__", "__contains__", "__enter__", "__exit__", "__eq__"}
DUNDERS |= {"__add__", "__mul__", "__sub__", "__radd__", "__rmul__", "__float__", "__int__"}
DUNDERS |= {"__bool__", "__str__", "__repr__", "__hash__", "__index__", "__array__", "__wrapped__"}
WIDE_DUNDERS = {"__dict__", "__getattribute__", "__getattr__", "__slots__"}  # all of an object
# What this package tells that no recording watches.
_OURS_HIDDEN = {"initial_seed", "get_rng_state", "set_rng_state", "seed", "get_state", "set_state"}
_OURS_HIDDEN |= {"get_num_threads", "num_threads", "load", "save", "isa", "allocations"}


def _allowed() -> dict[int, Any]:
    """The functions that read their arguments alone, by id."""
    found = [getattr(builtins, name) for name in _BUILTINS if hasattr(builtins, name)]
    found += [v for v in vars(builtins).values() if _is_error(v)]
    for module in (math, cmath, itertools):
        found += vars(module).values()
    found += [v for k, v in vars(operator).items() if k not in ("attrgetter", "methodcaller")]
    found += [functools.reduce, functools.partial, functools.wraps, functools.update_wrapper]
    found += [OrderedDict, deque, types.SimpleNamespace]
    found += [getattr(np, name) for name in _NUMPYS if hasattr(np, name)]
    found += [v for v in vars(np).values() if isinstance(v, np.ufunc) or _is_dtype(v)]
    linalg = (
        "norm",
        "inv",
        "det",
        "solve",
        "eigh",
        "eig",
        "svd",
        "qr",
        "cholesky",
        "pinv",
        "lstsq",
    )
    found += [getattr(np.linalg, name) for name in linalg]
    return {id(value): value for value in found}


def _is_error(value: Any) -> bool:
    return issubclass(type(value), type) and issubclass(value, BaseException)


def _is_dtype(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, (np.generic, np.ndarray))


_ALLOWED = _allowed()

_MANAGED_WEAKREF, _HEAP_TYPE = 1 << 3, 1 << 9  # flags of a class


def is_allowed(value: Any) -> bool:
    """Whether it is a function or class of a library that reads its arguments alone."""
    return id(value) in _ALLOWED or (_is_error(value) and value.__module__ == "builtins")


def is_numpys(module: types.ModuleType) -> bool:
    return module.__name__.partition(".")[0] == "numpy"


def is_ours(name: Any) -> bool:
    """Whether a module's name is of this package."""
    return isinstance(name, str) and name.partition(".")[0] == "fastnn"


def hides(name: str) -> bool:
    """Whether a name of this package tells what no recording watches."""
    return name in _OURS_HIDDEN


@functools.lru_cache(maxsize=8192)
def _trusted_file(path: str) -> bool:
    if path.startswith(_PACKAGE):
        inner = path[len(_PACKAGE) :].replace(os.sep, "/")
        return inner.partition("/")[0].removesuffix(".py") in _PARTS and not inner.startswith(_NOT)
    return path.startswith((_NUMPY, "<frozen importlib", "<__array_function__"))


def is_trusted(code: types.CodeType, module: Any = None) -> bool:
    """Whether the code reads nothing that a recording does not watch.

    module: the name of its module, which tells whose the methods of data classes are.
    """
    path = code.co_filename
    made = path == "<string>" and isinstance(module, str)
    return _trusted_file(path) or (made and (is_ours(module) or module.startswith("namedtuple_")))


def is_librarys(code: types.CodeType) -> bool:
    """Whether the code is of the standard library."""
    path = code.co_filename
    return path.startswith("<frozen ") or (
        path.startswith(_LIBRARY) and "site-packages" not in path
    )


@functools.lru_cache(maxsize=4096)
def is_python_class(kind: Any) -> bool:
    """Whether all state of the objects is in their `__dict__`, slots and the containers or arrays
    that they are: the classes are made by `class` statements."""
    for base in kind.__mro__:
        if base is object or base in _VALUE_TYPES or base in CONTAINERS:
            continue
        parent = base.__base__ or object
        own = vars(base)
        slots = own.get("__slots__", ())
        slots = (slots,) if isinstance(slots, str) else tuple(slots)
        count = sum(isinstance(v, types.MemberDescriptorType) for v in own.values())
        extra = (base.__basicsize__ - parent.__basicsize__) // 8
        # From Python 3.12 on the list of weak references lies before the object, not in its size.
        weak = "__weakref__" in own and not base.__flags__ & _MANAGED_WEAKREF
        dicts = "__dict__" in own
        if not base.__flags__ & _HEAP_TYPE or not 0 <= extra - count - weak <= dicts:
            return False
        if not isinstance(own.get("__module__"), str):
            return False
    return True


@functools.lru_cache(maxsize=4096)
def disguises(kind: Any) -> bool:
    """Whether the attributes of the objects, or what they tell of their class, come from code of
    the class: even `isinstance` would run it."""
    ask = next(
        vars(base)["__getattribute__"] for base in kind.__mro__ if "__getattribute__" in vars(base)
    )
    return isinstance(ask, types.FunctionType) or any(
        "__class__" in vars(base) for base in kind.__mro__ if base is not object
    )


def of_numpy(kind: Any) -> bool:
    """Whether methods of NumPy, whose code is not followed, read the attributes of the objects."""
    return any(base.__module__.partition(".")[0] == "numpy" for base in kind.__mro__)


def _function_of(found: Any) -> Any:
    """The function in what a class has under a name, or that itself."""
    if isinstance(found, (staticmethod, classmethod)):
        return found.__func__
    return found.fget if isinstance(found, property) else found


@functools.lru_cache(maxsize=1024)
def methods_of(kind: Any) -> tuple[types.CodeType, ...]:
    """The code of the methods and properties of a class."""
    found = [_function_of(value) for value in vars(kind).values()]
    return tuple(f.__code__ for f in found if isinstance(f, types.FunctionType))


def is_given(found: Any) -> bool:
    """Whether a class of this package may have been given this by somebody else."""
    function = _function_of(found)
    if isinstance(function, types.FunctionType):
        return not is_trusted(function.__code__)
    ours = is_ours(type(found).__module__) or is_ours(getattr(found, "__module__", None))
    return not (ours or hasattr(found, "__get__"))


def is_import(code: types.CodeType | None) -> bool:
    """Whether the code is of the import system."""
    return code is not None and code.co_filename.startswith("<frozen importlib")
