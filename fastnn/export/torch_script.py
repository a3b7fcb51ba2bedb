"""A model as plain torch code with its weights."""

from __future__ import annotations

import base64
import builtins
import textwrap
from typing import Any

import numpy as np

import fastnn
from fastnn import nn
from fastnn._support.signatures import signature
from fastnn._version import __version__
from fastnn.export.reference import rows_for
from fastnn.export.steps import (
    Clip,
    ExportError,
    MeanOfMembers,
    Plan,
    Prepare,
    Softmax,
    Sort,
    Step,
    Undo,
)
from fastnn.export.torch_parts import PARTS
from fastnn.nn.layer import Layer
from fastnn.tabular.model import TabularModel
from fastnn.tape.modes import no_grad
from fastnn.tensor import of_array

__all__ = ["script_of"]

CHECKED = 16  # rows
HEAD = '''\
"""{title}

`build()` gives the net in evaluation mode, with its weights, in plain torch.{columns}
"""
{names}
import base64
import math
import struct
from collections import OrderedDict

import torch
from torch import nn

{parts}
def tensor(form, shape, text):
    """The numbers in a text: of base64, little-endian."""
    values = struct.unpack("<%d%s" % (math.prod(shape), form), base64.b64decode(text))
    kinds = {{"f": torch.float32, "d": torch.float64, "q": torch.int64}}
    return torch.tensor(values, dtype=kinds[form]).reshape(shape)


def build():
    """The net with its weights."""
    net = (
{net}
    )
    net{double}.load_state_dict(STATE)
    return net.eval()


STATE = {{
{state}}}
'''


def script_of(plan: Plan) -> tuple[str, str]:
    """The code, and how it was checked.

    Raises:
        ExportError: what it computes is not what the model does.
    """
    words = _Words()
    net, state = words.model(plan)
    code = HEAD.format(
        title=f"A net that fastnn {__version__} wrote.",
        columns=_columns(plan),
        names=_names(plan),
        parts="".join(PARTS[name].strip("\n") + "\n\n\n" for name in words.parts),
        net=textwrap.indent(net, "        "),
        double=".double()" if np.dtype(plan.real) == np.float64 else "",
        state="".join(_entry(name, values) for name, values in state.items()),
    ).replace("\n\n\n\n", "\n\n\n")
    return code, _compared(plan, code)


def _names(plan: Plan) -> str:
    lines: list[str] = [
        f"{word} = {list(values)!r}\n"
        for word, values in (("INPUTS", plan.names), ("CLASSES", plan.classes))
        if values
    ]
    if plan.prepare is not None:
        found = {c.name: list(c.categories) for c in plan.prepare.inputs if c.categories}
        lines += [f"CATEGORIES = {found!r}\n"] if found else []
    return "\n" + "".join(lines) if lines else ""


def _columns(plan: Plan) -> str:
    if plan.prepare is None:
        return ""
    return (
        " A row has\na number for each of INPUTS: nan where it is missing; of a category its place "
        "in\nCATEGORIES, from 1, or 0 if it is missing or unknown."
    )


def _entry(name: str, values: Any) -> str:
    form = {"f4": "f", "f8": "d", "i8": "q"}[values.dtype.str[1:]]
    data = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    text = textwrap.wrap(base64.b64encode(data).decode(), 88)
    body = "\n".join(f'        "{line}"' for line in text) or '        ""'
    return f'    {name!r}: tensor(\n        "{form}", {tuple(values.shape)!r},\n{body}\n    ),\n'


class _Words:
    """The code of modules, and the parts that torch has not."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def model(self, plan: Plan) -> tuple[str, dict[str, Any]]:
        """The code of a whole model, and its state by the names that it has there."""
        model = plan.model
        if not isinstance(model, TabularModel):
            return self.module(model), _state(model, "")
        found = [
            self._chain(plan, i, m.net, f"nets.{i}." if len(plan.chains) > 1 else "")
            for i, m in enumerate(model.members)
        ]
        state = {name: values for _, s in found for name, values in s.items()}
        if len(found) == 1:
            return found[0][0], state
        return self._call("Mean", [code for code, _ in found]), state

    def _chain(
        self, plan: Plan, number: int, net: nn.Module, prefix: str
    ) -> tuple[str, dict[str, Any]]:
        """A net of a table, between what prepares its rows and what ends it."""
        chain = plan.chains[number]
        last = [i for i, s in enumerate(chain) if s.layer.find("layer ") >= 0][-1]
        ends = [self._step(step) for step in chain[last + 1 :]]
        prepare = chain[0]
        assert isinstance(prepare, Prepare)
        parts = [self._prepare(prepare), self.module(net), *ends]
        return _listed("nn.Sequential", parts), _state(net, f"{prefix}1.")

    def module(self, module: nn.Module) -> str:
        """The code that makes a module again."""
        if isinstance(module, nn.Sequential):
            names = list(module._modules)
            parts = [self.module(m) for m in module._modules.values() if m is not None]
            if names == [str(i) for i in range(len(names))]:
                return _listed("nn.Sequential", parts)
            pairs = [f"({key!r}, {part})" for key, part in zip(names, parts)]
            return _listed("nn.Sequential", [_listed("OrderedDict", [_listed("", pairs)])])
        assert isinstance(module, Layer)
        kind = type(module).__name__
        defaults = signature(type(module)).parameters
        given = [
            f"{key}={value!r}"
            for key, value in module._config().items()
            if key != "inplace" and value != defaults[key].default
        ]
        return self._call(kind, given)

    def _call(self, kind: str, given: list[str]) -> str:
        if kind in PARTS:
            if kind not in self.parts:
                self.parts.append(kind)
            return _listed(kind, given) if kind == "Mean" else f"{kind}({', '.join(given)})"
        return f"nn.{kind}({', '.join(given)})"

    def _step(self, step: Step) -> str:
        if isinstance(step, Softmax):
            return "nn.Softmax(dim=-1)"
        if isinstance(step, MeanOfMembers):
            return self._call("MeanOfMembers", [])
        if isinstance(step, Sort):
            return self._call("Sort", [])
        if isinstance(step, Clip):
            return self._call("Hardtanh", [repr(step.low), repr(step.high)])
        assert isinstance(step, Undo)
        return self._call("Undo", [repr(step.mean), repr(step.deviation), repr(step.log)])

    def _prepare(self, s: Prepare) -> str:
        numbers = list(zip(s.sources, *(v.tolist() for v in (s.means, s.center, s.factor))))
        codes = []
        for k, (source, gap) in enumerate(s.codes):
            count = 0 if gap else len(s.inputs[source].categories or ())
            codes.append((source, count, _table(s, k, 3 if gap else count + 1)))
        lines = [
            "numbers=[\n" + "".join(f"    {n!r},\n" for n in numbers) + "]",
            f"robust={s.robust!r}",
            "codes=[\n" + "".join(f"    {c!r},\n" for c in codes) + "]",
        ]
        self._call("Prepare", [])
        return _listed("Prepare", lines)


def _table(s: Prepare, k: int, size: int) -> list[list[float]] | None:
    """What each code becomes, a row each; None if it stays."""
    if k >= len(s.tables):
        return None
    table, on, off = s.tables[k], s.on[k], s.off[k]
    if table is not None:
        return [[float(v)] for v in table]
    assert on is not None and off is not None
    rows = np.tile(off, (size, 1))
    for i in range(min(len(on), size - 1)):
        rows[i + 1, i] = on[i]
    return [[float(v) for v in row] for row in rows]


def _listed(kind: str, parts: list[str]) -> str:
    """A call with a line for each argument."""
    if not parts:
        return f"{kind}()"
    body = "".join(textwrap.indent(part, "    ") + ",\n" for part in parts)
    return f"{kind}(\n{body})"


def _state(module: nn.Module, prefix: str) -> dict[str, Any]:
    return {f"{prefix}{k}": np.array(v._array) for k, v in module.state_dict().items()}


def _compared(plan: Plan, code: str) -> str:
    """Run the code with fastnn in torch's place, and compare."""
    rows = rows_for(plan, CHECKED, seed=1)
    with no_grad():
        net = _built(code)
        x = rows.x if plan.integers else rows.x.astype(plan.real)
        got = np.array(net(of_array(x))._array, np.float64)
    limit = max(1e-6 * float(abs(rows.y).max(initial=0.0)), 8 * rows.near)
    if got.shape != rows.y.shape or not (abs(got - rows.y) <= limit).all():
        raise ExportError("model: the torch code computes something else than the model")
    return f"equal to 1e-6 on {CHECKED} random rows, with fastnn in torch's place"


def _built(code: str) -> Any:
    def take(name: str, *args: Any, **kwargs: Any) -> Any:
        return fastnn if name == "torch" else __import__(name, *args, **kwargs)

    space: dict[str, Any] = {"__builtins__": vars(builtins) | {"__import__": take}}
    space["__name__"] = "net"
    exec(compile(code, "net.py", "exec"), space)
    return space["build"]()
