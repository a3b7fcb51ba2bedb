"""Activation cases: how each is built, its torch counterpart, or its arguments without one.

An entry of ACTIVATIONS is all that a new one needs here. SquaredReLU is a model of one that torch
has not: it gives its equation.
"""

from __future__ import annotations

import numpy as np

from cases.layers import CUBES, Layer, at_points, on

ACTIVATIONS: dict[str, Layer] = {
    "ReLU": Layer(
        at_points("ReLU()"),
        equations={"ReLU()": lambda x: np.maximum(x, 0)},
        options=["ReLU(True)"],
    ),
    "ReLU6": Layer(at_points("ReLU6()")),
    "SquaredReLU": Layer(
        equations={"SquaredReLU()": lambda x: np.maximum(x, 0) ** 2},
        signature="",
        functions={"squared_relu": "input"},
    ),
    "LeakyReLU": Layer(
        at_points("LeakyReLU()", "LeakyReLU(0.3)"),
        options=["LeakyReLU(0.3)", "LeakyReLU(-0.5, True)"],
    ),
    "RReLU": Layer(
        equations={
            "RReLU(0.25, 0.25)": lambda x: np.where(x > 0, x, x / 4),
            "RReLU(0.25, 0.75).eval()": lambda x: np.where(x > 0, x, x / 2),
        },
        nets=["RReLU(0.25, 0.25)"],  # random slopes are drawn eagerly
    ),
    "PReLU": Layer(
        [*at_points("PReLU()", "PReLU(6, 0.1)"), *on("PReLU(3)", (2, 3, 2))],
        nets=["PReLU()", "PReLU(6, 0.1)"],
        options=["Unflatten(1, (2, 3)), PReLU(2), Flatten(1, 2)"],
        functions={"prelu": "input, weight"},
    ),
    "ELU": Layer(at_points("ELU()", "ELU(0.7)"), options=["ELU(0.7)"]),
    "SELU": Layer(at_points("SELU()")),
    "CELU": Layer(at_points("CELU()", "CELU(2.0)"), options=["CELU(2.0)"]),
    "GELU": Layer(
        at_points("GELU()", "GELU('tanh')"),
        nets=["GELU()", "GELU('tanh')"],
        functions={"gelu": "input, approximate=none"},
    ),
    "SiLU": Layer(at_points("SiLU()")),
    "Mish": Layer(at_points("Mish()")),
    "Softplus": Layer(
        at_points("Softplus()", "Softplus(2.0, 5.0)", "Softplus(0.5)"),
        options=["Softplus(2.0, 0.5)"],
        functions={"softplus": "input, beta=1, threshold=20"},
    ),
    "Hardtanh": Layer(
        at_points("Hardtanh()", "Hardtanh(-0.5, 3.0)"), options=["Hardtanh(-0.2, 0.4)"]
    ),
    # torch's gradient takes 1/6 in float32
    "Hardsigmoid": Layer(at_points("Hardsigmoid()", rtol=1e-7)),
    "Hardswish": Layer(at_points("Hardswish()")),
    "Tanh": Layer(at_points("Tanh()")),
    "Sigmoid": Layer(at_points("Sigmoid()")),
    "LogSigmoid": Layer(at_points("LogSigmoid()"), functions={"logsigmoid": "input"}),
    "Softmax": Layer(
        [*at_points("Softmax(1)", "Softmax(0)"), *on("Softmax(dim=1)", (2, 3, 2))],
        nets=["Softmax(1)"],
        options=["Softmax(0)"],
    ),
    "Softmax2d": Layer(
        on("Softmax2d()", (3, 1, 2)), nets=["Unflatten(1, (2, 3, 1)), Softmax2d(), Flatten()"]
    ),
    "LogSoftmax": Layer(
        at_points("LogSoftmax(1)", "LogSoftmax(0)"),
        nets=["LogSoftmax(1)"],
        options=["LogSoftmax(0)"],
    ),
    "Softmin": Layer(
        at_points("Softmin(1)", "Softmin(0)"), nets=["Softmin(1)"], options=["Softmin(0)"]
    ),
    "Softsign": Layer(at_points("Softsign()")),
    "Tanhshrink": Layer(at_points("Tanhshrink()")),
    "Softshrink": Layer(
        at_points("Softshrink()", "Softshrink(2.0)", "Softshrink(0.0)"),
        options=["Softshrink(0.1)"],
        functions={"softshrink": "input, lambd=0.5"},
    ),
    "Hardshrink": Layer(
        at_points("Hardshrink()", "Hardshrink(0.3125)", "Hardshrink(0.0)"),
        options=["Hardshrink(0.2)"],
        functions={"hardshrink": "input, lambd=0.5"},
    ),
    "Threshold": Layer(
        at_points("Threshold(0.5, -2.0)", "Threshold(-1.0, 7.0)"),
        nets=["Threshold(0.1, -0.5)"],
        options=["Threshold(-0.3, 2.0, True)"],
    ),
    "GLU": Layer(
        [*at_points("GLU()", "GLU(-1)"), *on("GLU(0)", (4, 3)), *on("GLU(1)", (2, 4, 2))],
        nets=["GLU() -> 3"],
        options=[CUBES.format("GLU(1)") + " -> 3"],
    ),
}
