"""Models in one safetensors file: the weights, and the configuration to rebuild the layers.

The weights carry the names of `Module.state_dict` ("0.weight" of shape (out, in), "0.bias"), so
that torch and every reader of safetensors can use them. The configuration is JSON in the metadata,
under the key "fastnn"::

    {"schema": 1, "fastnn": "<version>",
     "layers": [{"type": "Linear", "in_features": 64, "out_features": 10, "bias": true}, ...],
     "columns": [{"names": ["age", ...], "dtypes": ["int64", ...]}],
     "extra": {...}}

The columns are those of the table that the model was trained on, if it was one.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn._support import columns
from fastnn._support.device import device
from fastnn._support.dtypes import is_float, readable
from fastnn._support.signatures import signature
from fastnn._version import __version__
from fastnn.io.safetensors import File, FormatError, faults_of, name_of, parse_json, read, write
from fastnn.io.state import restored, save_state
from fastnn.nn.layer import Layer, arguments, optional, take_values, without_values
from fastnn.nn.layers import columns as of_columns, members
from fastnn.tensor import Tensor, of_array

__all__ = ["load", "load_with_extra", "save"]

Array = NDArray[Any]
Config = dict[str, Any]
KEY = "fastnn"  # of our JSON in the metadata
SCHEMA = 1
MAX_DEPTH = 20
STACKS = (nn.Sequential, nn.MLP)  # saved as a Sequential of their layers
KINDS = {
    "tabular": "fastnn.tabular.model:TabularModel",  # as it was written at first
    "tabular_net": "fastnn.tabular.model:TabularModel",
}
"""Models that know more than a net does: what makes them again, imported when a file is of them."""


def save(
    model: Any,
    path: File,
    *,
    extra: Mapping[str, Any] | None = None,
    kind: str | None = None,
    finite: bool = True,
) -> None:
    """Save a model, or state, to one file; a crash leaves the old file or the whole new one.

    Args:
        model: an `nn.Sequential` of the layers fastnn knows how to build again (nested ones too).
            Or state: the `state_dict()` of a module, an optimizer or a schedule, a tensor, an
            array, a number or a text, or any dict, list or tuple of these.
        path: the file to make or replace, by custom ``*.safetensors``; or an open binary file or
            io.BytesIO, which is written to as it is.
        extra: anything JSON can hold, kept beside the weights, such as how the data was scaled.
        kind: of a model around the net that `load` is to give, one of `KINDS`, or None.
        finite: refuse state with nan or inf in a tensor or in a setting of an optimizer (what lies
            under "param_groups"), default True; a model always. Other plain numbers of a state are
            written as they are: the best loss before any epoch is inf.

    Raises:
        TypeError: the model holds a layer of another type, the state something else, or `extra`
            is not JSON.
        ValueError: a weight, a buffer or a setting of an optimizer is nan or infinite.
        OSError: the file cannot be written; the old file is intact.

    Example:
        >>> import fastnn, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> fastnn.io.save(fastnn.nn.Sequential(fastnn.nn.Linear(2, 1)), path)
        >>> fastnn.io.load(path)[0].out_features
        1
    """
    if not isinstance(model, nn.Module):
        return save_state(model, path, finite)
    config = {"schema": SCHEMA, "fastnn": __version__, "layers": described(model)}
    if extra is not None:
        config["extra"] = dict(extra)
    if kind is not None:
        config["kind"] = kind
    if (names := columns.to_json(columns.of_model(model))) is not None:
        config["columns"] = names
    try:
        text = json.dumps(config, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"extra: expected what JSON can hold, got {error}") from None
    tensors = {name: tensor._array for name, tensor in model.state_dict().items()}
    try:
        _checked(config["layers"], tensors, "model")
    except FormatError as error:  # Such as children with names of their own, or mixed dtypes.
        raise TypeError(f"{error}; it could not be loaded again") from None
    for name, array in tensors.items():
        if not np.isfinite(readable(array)).all():
            raise ValueError(f"model: {name} holds nan or inf; train it again with a smaller lr")
    write(path, tensors, {KEY: text})


def load(path: File, map_location: Any = None, weights_only: bool = True) -> Any:
    """Load a file that `save` wrote.

    Args:
        path: the file, or an open binary file or io.BytesIO.
        map_location: None or the CPU.
        weights_only: True; nothing else is ever in a file.

    Returns:
        A new model with the same layers and, bit for bit, the same weights (of a model that
        ``fastnn train`` wrote, one that takes rows as they come); or the state. Of a
        safetensors file that others wrote, its tensors by name, for `load_state_dict`.

    Raises:
        FormatError: the file is not a safetensors file, or its weights do not fit its
            configuration. Nothing was built or allocated beyond the file's size.
        OSError: the file cannot be read.

    Example: see `save`; and

        >>> import fastnn, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "checkpoint")
        >>> net = fastnn.nn.Linear(2, 1)
        >>> fastnn.save({"epoch": 3, "model": net.state_dict()}, path)
        >>> checkpoint = fastnn.load(path)
        >>> checkpoint["epoch"], net.load_state_dict(checkpoint["model"])
        (3, <All keys matched successfully>)
    """
    if map_location is not None:
        device(map_location)
    tensors, metadata = read(path)
    with faults_of(name_of(path)):
        return _made(tensors, metadata, path)


def _made(tensors: dict[str, Array], metadata: dict[str, str], path: File) -> Any:
    """What a file holds."""
    if KEY not in metadata:
        return {key: _of_others(key, array, path) for key, array in tensors.items()}
    config, name = _config(metadata, tensors, path), name_of(path)
    if "state" not in config:
        net, extra = _model(tensors, config, name)
        # Models that 0.1 wrote have no kind: they are known by what is kept with them.
        kind = config.get("kind", "tabular" if {"features", "x_mean"} <= extra.keys() else None)
        return net if kind is None else _around(kind, name)(net, extra, name)
    state = restored(config["state"], tensors, name)
    if tensors:
        _fail(name, f"tensor {next(iter(tensors))[:60]!r}: not in the state")
    return state


def _around(kind: object, name: str) -> Any:
    """What makes the model around a net of this kind."""
    if not isinstance(kind, str) or kind not in KINDS:
        _fail(name, f"configuration: kind {kind!r:.40} is not one of {', '.join(KINDS)}")
    module, _, attribute = KINDS[str(kind)].partition(":")
    return getattr(importlib.import_module(module), attribute).restored


def _of_others(name: str, array: Array, path: File) -> Tensor:
    """A tensor of a file that others wrote; of the unsigned types that tensors have not, a wider
    signed one."""
    if array.dtype.kind == "u" and array.dtype != np.uint8:
        if array.size and int(array.max()) >= 1 << 63:
            _fail(name_of(path), f"tensor {name!r}: {array.max()} does not fit into int64")
        array = array.astype(np.int32 if array.dtype == np.uint16 else np.int64)
    return of_array(array)


def load_with_extra(path: File) -> tuple[nn.Sequential, dict[str, Any]]:
    """Load a model and the `extra` saved with it ({} if there was none).

    Args and errors: as `load`.
    """
    tensors, metadata = read(path)
    with faults_of(name_of(path)):
        return _model(tensors, _config(metadata, tensors, path), name_of(path))


def _model(
    tensors: dict[str, Array], config: Config, name: str
) -> tuple[nn.Sequential, dict[str, Any]]:
    layers: Any = config.get("layers")
    extra = config.get("extra", {})
    if not isinstance(extra, dict):
        _fail(name, "configuration: extra is not an object")
    model = _checked(layers, tensors, name)
    take_values(model, tensors)
    if (names := config.get("columns")) is not None:
        try:
            columns.remember(model, columns.from_json(names))
        except ValueError as error:
            _fail(name, f"configuration: {error}")
    return model, extra


def _fail(path: str, what: str) -> NoReturn:
    raise FormatError(f"{path}: {what}")


def _unknown(name: str, layer: object, expected: str) -> NoReturn:
    raise TypeError(
        f"{name}: expected {expected}, got {type(layer).__name__}; "
        "to keep its weights alone, save its state_dict()"
    )


def known() -> dict[str, type[Layer]]:
    """The layers that a file may name: loading builds these and nothing else."""
    more = (of_columns, members)
    names = vars(nn) | {name: getattr(m, name) for m in more for name in m.__all__}
    found = ((name, kind) for name, kind in sorted(names.items()) if isinstance(kind, type))
    return {name: kind for name, kind in found if issubclass(kind, Layer) and kind._is_kept}


def described(model: nn.Module, prefix: str = "") -> list[Config]:
    """The layers of a model as JSON.

    Raises:
        TypeError: a file cannot say how to build them again.
    """
    if type(model) not in STACKS:
        _unknown("model", model, "nn.Sequential")
    layers: list[Config] = []
    for index, layer in enumerate(model):
        kind = type(layer).__name__
        if type(layer) in STACKS:
            layers.append({"type": "Sequential", "layers": described(layer, f"{prefix}{index}.")})
        elif isinstance(layer, Layer) and known().get(kind) is type(layer):
            layers.append({"type": kind, **layer._config()})
        else:
            _unknown(f"layer {prefix}{index}", layer, f"one of Sequential, {', '.join(known())}")
    return layers


def _config(metadata: Mapping[str, str], tensors: Mapping[str, Array], given: File) -> Config:
    path, size = name_of(given), sum(array.nbytes for array in tensors.values())
    if KEY not in metadata:
        _fail(path, "no fastnn configuration in it; read weights alone with fastnn.load")
    config = parse_json(bytearray(metadata[KEY], "utf-8"), path, "configuration", size)
    schema = config.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        _fail(path, f"configuration: schema {schema!r:.40}, expected {SCHEMA}; update fastnn")
    return config


def _checked(layers: object, tensors: Mapping[str, Array], path: str) -> nn.Sequential:
    """Build the described model without values, after checking that the tensors fit it."""
    with without_values():
        model = _build(layers, "", tensors, path, 0)
    _check_tensors(model.state_dict(), tensors, path)
    return model


def _build(
    layers: object, prefix: str, tensors: Mapping[str, Array], path: str, depth: int
) -> nn.Sequential:
    """Build the layers that the configuration describes, or fail if it is invalid."""
    if not isinstance(layers, list) or depth > MAX_DEPTH:
        _fail(path, f"configuration: layers is not a list, or lists nest deeper than {MAX_DEPTH}")
    kinds, built = known(), list[nn.Module]()
    for index, layer in enumerate(layers):
        at = f"{prefix}{index}"
        kind = layer.get("type") if isinstance(layer, dict) else None
        if kind == "Sequential" and layer.keys() == {"type", "layers"}:
            built.append(_build(layer["layers"], f"{at}.", tensors, path, depth + 1))
        elif isinstance(kind, str) and kind in kinds:
            options = {name: value for name, value in layer.items() if name != "type"}
            built.append(_layer(kinds[kind], options, at, tensors, path))
        else:
            known_ones = f"Sequential, {', '.join(kinds)}"
            _fail(path, f"configuration: layer {at}: type {kind!r:.60} is not one of {known_ones}")
    return nn.Sequential(*built)


def _layer(
    kind: type[Layer], options: Config, at: str, tensors: Mapping[str, Array], path: str
) -> Layer:
    """Build one layer; its constructor checks the options."""
    who = f"configuration: layer {at}: {kind.__name__}"
    if options.keys() - set(optional(kind)) != set(arguments(kind)):
        wanted = ", ".join(arguments(kind)) or "no options"
        _fail(path, f"{who} takes {wanted}, got {', '.join(options)!r:.60}")
    own = (array.dtype for name, array in tensors.items() if name.startswith(f"{at}."))
    dtype = next((dtype for dtype in own if is_float(dtype)), None)
    typed = {"dtype": dtype} if "dtype" in signature(kind).parameters else {}
    try:
        return kind(**options, **typed)
    except (TypeError, ValueError, OverflowError) as error:
        name = str(error).partition(":")[0]
        if name in options:
            _fail(path, f"{who} cannot have {name} = {options[name]!r:.40}")
        _fail(path, f"{who}: {error}")


def _check_tensors(own: Mapping[str, Tensor], tensors: Mapping[str, Array], path: str) -> None:
    for name, tensor in own.items():
        if name not in tensors:
            _fail(path, f"tensor {name!r} is missing")
        array = tensors[name]
        if array.shape != tensor.shape:
            shapes = f"shape {array.shape}, but the configuration says {tensor.shape}"
            _fail(path, f"tensor {name!r}: {shapes}")
        whole = tensor.dtype == np.int64
        if array.dtype != np.int64 if whole else not is_float(array.dtype):
            expected = "int64" if whole else "a floating-point dtype"
            _fail(path, f"tensor {name!r}: expected {expected}, got {array.dtype}")
    for name in tensors:
        if name not in own:
            _fail(path, f"tensor {name[:60]!r}: not in the configuration")
    dtypes = {str(array.dtype) for array in tensors.values() if array.dtype != np.int64}
    if len(dtypes) > 1:
        _fail(path, f"tensors: expected one dtype, got {' and '.join(sorted(dtypes))}")
