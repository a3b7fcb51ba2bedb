"""Layer cases: how each is built, its torch counterpart, or its arguments without one.

An entry of LAYERS is all that a new layer needs here; activations are in activations.py.
Expressions are of `nn`: goldens/make_layers.py evaluates them with torch and the tests with fastnn.
Parameters, inputs and the weights of the gradient are drawn here, as float32 numbers, so that one
golden serves both types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WIDTH = 6  # of what goes into a net's layer
# Also where pieces meet, and far out.
POINTS = np.array([
    0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, -6.0, 0.3125, -0.3125,
    1.75, -1.75, 4.25, -4.25, 25.0, -60.0,
]).reshape(3, WIDTH)  # fmt: skip


def numbers(seed: int, *shape: int) -> Array:
    """Float64 numbers of few digits, exact in float32."""
    return np.asarray(np.round(64 * np.random.RandomState(seed).standard_normal(shape)) / 64)


@dataclass(frozen=True)
class Golden:
    """A layer that is compared with torch's: outputs, gradients and buffers."""

    expression: str
    key: str  # in goldens/layers.json
    calls: list[list[Array]]  # the arguments of each; of several the last is in evaluation
    rtol: float = 0.0  # where torch's are rough


def at_points(*expressions: str, rtol: float = 0.0) -> list[Golden]:
    """Each on POINTS."""
    return [Golden(text, text, [[POINTS]], rtol) for text in expressions]


def on(expression: str, *inputs: tuple[int, ...] | Array) -> list[Golden]:
    """On arrays of these shapes, or on these."""
    given = [numbers(i, *a) if isinstance(a, tuple) else a for i, a in enumerate(inputs)]
    return [Golden(expression, expression, [given])]


def in_batches(expression: str, *shapes: tuple[int, ...]) -> list[Golden]:
    """On two batches of a shape, one after the other, and then in evaluation."""
    return [
        Golden(expression, f"{expression} {shape}",
               [[2 * numbers(seed, *shape) + 1] for seed in range(3)])
        for shape in shapes
    ]  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """The test case of one layer.

    nets: what stands between a Linear(6, 6) and a Linear: expressions of nn, after "->" the width
    that they give if it is not 6. Twice, Categories and Held are in test_catalogue_layers.py. Each
    is trained compiled, copied, pickled, saved, and takes the gradient of every loss. By default
    the layer without arguments.
    options: the same, but without a loss's gradient.
    torch: what torch has values of. equations: of what it has not, by expression, the output at
    POINTS in NumPy. tested_in: the file that holds the values of a layer with neither.
    signature, functions: the arguments of the class, and of functions of nn.functional by name,
    where torch has none or tells nothing.
    in_files: `save` can write its nets.
    """

    torch: Sequence[Golden] = ()
    equations: Mapping[str, Callable[[Array], Array]] = field(default_factory=dict)
    nets: Sequence[str] = ()
    options: Sequence[str] = ()
    tested_in: str = ""
    signature: str | None = None
    functions: Mapping[str, str] = field(default_factory=dict)
    in_files: bool = True


# Three axes between two, and back.
CUBES = "Unflatten(1, (2, 3)), {}, Flatten()"

LAYERS: dict[str, Layer] = {
    "Identity": Layer(at_points("Identity()")),
    "Flatten": Layer([*at_points("Flatten()", "Flatten(0)"), *on("Flatten(1, 2)", (2, 2, 3, 1))]),
    "Unflatten": Layer(
        at_points("Unflatten(1, (2, 3))", "Unflatten(-1, (-1, 2))"),
        nets=["Unflatten(1, (2, -1)), Tanh(), Flatten()"],
    ),
    "Linear": Layer(
        [
            *on("Linear(4, 3)", (3, 4)),
            *on("Linear(4, 3, bias=False)", (4,)),
            *on("Linear(3, 2)", (2, 2, 3)),
        ],
        nets=["Linear(6, 4, bias=False) -> 4"],
        options=[
            "Unflatten(1, (2, 3)), Linear(3, 2), Tanh(), Flatten() -> 4",
            "utils.weight_norm(Linear(6, 4)) -> 4",
            "utils.spectral_norm(Linear(6, 4)) -> 4",
        ],
        functions={"linear": "input, weight, bias=None"},
    ),
    "LazyLinear": Layer(
        nets=["LazyLinear(5) -> 5"],
        options=["LazyLinear(5, bias=False) -> 5"],
        tested_in="test_layers.py",
    ),
    "Bilinear": Layer(
        [
            *on("Bilinear(2, 3, 2)", (2,), (3,)),
            *on("Bilinear(3, 2, 4)", (3, 3), (3, 2)),
            *on("Bilinear(3, 2, 1, bias=False)", (2, 2, 3), (2, 2, 2)),
        ],
        nets=["Twice(Bilinear(6, 6, 4)) -> 4"],
        options=["Twice(Bilinear(6, 6, 4, bias=False)) -> 4"],
        functions={"bilinear": "input1, input2, weight, bias=None"},
        in_files=False,
    ),
    "CosineSimilarity": Layer(
        [
            *on("CosineSimilarity()", (3, 4), (3, 4)),
            *on("CosineSimilarity(dim=0, eps=0.5)", (3, 4), (3, 4)),
        ],
        nets=["Twice(CosineSimilarity(-1)), Unflatten(0, (-1, 1)) -> 1"],
        functions={"cosine_similarity": "x1, x2, dim=1, eps=1e-08"},
        in_files=False,
    ),
    "PairwiseDistance": Layer(
        [
            *on("PairwiseDistance()", (3, 4), (3, 4)),
            *on("PairwiseDistance(1.0, 0.1, True)", (3, 4), (4,)),
        ],
        nets=["Twice(PairwiseDistance(keepdim=True)) -> 1"],
        functions={"pairwise_distance": "x1, x2, p=2, eps=1e-06, keepdim=False"},
        in_files=False,
    ),
    "Embedding": Layer(
        [
            *on("Embedding(5, 3)", np.array([[0, 4], [2, 4]])),
            *on("Embedding(5, 3, max_norm=0.7, norm_type=1.0)", np.array([[0, 4], [2, 4]])),
            *on("Embedding(5, 3, scale_grad_by_freq=True)", np.array([0, 4, 2, 4])),
            *on("Embedding(5, 3, padding_idx=-1)", np.array([0, 4, 2, 4])),
        ],
        nets=["Categories(), Embedding(8, 3, padding_idx=0), Flatten() -> 18"],
        options=["Categories(), Embedding(8, 2), Flatten() -> 12"],
        in_files=False,
    ),
    "EmbeddingBag": Layer(
        [
            *on("EmbeddingBag(5, 2, mode='sum')", np.array([0, 4, 2, 4]), np.array([0, 0, 3])),
            *on("EmbeddingBag(5, 2, mode='max', padding_idx=4)", np.array([[0, 4], [4, 4]])),
            *on(
                "EmbeddingBag(5, 2, include_last_offset=True, padding_idx=-1)",
                np.array([0, 4, 2, 4]),
                np.array([0, 2, 4]),
            ),
        ],
        nets=["Categories(), EmbeddingBag(8, 3) -> 3"],
        options=[
            "Categories(), EmbeddingBag(8, 2, mode='sum', padding_idx=0) -> 2",
            "Categories(), EmbeddingBag(8, 2, mode='max') -> 2",
        ],
        in_files=False,
    ),
    "GroupNorm": Layer(
        [
            *in_batches("GroupNorm(2, 6)", (2, 6)),
            *in_batches("GroupNorm(2, 2, eps=0.1, bias=False)", (2, 2, 2)),
        ],
        nets=["GroupNorm(2, 6)"],
        options=["GroupNorm(3, 6, 0.1)", CUBES.format("GroupNorm(2, 2)")],
    ),
    "InstanceNorm1d": Layer(
        [
            *in_batches("InstanceNorm1d(2)", (2, 3)),
            *in_batches(
                "InstanceNorm1d(2, 0.1, 0.4, affine=True, track_running_stats=True)", (2, 2, 3)
            ),
        ],
        nets=[CUBES.format("InstanceNorm1d(2)")],
        options=[
            CUBES.format("InstanceNorm1d(2, affine=True, track_running_stats=True)"),
        ],
    ),
    "ConstantPad1d": Layer(
        [*on("ConstantPad1d((2, -1), 0.5)", (2, 3, 4)), *on("ConstantPad1d(1, -1.0)", (3,))],
        nets=[f"{CUBES.format('ConstantPad1d((2, -1), 0.5)')} -> 8"],
    ),
    "ZeroPad1d": Layer(
        [*on("ZeroPad1d((0, 2))", (2, 3, 4)), *on("ZeroPad1d(-1)", (2, 3))],
        nets=[f"{CUBES.format('ZeroPad1d(1)')} -> 10"],
    ),
    "ReflectionPad1d": Layer(
        [*on("ReflectionPad1d((1, 3))", (2, 3, 4)), *on("ReflectionPad1d(2)", (2, 3))],
        nets=[f"{CUBES.format('ReflectionPad1d(2)')} -> 14"],
    ),
    "ReplicationPad1d": Layer(
        [*on("ReplicationPad1d((1, 3))", (2, 3, 4)), *on("ReplicationPad1d(5)", (2, 3))],
        nets=[f"{CUBES.format('ReplicationPad1d((0, 2))')} -> 10"],
    ),
    "CircularPad1d": Layer(
        [*on("CircularPad1d((1, 3))", (2, 3, 4)), *on("CircularPad1d(3)", (2, 3))],
        nets=[f"{CUBES.format('CircularPad1d((3, 0))')} -> 12"],
    ),
    "ChannelShuffle": Layer(
        [*on("ChannelShuffle(3)", (2, 6, 2)), *on("ChannelShuffle(1)", (1, 2, 1, 2))],
        nets=["Unflatten(1, (6, 1)), ChannelShuffle(2), Flatten()"],
        functions={"channel_shuffle": "input, groups"},
    ),
    "Dropout1d": Layer(
        [*on("Dropout1d(1.0)", (2, 3, 2)), *on("Dropout1d(0.3).eval()", (3, 2))],
        nets=["Dropout1d(0.2)"],
        options=[CUBES.format("Dropout1d(0.4)"), CUBES.format("Dropout1d(0.4, True)")],
    ),
    "LazyBatchNorm1d": Layer(
        nets=["LazyBatchNorm1d()"],
        options=["LazyBatchNorm1d(momentum=None, affine=False)"],
        tested_in="test_new_layers.py",
    ),
    "FeatureAlphaDropout": Layer(
        equations={"FeatureAlphaDropout(0.3).eval()": lambda x: x},
        nets=["FeatureAlphaDropout(0.2)"],
        options=[CUBES.format("FeatureAlphaDropout(0.4)")],
    ),
    "Dropout": Layer(
        at_points("Dropout(0.3).eval()", "Dropout(0.0)", "Dropout(1.0)", "Dropout(1.0).eval()"),
        options=["Dropout(0.0)", "Dropout(0.9)", "Dropout(0.9, True)", "Dropout(1.0)"],
    ),
    "AlphaDropout": Layer(
        at_points("AlphaDropout(0.3).eval()", "AlphaDropout(0.0)", "AlphaDropout(1.0)"),
        nets=["AlphaDropout(0.2)"],
        options=["AlphaDropout(0.0)"],
    ),
    "BatchNorm1d": Layer(
        [
            *in_batches("BatchNorm1d(3)", (5, 3), (2, 3, 2)),
            *in_batches("BatchNorm1d(3, eps=0.1, momentum=0.4)", (4, 3)),
            *in_batches("BatchNorm1d(3, momentum=None)", (4, 3)),
            *in_batches("BatchNorm1d(3, affine=False)", (4, 3)),
            *in_batches("BatchNorm1d(3, bias=False)", (4, 3)),
            *in_batches("BatchNorm1d(2, momentum=None)", (2, 2, 3)),
            *in_batches("BatchNorm1d(2, affine=False, track_running_stats=False)", (3, 2)),
            *in_batches("BatchNorm1d(3, track_running_stats=False)", (4, 3)),
        ],
        nets=[
            "BatchNorm1d(6)",
            "BatchNorm1d(6, affine=False, momentum=None), ReLU()",
            "BatchNorm1d(6), SiLU(), Dropout(0.3), LayerNorm(6)",
        ],
        options=[
            "BatchNorm1d(6, 0.1, 0.4)",
            "BatchNorm1d(6, bias=False)",
            "BatchNorm1d(6, momentum=None)",
            "BatchNorm1d(6, track_running_stats=False)",
            "BatchNorm1d(6, affine=False, track_running_stats=False)",
            CUBES.format("BatchNorm1d(2)"),
        ],
    ),
    "MLP": Layer(
        nets=["MLP(6, [8], 6, Tanh)", "MLP(6, 5, 4, dropout=0.3, batch_norm=True) -> 4"],
        tested_in="test_mlp.py",
        signature="in_features, hidden, out_features, activation=relu, *, dropout=0, "
        "batch_norm=False, bias=True, dtype=None",
    ),
    "LayerNorm": Layer(
        [
            *in_batches("LayerNorm(4)", (3, 4), (4,)),
            *in_batches("LayerNorm((3, 2), eps=0.1)", (2, 3, 2)),
            *in_batches("LayerNorm(4, bias=False)", (2, 2, 4)),
            *in_batches("LayerNorm(4, elementwise_affine=False)", (3, 4)),
        ],
        nets=["LayerNorm(6)"],
        options=[
            "LayerNorm(6, 0.1)",
            "LayerNorm(6, bias=False)",
            "LayerNorm(6, elementwise_affine=False)",
            CUBES.format("LayerNorm((2, 3))"),
        ],
    ),
    "RMSNorm": Layer(
        [
            *in_batches("RMSNorm(4)", (3, 4)),
            *in_batches("RMSNorm((2, 2), eps=0.1)", (3, 2, 2)),
            *in_batches("RMSNorm(4, elementwise_affine=False)", (3, 4)),
            *in_batches("RMSNorm(3, eps=0.0)", (3,)),
        ],
        nets=["RMSNorm(6)"],
        options=[
            "RMSNorm(6, 0.1)",
            "RMSNorm(6, elementwise_affine=False)",
            CUBES.format("RMSNorm((2, 3))"),
        ],
    ),
    "Sequential": Layer(
        nets=["Sequential(Linear(6, 4), ReLU()) -> 4"], tested_in="test_containers.py"
    ),
    "ModuleList": Layer(
        nets=["Held('ModuleList', 'ParameterDict') -> 4"],
        tested_in="test_containers.py",
        in_files=False,
    ),
    "ModuleDict": Layer(
        nets=["Held('ModuleDict', 'ParameterList') -> 4"],
        tested_in="test_nn_more.py",
        in_files=False,
    ),
    "ParameterList": Layer(
        nets=["Held('ModuleList', 'ParameterList') -> 4"],
        tested_in="test_nn_more.py",
        in_files=False,
    ),
    "ParameterDict": Layer(
        nets=["Held('ModuleDict', 'ParameterDict') -> 4"],
        tested_in="test_parameter_dict.py",
        in_files=False,
    ),
    # MindSpore's
    "Dense": Layer(
        nets=["Dense(6, 4, activation='tanh') -> 4"],
        options=["Dense(6, 4, 0.1, None, False, 'relu') -> 4"],
        tested_in="test_namespaces.py",
        signature="in_channels, out_channels, weight_init=None, bias_init=None, has_bias=True, "
        "activation=None, dtype=None",
        in_files=False,
    ),
    "SequentialCell": Layer(
        nets=["SequentialCell(Dense(6, 4), ReLU()) -> 4"],
        tested_in="test_namespaces.py",
        in_files=False,
    ),
    "CellList": Layer(
        nets=["Held('CellList', 'ParameterDict') -> 4"],
        tested_in="test_nn_more.py",
        in_files=False,
    ),
}
