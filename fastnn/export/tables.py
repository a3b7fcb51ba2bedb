"""Models of tables: how their rows are prepared, and what the net's numbers mean."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn.export.steps import (
    Array,
    Chain,
    Clip,
    ExportError,
    Input,
    MeanOfMembers,
    Plan,
    Prepare,
    Shape,
    Softmax,
    Sort,
    Step,
    Undo,
)
from fastnn.tabular.design import FLOAT32_MAX, Design
from fastnn.tabular.encoding import Encoder, _parts
from fastnn.tabular.frame import in_columns
from fastnn.tabular.member import Member
from fastnn.tabular.model import TabularModel
from fastnn.tabular.robust import RobustDesign, smooth_clip
from fastnn.tabular.validation import softmax
from fastnn.tape.modes import no_grad
from fastnn.tensor import of_array

__all__ = ["answer", "exact_answer", "rows_of", "tables_of"]

Of = Callable[[nn.Module, Shape, str], Chain]


def tables_of(model: TabularModel, real: Any, chain_of: Of) -> Plan:
    """The plan of a model of tables: it takes rows as they come, and gives probabilities or
    values."""
    prepared = [_prepare(member.design) for member in model.members]
    if any(p.inputs != prepared[0].inputs for p in prepared):
        raise ExportError("the nets of the model read different columns, or other categories")
    several = len(prepared) > 1
    chains = tuple(
        _chain(member, first, chain_of, f"net {number}, layer " if several else "layer ")
        for number, (member, first) in enumerate(zip(model.members, prepared))
    )
    names = tuple(i.name for i in prepared[0].inputs)
    return Plan(model, (len(names),), chains, real, names, model.class_names)


def _chain(member: Member, first: Prepare, chain_of: Of, name: str) -> Chain:
    net = chain_of(member.net, (member.design.width,), name)
    return (first, *net, *_ending(net, member))


def _ending(net: Chain, member: Member) -> list[Step]:
    """From what the net gives to probabilities, or to values in units of the target."""
    shape, target = net[-1].shape, member.target
    steps: list[Step] = []
    if target is None:
        steps.append(Softmax("probabilities", shape, len(shape) - 1))
    if len(shape) == 2:
        steps.append(MeanOfMembers("mean of the members", shape[1:], shape[0]))
        shape = shape[1:]
    if target is not None:
        units = (target.mean, target.deviation, target.log)
        steps.append(Undo("units of the target", shape, *units))
        if np.isfinite([target.low, target.high]).any():
            low, high = np.clip([target.low, target.high], -FLOAT32_MAX, FLOAT32_MAX)
            steps.append(Clip("range of the target", shape, float(low), float(high)))
        if shape != (1,):
            steps.append(Sort("quantiles in order", shape))
    return steps


def _prepare(design: Design | RobustDesign) -> Prepare:
    encoder, robust = design.encoder, isinstance(design, RobustDesign)
    inputs, sources, means, gaps, texts = _inputs(encoder)
    codes = [(source, True) for source in gaps] + [(source, False) for source in texts]
    sizes = encoder.sizes
    keep = design.one_hot if isinstance(design, RobustDesign) else max(sizes, default=0)
    order = [i for i, n in enumerate(sizes) if n <= keep] + [
        i for i, n in enumerate(sizes) if n > keep
    ]
    tables: list[Array | None] = []
    on: list[Array | None] = []
    off: list[Array | None] = []
    at = len(sources)
    for i in (i for i in order if sizes[i] <= keep):
        table, ones, zeros, at = _coded(design, sizes[i], at)
        tables.append(table)
        on.append(ones)
        off.append(zeros)
    if isinstance(design, RobustDesign):
        center, factor = design.center[: len(sources)], design.scale[: len(sources)]
    else:
        center, factor = design.scale.mean, design.scale.std
    return Prepare(
        "preparation",
        (design.width,),
        inputs,
        sources,
        np.array(means, np.float64),
        center,
        factor,
        robust,
        tuple(codes[i] for i in order),
        tuple(tables),
        tuple(on),
        tuple(off),
        len(order) - len(tables),
    )


def _inputs(
    encoder: Encoder,
) -> tuple[tuple[Input, ...], tuple[int, ...], list[float], list[int], list[int]]:
    """The inputs; those of the numbers, their means; inputs with gaps; those with categories.

    A date is as many inputs as it has parts that vary.
    """
    inputs: list[Input] = []
    sources: list[int] = []
    means: list[float] = []
    gaps: list[int] = []
    texts: list[int] = []
    for feature in encoder.features:
        if feature.gaps:
            gaps.append(len(inputs))
        if feature.kind == "category":
            texts.append(len(inputs))
            inputs.append(Input(feature.name, feature.categories))
            continue
        means += feature.means
        for part in feature.parts or ("",):
            sources.append(len(inputs))
            name = f"{feature.name}.{part}" if part else feature.name
            inputs.append(Input(name, meaning=PARTS.get(part, "number")))
    return tuple(inputs), tuple(sources), means, gaps, texts


PARTS = {
    "days": "days since 1970-01-01, with the hours as a fraction",
    "year": "year",
    "month": "month, 1 to 12",
    "day": "day of the month, 1 to 31",
    "weekday": "0 is Monday",
    "hour": "hour, with the minutes as a fraction",
}
"""What the parts of a date are."""


def _coded(
    design: Design | RobustDesign, size: int, at: int
) -> tuple[Array | None, Array | None, Array | None, int]:
    """What each index of a category becomes: a table for one column, or the numbers of on and off
    for more; and the first column behind them."""
    if isinstance(design, RobustDesign):
        width = design.columns_of(size)
        end = at + width
        center, scale = design.center[at:end], design.scale[at:end]
        if width == 1:
            sign = np.array([0.0, 1.0, -1.0] if size == 3 else [-1.0, 1.0])
            return smooth_clip((sign - center) * scale), None, None, end
        return None, smooth_clip((1 - center) * scale), smooth_clip(-center * scale), end
    width = design.columns_of(size)
    if width == 1:
        return np.array([0.0, -1.0, 1.0] if size == 3 else [0.0, 1.0]), None, None, at + 1
    return None, np.ones(width), np.zeros(width), at + width


# ---- rows to check with ----


def rows_of(
    plan: Plan, count: int, rng: np.random.Generator
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Random rows: columns as the model takes them, and as the exported file does.

    Numbers are about as far from their means as in training; some are missing, and some texts are
    unknown. In the file's rows a category is its index.
    """
    model, prepare = plan.model, plan.prepare
    assert isinstance(model, TabularModel) and prepare is not None
    design = model.design
    spread = {s: (m, f) for s, m, f in zip(prepare.sources, prepare.center, prepare.factor)}
    frame: dict[str, Any] = {}
    given: list[NDArray[np.float32]] = []
    for feature in design.encoder.features:
        center, factor = spread.get(len(given), (0.0, 1.0))
        width = (1 / factor if factor else 1.0) if prepare.robust else factor
        gone = (rng.random(count) < 0.1) & bool(feature.gaps)
        if feature.kind == "category":
            texts = ("(another text)", *feature.categories)
            codes = rng.integers(0, len(texts), count)
            frame[feature.name] = [texts[c] for c in codes]
            given.append(codes.astype(np.float32))
        elif feature.kind == "date":
            days = rng.integers(0, 20000, count)
            dates = days.astype("M8[D]").astype("M8[us]")
            dates[gone] = np.datetime64("NaT")
            frame[feature.name] = dates
            parts = _parts(dates)
            given += [parts[part].astype(np.float32) for part in feature.parts]
        else:
            values = (center + width * rng.standard_normal(count)).astype(np.float32)
            values[gone] = np.nan
            frame[feature.name] = values.astype(np.float64)
            given.append(values)
    return frame, np.stack(given, axis=1)


def answer(plan: Plan, frame: dict[str, Any]) -> NDArray[np.float64]:
    """What the model says of rows: (rows, classes) probabilities, or (rows, 1) values, or
    quantiles."""
    model: Any = plan.model
    if plan.classes:
        return np.asarray(model.predict_proba(frame), np.float64)
    found = model.predict_quantiles(frame) if model.quantiles else model.predict(frame)
    return np.asarray(found, np.float64).reshape(len(found), -1)


def exact_answer(plan: Plan, frame: dict[str, Any]) -> NDArray[np.float64]:
    """The same with the nets in float64; rows are prepared as they are."""
    model = plan.model
    assert isinstance(model, TabularModel)
    rows = in_columns(frame, model.columns, model.features)
    found = [m.of(_in_double(m.net, m.design.apply(rows))) for m in model.members]
    return np.asarray(np.mean([softmax(z) if plan.classes else z for z in found], axis=0))


def _in_double(net: nn.Module, x: NDArray[Any]) -> NDArray[np.float64]:
    wide = copy.deepcopy(net).double().eval()
    with no_grad():
        return np.array(wide(of_array(x.astype(np.float64)))._array)
