"""A whole model in one safetensors file: its weights, and what it takes to build it again.

The weights carry the names of `Module.state_dict` ("0.weight" of shape (out, in), "0.bias"), so
that torch and every reader of safetensors can use them. The configuration is JSON in the metadata,
under the key "fastnn"::

    {"schema": 1, "fastnn": "<version>",
     "layers": [{"type": "Linear", "in_features": 64, "out_features": 10, "bias": true}, ...],
     "extra": {...}}
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn import nn, random
from fastnn._support.device import device
from fastnn._version import __version__
from fastnn.io.kinds import COUNT, KINDS, Config, Shapes
from fastnn.io.safetensors import FormatError, parse_json, read, write
from fastnn.io.state import restored, save_state
from fastnn.tensor import Tensor

__all__ = ["load", "load_with_extra", "save"]

Array = NDArray[Any]
KEY = "fastnn"  # of our JSON in the metadata
SCHEMA = 1
MAX_DEPTH = 20


def save(
    model: Any, path: str | os.PathLike[str], *, extra: Mapping[str, Any] | None = None
) -> None:
    """Save a model, or state, to one file; a crash leaves the old file or the whole new one.

    Args:
        model: an `nn.Sequential` of the layers fastnn knows how to build again (nested ones too).
            Or state: the `state_dict()` of a module, an optimizer or a schedule, a tensor, an
            array, a number or a text, or any dict, list or tuple of these.
        path: the file to make or replace, by custom ``*.safetensors``.
        extra: anything JSON can hold, kept beside the weights, such as how the data was scaled.

    Raises:
        TypeError: the model holds a layer of another type, the state something else, or `extra`
            is not JSON.
        ValueError: a weight of a model is nan or infinite.
        OSError: the file cannot be written; the old file is intact.

    Example:
        >>> import fastnn, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> fastnn.io.save(fastnn.nn.Sequential(fastnn.nn.Linear(2, 1)), path)
        >>> fastnn.io.load(path)[0].out_features
        1
    """
    if not isinstance(model, nn.Module):
        return save_state(model, path)
    config = {"schema": SCHEMA, "fastnn": __version__, "layers": described(model)}
    if extra is not None:
        config["extra"] = dict(extra)
    try:
        text = json.dumps(config, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"extra: expected what JSON can hold, got {error}") from None
    tensors = {name: np.asarray(tensor) for name, tensor in model.state_dict().items()}
    try:
        _check_tensors(_expected(config["layers"], "", "model", 0), tensors, "model")
    except FormatError as error:  # Such as children with names of their own, or mixed dtypes.
        raise TypeError(f"{error}; it could not be loaded again") from None
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ValueError(f"model: {name} holds nan or inf; train it again with a smaller lr")
    write(path, tensors, {KEY: text})


def load(path: str | os.PathLike[str], map_location: Any = None, weights_only: bool = True) -> Any:
    """Load what `save` wrote.

    Args:
        path: the file.
        map_location: None or the CPU.
        weights_only: True; nothing else is ever in a file.

    Returns:
        A new model with the same layers and, bit for bit, the same weights; or the state. Of a
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
    if KEY not in metadata:
        return {name: Tensor(array) for name, array in tensors.items()}
    config, name = _config(metadata, tensors, path), os.fsdecode(path)
    if "state" not in config:
        return _model(tensors, config, name)[0]
    state = restored(config["state"], tensors, name)
    if tensors:
        _fail(name, f"tensor {next(iter(tensors))[:60]!r}: not in the state")
    return state


def load_with_extra(path: str | os.PathLike[str]) -> tuple[nn.Sequential, dict[str, Any]]:
    """Load a model, and the `extra` that was saved beside it ({} where there was none).

    Args and errors: as `load`.
    """
    tensors, metadata = read(path)
    return _model(tensors, _config(metadata, tensors, path), os.fsdecode(path))


def _model(
    tensors: dict[str, Array], config: Config, name: str
) -> tuple[nn.Sequential, dict[str, Any]]:
    layers: Any = config.get("layers")
    extra = config.get("extra", {})
    if not isinstance(extra, dict):
        _fail(name, "configuration: extra is not an object")
    shapes = _expected(layers, "", name, 0)
    _check_tensors(shapes, tensors, name)
    drawn = random.get_rng_state()
    try:
        model = _build(layers, "", tensors)
    finally:
        random.set_rng_state(drawn)  # layers begin with random weights, which nobody will see
    model.load_state_dict(tensors)
    return model, extra


def _fail(path: str, what: str) -> NoReturn:
    raise FormatError(f"{path}: {what}")


def _unknown(name: str, layer: object, expected: str) -> NoReturn:
    raise TypeError(
        f"{name}: expected {expected}, got {type(layer).__name__}; "
        "to keep its weights alone, save its state_dict()"
    )


def described(model: nn.Module, prefix: str = "") -> list[Config]:
    """The layers of a model as JSON.

    Raises:
        TypeError: a file cannot say how to build them again.
    """
    if type(model) is not nn.Sequential:
        _unknown("model", model, "nn.Sequential")
    layers: list[Config] = []
    for index, layer in enumerate(model):
        if type(layer) is nn.Sequential:
            inner = described(layer, f"{prefix}{index}.")
            layers.append({"type": "Sequential", "layers": inner})
            continue
        kind = type(layer).__name__
        if kind not in KINDS or type(layer) is not getattr(nn, kind):
            known = ", ".join(["Sequential", *KINDS])
            _unknown(f"layer {prefix}{index}", layer, f"one of {known}")
        options = {name: getattr(layer, name) for name in KINDS[kind].options}
        if "bias" in options:
            options["bias"] = options["bias"] is not None
        layers.append({"type": kind, **options})
    return layers


def _config(
    metadata: Mapping[str, str], tensors: Mapping[str, Array], given: str | os.PathLike[str]
) -> Config:
    path, size = os.fsdecode(given), sum(array.nbytes for array in tensors.values())
    if KEY not in metadata:
        _fail(path, "no fastnn configuration in it; read weights alone with fastnn.load")
    config = parse_json(bytearray(metadata[KEY], "utf-8"), path, "configuration", size)
    schema = config.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        _fail(path, f"configuration: schema {schema!r:.40}, expected {SCHEMA}; update fastnn")
    return config


def _expected(layers: object, prefix: str, path: str, depth: int) -> Shapes:
    """The tensors that these layers have, by name; fails where the configuration is not sound."""
    if not isinstance(layers, list) or depth > MAX_DEPTH:
        _fail(path, f"configuration: layers is not a list, or lists nest deeper than {MAX_DEPTH}")
    shapes: Shapes = {}
    for index, layer in enumerate(layers):
        who = f"configuration: layer {prefix}{index}"
        kind = layer.get("type") if isinstance(layer, dict) else None
        if kind == "Sequential" and layer.keys() == {"type", "layers"}:
            shapes |= _expected(layer["layers"], f"{prefix}{index}.", path, depth + 1)
            continue
        if not isinstance(kind, str) or kind not in KINDS:
            _fail(path, f"{who}: type {kind!r:.60} is not one of Sequential, {', '.join(KINDS)}")
        options = {name: value for name, value in layer.items() if name != "type"}
        if options.keys() != KINDS[kind].options.keys():
            wanted = ", ".join(KINDS[kind].options) or "no options"
            _fail(path, f"{who}: {kind} takes {wanted}, got {', '.join(options)!r:.60}")
        for name, is_valid in KINDS[kind].options.items():
            if not is_valid(options[name]):
                _fail(path, f"{who}: {kind} cannot have {name} = {options[name]!r:.40}")
        for name, shape in KINDS[kind].shapes(options).items():
            shapes[f"{prefix}{index}.{name}"] = shape
    return shapes


def _check_tensors(shapes: Shapes, tensors: Mapping[str, Array], path: str) -> None:
    for name, shape in shapes.items():
        if name not in tensors:
            _fail(path, f"tensor {name!r} is missing")
        array = tensors[name]
        if array.shape != shape:
            _fail(path, f"tensor {name!r}: shape {array.shape}, but the configuration says {shape}")
        known = (np.int64,) if name.endswith(f".{COUNT}") else (np.float32, np.float64)
        if array.dtype not in known:
            expected = " or ".join(kind.__name__ for kind in known)
            _fail(path, f"tensor {name!r}: expected {expected}, got {array.dtype}")
    for name in tensors:
        if name not in shapes:
            _fail(path, f"tensor {name[:60]!r}: not in the configuration")
    dtypes = {str(array.dtype) for array in tensors.values() if array.dtype != np.int64}
    if len(dtypes) > 1:
        _fail(path, f"tensors: expected one dtype, got {' and '.join(sorted(dtypes))}")


def _build(layers: list[Config], prefix: str, tensors: Mapping[str, Array]) -> nn.Sequential:
    built: list[nn.Module] = []
    for index, layer in enumerate(layers):
        name = f"{prefix}{index}."
        if layer["type"] == "Sequential":
            built.append(_build(layer["layers"], name, tensors))
            continue
        options = {key: value for key, value in layer.items() if key != "type"}
        if KINDS[layer["type"]].typed:
            own = [array.dtype for key, array in tensors.items() if key.startswith(name)]
            options["dtype"] = next((dtype for dtype in own if dtype.kind == "f"), None)
        built.append(getattr(nn, layer["type"])(**options))
    return nn.Sequential(*built)
