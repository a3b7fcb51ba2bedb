"""TabM-mini: several nets in one, which share all weights but the first and last."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import nn
from fastnn.nn.layers.columns import Columns, ScheduledDropout
from fastnn.nn.layers.members import Heads, Spread
from fastnn.tabular.realmlp import blank_linear
from fastnn.tabular.recipes import Recipe
from fastnn.tabular.robust import RobustDesign

__all__ = ["build_members", "draw_uniform", "member_groups"]


def draw_uniform(layer: nn.Linear, rng: np.random.Generator) -> None:
    """The first weights of `nn.Linear`: W and b ~ U(-1 / sqrt(d_in), 1 / sqrt(d_in))."""
    for p in layer.parameters():
        p._array[...] = rng.uniform(-1, 1, p.shape) / np.sqrt(layer.in_features)


def build_members(
    design: RobustDesign, outputs: int, recipe: Recipe, rng: np.random.Generator
) -> nn.Sequential:
    """The net of a recipe with members, with its first weights.

    Columns with their embeddings; k factors for each, which make k rows of one; layers with ReLU
    and dropout that all members share; a last layer for each. It gives (rows, k, outputs).

    Source: Gorishniy, Kotelnikov and Babenko 2024; the embeddings are RealMLP's.
    """
    first = Columns(design.numbers, design.plain, design.sizes, recipe.periodic)
    layers: list[nn.Module] = [first, Spread(recipe.members, first.width)]
    width = first.width
    for hidden in recipe.hidden:
        dropout = ScheduledDropout(recipe.dropout)
        dropout.state[0] = rng.integers(2**62)
        layers += [blank_linear(width, hidden), nn.ReLU(), dropout]
        width = hidden
    net = nn.Sequential(*layers, Heads(recipe.members, width, outputs))
    for layer in net:
        if isinstance(layer, Columns | Spread | Heads):
            layer.draw(rng)
        elif isinstance(layer, nn.Linear):
            draw_uniform(layer, rng)
    return net


def member_groups(net: nn.Sequential, recipe: Recipe) -> list[dict[str, Any]]:
    """The parameter groups for AdamW: weights of products with decay, all others without."""
    kinds = (nn.Linear, Heads)
    heavy = [layer.weight for layer in net if isinstance(layer, kinds)]
    ids = {id(p) for p in heavy}
    rest = [p for p in net.parameters() if id(p) not in ids]
    return [
        {"params": heavy, "weight_decay": recipe.decay},
        {"params": rest, "weight_decay": 0.0},
    ]
