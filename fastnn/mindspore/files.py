"""Checkpoints of nets, MindSpore's functions on files in the safetensors format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from fastnn import io
from fastnn._support import check
from fastnn._support.paths import a_path
from fastnn.mindspore.tensor import Parameter
from fastnn.nn.module import Module
from fastnn.tensor import Tensor as Plain

__all__ = ["export", "load_checkpoint", "load_param_into_net", "save_checkpoint"]

Path = str | os.PathLike[str]


def _named(save_obj: Any) -> dict[str, Any]:
    """Names and values of what is to be saved."""
    if isinstance(save_obj, Module):
        named = {p.name or path: p for path, p in save_obj.named_parameters()}
        return {**named, **{path: b for path, b in save_obj.named_buffers()}}
    if isinstance(save_obj, list):
        return {part["name"]: part["data"] for part in save_obj}
    if isinstance(save_obj, Mapping):
        return dict(save_obj)
    raise TypeError(f"save_obj: expected a Cell, a dict or a list, got {check.show(save_obj)}")


def save_checkpoint(
    save_obj: Any,
    ckpt_file_name: Path,
    integrated_save: bool = True,
    async_save: bool = False,
    append_dict: Mapping[str, Any] | None = None,
    enc_key: None = None,
    enc_mode: str = "AES-GCM",
    choice_func: Callable[[str], bool] | None = None,
    crc_check: bool = False,
    format: str = "ckpt",
    **kwargs: Any,
) -> None:
    """Write a net's parameters to one file, in the safetensors format whatever its name.

    Args:
        save_obj: the net, or tensors by name, or a list of `{"name": name, "data": tensor}`.
        ckpt_file_name: the file to make or replace; '.ckpt' or '.safetensors' is added.
        append_dict: numbers or tensors to save besides, such as {"epoch_num": 3}.
        choice_func: of a name: whether to save it.
        format: 'ckpt' or 'safetensors': the ending.
        integrated_save, async_save, crc_check, enc_mode, kwargs: without effect.
        enc_key: None only.

    Raises:
        TypeError: something else to save.
        ValueError: an enc_key.
        OSError: the file cannot be written; the old file is intact.
    """
    if enc_key is not None:
        raise ValueError("enc_key: expected None; files are not encrypted")
    check.choice("format", format, ("ckpt", "safetensors"))
    found = _named(save_obj)
    found.update(append_dict or {})
    chosen = {name: v for name, v in found.items() if choice_func is None or choice_func(name)}
    path = a_path(ckpt_file_name, "ckpt_file_name")
    if not path.endswith((".ckpt", ".safetensors")):
        path = f"{path}.{format}"
    arrays = {k: v._array if isinstance(v, Plain) else np.asarray(v) for k, v in chosen.items()}
    # MindSpore reads files alone whose header has the order of the memory.
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    io.write(path, {name: arrays[name] for name in order})


def load_checkpoint(
    ckpt_file_name: Path,
    net: Module | None = None,
    strict_load: bool = False,
    filter_prefix: str | Iterable[str] | None = None,
    dec_key: None = None,
    dec_mode: str = "AES-GCM",
    specify_prefix: str | Iterable[str] | None = None,
    choice_func: Callable[[str], bool] | None = None,
    crc_check: bool = False,
    remove_redundancy: bool = False,
    format: str = "ckpt",
) -> dict[str, Parameter]:
    """Load a file that `save_checkpoint` wrote: parameters by name; also into `net`, if given.

    Args:
        ckpt_file_name: the file.
        net: a net that gets the values.
        strict_load: as of `load_param_into_net`.
        filter_prefix: leave out names that begin so: a text, or several.
        specify_prefix: take names that begin so alone.
        choice_func: of a name: whether to take it.
        dec_key: None only.
        dec_mode, crc_check, remove_redundancy, format: without effect.

    Raises:
        FormatError: the file is not a safetensors file.
        ValueError: no parameter is left, or a dec_key.
        OSError: the file cannot be read.
    """
    if dec_key is not None:
        raise ValueError("dec_key: expected None; files are not encrypted")
    left_out, wanted = _prefixes(filter_prefix), _prefixes(specify_prefix)
    tensors, _ = io.read(ckpt_file_name)
    found = {
        name: Parameter(array, name=name)
        for name, array in tensors.items()
        if not name.startswith(left_out)
        and (not wanted or name.startswith(wanted))
        and (choice_func is None or choice_func(name))
    }
    if not found:
        raise ValueError(
            f"filter_prefix: expected some of {sorted(tensors)} to be left, got none of them"
        )
    if net is not None:
        load_param_into_net(net, found, strict_load)
    return found


def _prefixes(given: str | Iterable[str] | None) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)


def load_param_into_net(
    net: Module,
    parameter_dict: Mapping[str, Any],
    strict_load: bool = False,
    remove_redundancy: bool = False,
) -> tuple[list[str], list[str]]:
    """Copy parameters by name into a net.

    Args:
        net: the net.
        parameter_dict: names to parameters.
        strict_load: True: values are not converted to the parameter's dtype.
        remove_redundancy: without effect.

    Returns:
        The net's names that were not found, and the names given that it has not.

    Raises:
        TypeError: no net, or no dict.
        RuntimeError: a shape, or with strict_load a dtype, that differs.
    """
    if not isinstance(net, Module):
        raise TypeError(f"net: expected a Cell, got {check.show(net)}")
    if not isinstance(parameter_dict, Mapping):
        raise TypeError(f"parameter_dict: expected a dict, got {check.show(parameter_dict)}")
    check.flag("strict_load", strict_load)
    own = _named(net)
    for name in own.keys() & parameter_dict.keys():
        target, given = own[name], parameter_dict[name]
        if tuple(given.shape) != target.shape or (strict_load and given.dtype != target.dtype):
            raise RuntimeError(
                f"{name}: expected shape {target.shape} and {target.dtype}, got "
                f"{tuple(given.shape)} and {given.dtype}"
            )
    state = {name: given for name, given in parameter_dict.items() if name in own}
    by_path = {path: p.name or path for path, p in net.named_parameters()}
    net.load_state_dict(
        {path: state[name] for path, name in by_path.items() if name in state}
        | {path: state[path] for path, _ in net.named_buffers() if path in state},
        strict=False,
    )
    missing = [name for name in own if name not in parameter_dict]
    return missing, [name for name in parameter_dict if name not in own]


def export(net: Module, *inputs: Any, file_name: str, file_format: str, **kwargs: Any) -> None:
    """Write a net for another program to run: not offered here.

    Raises:
        NotImplementedError: always; it says what to use instead.
    """
    raise NotImplementedError(
        f"export: file_format {file_format!r} is not offered; fastnn writes no ONNX or MINDIR. "
        "Save the weights with save_checkpoint (a safetensors file), which MindSpore, torch and "
        "NumPy can read; fastnn.io.to_sklearn hands a Sequential to scikit-learn"
    )
