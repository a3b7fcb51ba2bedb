"""What `import fastnn as mindspore` finds at the top: context, seeds, jit, checkpoints."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn import io
from fastnn._support import check
from fastnn._support.tree import leaves
from fastnn.compiler.compiled import Compiled, is_recording
from fastnn.mindspore import context
from fastnn.mindspore.context import GRAPH_MODE, PYNATIVE_MODE, set_context, set_device
from fastnn.mindspore.seeds import get_seed, set_seed
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tape.modes import is_grad_enabled
from fastnn.tensor import Tensor

__all__ = [
    "GRAPH_MODE",
    "PYNATIVE_MODE",
    "context",
    "get_seed",
    "jit",
    "load_checkpoint",
    "load_param_into_net",
    "save_checkpoint",
    "set_context",
    "set_device",
    "set_seed",
]


def jit(fn: Callable[..., Any] | None = None, **options: Any) -> Callable[..., Any]:
    """A decorator: `fastnn.compile`, MindSpore's `jit`.

    A function whose results gradients may be asked of, such as a forward pass, runs as it is
    wherever the tape is on, so that a transform sees through it; under `no_grad` it is a program.
    So put it around a whole training step. The first call is always the function itself.

    Args:
        fn: a function of tensors that returns tensors.
        options: without effect.

    >>> import fastnn
    >>> @fastnn.jit
    ... def double(x):
    ...     return x * 2
    >>> double(fastnn.tensor([1.0, 2.0]))
    tensor([2., 4.])
    """
    if fn is None:
        return functools.partial(jit, **options)
    compiled = Compiled(fn)
    taped: bool | None = None  # whether its results are on the tape; None: not called yet

    @functools.wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        nonlocal taped
        if kwargs or is_recording() or any(getattr(a, "requires_grad", False) for a in args):
            return fn(*args, **kwargs)
        if not is_grad_enabled() or taped is False:
            return compiled(*args)
        result = fn(*args)
        taped = any(getattr(x, "requires_grad", False) for x in leaves(result))
        return result

    return run


def save_checkpoint(
    save_obj: Module | Mapping[str, Tensor] | list[dict[str, Any]],
    ckpt_file_name: str | os.PathLike[str],
) -> None:
    """Write a net's parameters to one file, in the safetensors format.

    Args:
        save_obj: the net, or tensors by name, or a list of `{"name": name, "data": tensor}`.
        ckpt_file_name: the file to make or replace.

    Raises:
        TypeError: something else.
        OSError: the file cannot be written; the old file is intact.
    """
    state: Any = save_obj.state_dict() if isinstance(save_obj, Module) else save_obj
    if isinstance(state, list):
        state = {part["name"]: part["data"] for part in state}
    if not isinstance(state, Mapping):
        raise TypeError(f"save_obj: expected a Cell, a dict or a list, got {check.show(save_obj)}")
    io.write(ckpt_file_name, {name: np.asarray(value) for name, value in state.items()})


def load_checkpoint(
    ckpt_file_name: str | os.PathLike[str], net: Module | None = None
) -> dict[str, Parameter]:
    """Load a file that `save_checkpoint` wrote: parameters by name; also into `net`, if given.

    Raises:
        FormatError: the file is not a safetensors file.
        OSError: the file cannot be read.
    """
    tensors, _ = io.read(ckpt_file_name)
    found = {name: Parameter(array, name=name) for name, array in tensors.items()}
    if net is not None:
        load_param_into_net(net, found)
    return found


def load_param_into_net(
    net: Module, parameter_dict: Mapping[str, Any], strict_load: bool = False
) -> tuple[list[str], list[str]]:
    """Copy parameters by name into a net.

    Args:
        net: the net.
        parameter_dict: names to parameters.
        strict_load: True: the names must be exactly the net's.

    Returns:
        The net's names that were not found, and the names given that it has not.
    """
    report = net.load_state_dict(parameter_dict, strict=strict_load)
    return list(report.missing_keys), list(report.unexpected_keys)
