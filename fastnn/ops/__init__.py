"""The op table and the public functions of tensors, one file per family.

A family lists its public functions in `__all__`, and those that are Tensor methods in `METHODS`.
"""

from typing import Any

from fastnn._support.blame import name_arguments, naming
from fastnn._support.late import late
from fastnn.ops import (
    arithmetic,
    axes,
    conversions,
    counting,
    cumulative,
    decompositions,
    diagonals,
    differences,
    distances,
    einstein,
    elementwise,
    extremes,
    filling,
    in_place_forms,
    incomplete_gamma,
    indexing,
    inplace,
    interpolation,
    join,
    least_squares,
    matrices,
    matrix_functions,
    operators,
    parts,
    placing,
    pointwise,
    products,
    promote,
    putting,
    quantiles,
    reflections,
    rows,
    scattering,
    searching,
    shapes,
    solving,
    sorting,
    special,
    spectral,
    statistics,
    stored as stored,
    summaries,
    transcendental,
    triangular,
    views,
    whole,
)
from fastnn.ops.arithmetic import *
from fastnn.ops.arithmetic import add_, scaled, sub_
from fastnn.ops.assignment import setitem
from fastnn.ops.axes import *
from fastnn.ops.axes import contiguous, expand
from fastnn.ops.columns import parametric_activation, periodic_embedding
from fastnn.ops.conversions import *
from fastnn.ops.counting import *
from fastnn.ops.cumulative import *
from fastnn.ops.diagonals import *
from fastnn.ops.differences import *
from fastnn.ops.distances import *
from fastnn.ops.einstein import *
from fastnn.ops.elementwise import *
from fastnn.ops.elementwise import copy, gelu, larger, smaller
from fastnn.ops.extremes import *
from fastnn.ops.filling import *
from fastnn.ops.incomplete_gamma import *
from fastnn.ops.indexing import *
from fastnn.ops.indexing import getitem, one_hot
from fastnn.ops.interpolation import *
from fastnn.ops.join import *
from fastnn.ops.join import repeat
from fastnn.ops.loss import bce_with_logits, mse, soft_cross_entropy, softmax_cross_entropy
from fastnn.ops.matmul import linear
from fastnn.ops.matrices import *
from fastnn.ops.norm import batch_norm, layer_norm
from fastnn.ops.parts import *
from fastnn.ops.placing import *
from fastnn.ops.pointwise import *
from fastnn.ops.pointwise import softplus
from fastnn.ops.products import *
from fastnn.ops.promote import *
from fastnn.ops.promote import cast, result_dtype
from fastnn.ops.putting import *
from fastnn.ops.quantiles import *
from fastnn.ops.random import draw_key, dropout
from fastnn.ops.reflections import *
from fastnn.ops.rows import *
from fastnn.ops.rows import accuracy, binary_accuracy, scatter_add_rows, take_rows
from fastnn.ops.scattering import *
from fastnn.ops.searching import *
from fastnn.ops.shapes import *
from fastnn.ops.sorting import *
from fastnn.ops.special import *
from fastnn.ops.spectral import *
from fastnn.ops.statistics import *
from fastnn.ops.summaries import *
from fastnn.ops.table import TABLE, Op, made_by
from fastnn.ops.transcendental import *
from fastnn.ops.triangular import *
from fastnn.ops.update import update_step
from fastnn.ops.views import *
from fastnn.ops.whole import *
from fastnn.ops.write import copy_, div_, lerp_, mul_
from fastnn.tensor import Tensor, printing
from fastnn.tensor.attach import attach

# These families define the functions `fastnn.<name>` and the methods of Tensor.
FAMILIES: tuple[Any, ...] = (
    arithmetic, axes, conversions, counting, cumulative, diagonals, differences, distances,
    einstein, elementwise, extremes, filling, incomplete_gamma, indexing, interpolation, join,
    matrices, parts, placing, pointwise, products, promote, putting, quantiles, reflections, rows,
    scattering, searching, shapes, sorting, special, spectral, statistics, summaries,
    transcendental, triangular, views, whole,
)  # fmt: skip
FUNCTIONS: list[str] = [name for family in FAMILIES for name in family.__all__]

# The public functions, and the building blocks of layers, losses and optimizers.
__all__ = [
    "TABLE", "Op", "accuracy", "add_", "batch_norm", "bce_with_logits", "binary_accuracy", "cast",
    "contiguous", "copy", "copy_", "div_", "draw_key", "dropout", "expand", "gelu", "getitem",
    "larger", "layer_norm", "lerp_", "linear", "mse", "mul_", "one_hot", "parametric_activation",
    "periodic_embedding", "repeat", "result_dtype", "scaled", "scatter_add_rows", "setitem",
    "smaller", "soft_cross_entropy", "softmax_cross_entropy", "softplus", "sub_", "take_rows",
    "update_step",
    *FUNCTIONS,
]  # fmt: skip

# Those that are as short as an op; the others name the argument that was wrong when a call fails.
_SHORT = frozenset(
    """abs add add_ bool cast clone copy_ cos div div_ divide eq exp expand expm1
fill_ float floor ge gt le log log1p lt maximum mean minimum mul mul_ multiply ne neg relu
reshape sigmoid sin softmax sqrt square sub sub_ subtract sum tanh to view zero_""".split()
)
_ELEMENTWISE = frozenset(transcendental.__all__) - {"logaddexp", "logaddexp2"}
for _family in FAMILIES:
    name_arguments(_family, _ELEMENTWISE if _family is transcendental else _SHORT)
    globals().update({name: getattr(_family, name) for name in _family.__all__})
special.xlog1py = naming(special.xlog1py)  # of `fastnn.special` alone
for _family in (inplace, decompositions, least_squares, matrix_functions, solving):
    name_arguments(_family, _SHORT)
for _family in (*FAMILIES, operators, inplace):
    attach(getattr(_family, "METHODS", {}))
IN_PLACE = in_place_forms.in_place_forms({**globals(), **vars(Tensor)}, inplace.METHODS)
IN_PLACE = {name: naming(form) for name, form in IN_PLACE.items()}
attach(IN_PLACE)
printing.name_nodes(made_by)


def __getattr__(name: str) -> Any:
    """Further names of MindSpore's `ops`: losses, `reduce_mean` and the like."""
    return late(__name__, name)
