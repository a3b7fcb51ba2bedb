"""Remake tests/goldens/layers.json: torch's results for the layers of cases.

PYTHONPATH=tests python tests/goldens/make_layers.py
"""

from __future__ import annotations

import json
from typing import Any

import torch
from cases import stored
from cases.activations import ACTIVATIONS
from cases.inits import GAINS, INITS, STARTS, shapes_of
from cases.layers import LAYERS, Golden, numbers


def rounded(x: Any, digits: int = 12) -> list[float]:
    return [float(f"{v:.{digits}g}") for v in x.detach().numpy().ravel()]


def calls(golden: Golden) -> list[list[Any]]:
    """Of each call: the output, gradients by inputs and parameters, buffers. The last is in
    evaluation, if there are several."""
    layer, given = eval(golden.expression, vars(torch.nn)).double(), golden.calls
    for i, p in enumerate(layer.parameters()):
        p.data.copy_(torch.from_numpy(numbers(50 + i, *p.shape)))
    found = []
    for i, args in enumerate(given):
        if i and i == len(given) - 1:
            layer.eval()
        tensors = [torch.from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in args]
        y = layer(*tensors)
        layer.zero_grad()
        if y.requires_grad:
            (y * torch.from_numpy(numbers(99, *y.shape))).sum().backward()
        grads = [t.grad for t in tensors if t.grad is not None]
        grads += [p.grad for p in layer.parameters()]
        buffers = [b.double() for b in layer.buffers()]
        found.append([rounded(x) for x in (y, *grads, *buffers)])
    return found


def inits() -> dict[str, list[list[float]]]:
    found = {}
    for text in INITS:
        found[text] = values = []
        for shape in shapes_of(text):
            torch.manual_seed(7)
            t = torch.empty(shape)
            eval(text, {**vars(torch.nn.init), "t": t})
            values.append(rounded(t, 7))
    return found


def starts() -> dict[str, list[list[float]]]:
    torch.manual_seed(7)
    layers = {text: eval(text, vars(torch.nn)) for text in STARTS}
    return {text: [rounded(p, 8) for p in layer.parameters()] for text, layer in layers.items()}


if __name__ == "__main__":
    goldens = [golden for entry in (LAYERS | ACTIVATIONS).values() for golden in entry.torch]
    found = {golden.key: calls(golden) for golden in goldens}
    layers = stored.in_order_of(stored.read("layers")["layers"], found)
    gains = {f"{n} {p}": torch.nn.init.calculate_gain(n, p) for n, p in GAINS}
    made: dict[str, Any] = {"layers": layers, "inits": inits(), "gains": gains,
                            "starts": starts()}  # fmt: skip
    text = ",\n".join(
        f'"{part}": {{' + ",\n".join(
            f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in entries.items()
        ) + "}" for part, entries in made.items()
    )  # fmt: skip
    (stored.FOLDER / "layers.json").write_text("{" + text + "}\n")
