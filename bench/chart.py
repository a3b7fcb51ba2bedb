"""Bar chart of docs/benchmarks.md: step times on a logarithmic scale, grouped by case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.cases import MAIN
from bench.report import LABELS, microseconds, rivals_in

COLOURS = {
    "fastnn": "#d1495b",
    "numpy": "#8d99ae",
    "sklearn": "#edae49",
    "torch_eager": "#5b7fa6",
    "torch_compile": "#30638e",
    "keras_jax": "#9a6fb0",
    "jax_jit": "#66a182",
    "jax_scan": "#2e7d5b",
}
INK, GRID = "#333333", "#dddddd"
BAR = 0.8


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw microseconds per training step for the measured main cases."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    main = {case.name for case in MAIN}
    cases = [result for result in results["train"] if result["name"] in main]
    names = rivals_in(cases)
    height = BAR / len(names)
    figure, axes = plt.subplots(figsize=(9, 1 + 0.26 * len(names) * len(cases)), dpi=160)
    for i, name in enumerate(names):
        places, values = [], []
        for at, result in enumerate(cases):
            if name in result["rivals"]:
                places.append(at + (i - (len(names) - 1) / 2) * height)
                values.append(result["rivals"][name]["median_us"])
        bars = axes.barh(places, values, height * 0.9, color=COLOURS[name], label=LABELS[name])
        texts = [microseconds(value) for value in values]
        weight = "bold" if name == "fastnn" else "normal"
        axes.bar_label(bars, texts, padding=3, fontsize=7, color=INK, fontweight=weight)
    axes.set_yticks(range(len(cases)))
    axes.set_yticklabels([f"{c['name']}\n{c['layers']}\nbatch {c['batch']}" for c in cases])
    axes.tick_params(colors=INK, labelsize=8, length=0)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.08, y=0.01)
    axes.set_xlabel("microseconds a training step, log scale, less is better", color=INK, size=8)
    axes.xaxis.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    figure.legend(loc="outside upper center", ncols=len(names), frameon=False, fontsize=8)
    figure.set_layout_engine("constrained")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor="white")
    plt.close(figure)
