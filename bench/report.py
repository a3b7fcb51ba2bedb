"""Formatting of results: tables for the terminal, Markdown for the pages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

START, END = "<!-- bench:start -->", "<!-- bench:end -->"
LABELS = {
    "fastnn": "fastnn",
    "numpy": "NumPy",
    "sklearn": "scikit-learn",
    "torch_eager": "torch",
    "torch_compile": "torch.compile",
    "keras_jax": "Keras on JAX",
    "jax_jit": "JAX jit",
    "jax_scan": "JAX scan",
    "onnxruntime": "onnxruntime",
}
Rows = list[list[str]]
Section = tuple[str, Rows]


def microseconds(value: float) -> str:
    """Format with three significant digits, at most the precision of the run."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _share(row: dict[str, Any]) -> str:
    return f"{row['peak_share']:.0%}" if "peak_share" in row else "-"


def _times(result: dict[str, Any]) -> str:
    return f"{result['ratio']:.2f}x" if result["ratio"] else "-"


def rivals_in(results: Iterable[dict[str, Any]]) -> list[str]:
    """Every rival that has a time in any of the results, in the order of the labels."""
    seen = {name for result in results for name in result["rivals"]}
    return [name for name in LABELS if name in seen]


def _cells(result: dict[str, Any], names: list[str]) -> list[str]:
    cells = []
    for name in names:
        if name in result["rivals"]:
            cells.append(microseconds(result["rivals"][name]["median_us"]))
        else:
            reason = result["left_out"].get(name, "")
            cells.append("wrong" if reason.startswith("wrong") else "-")
    return cells


def train_table(results: list[dict[str, Any]]) -> Rows:
    names = rivals_in(results)
    head = ["case", "layers", "batch", *(LABELS[name] for name in names)]
    rows = [[*head, "best rival / fastnn", "GF/s", "of peak"]]
    for result in results:
        ours = result["rivals"].get("fastnn")
        rows.append(
            [
                result["name"],
                result["layers"],
                f"{result['batch']}",
                *_cells(result, names),
                _times(result),
                f"{ours['gflops']:.1f}" if ours else "-",
                _share(ours) if ours else "-",
            ]
        )
    return rows


def predict_table(results: list[dict[str, Any]]) -> Rows:
    names = rivals_in(results)
    rows = [["rows", *(LABELS[name] for name in names), "best rival / fastnn"]]
    for result in results:
        rows.append([f"{result['rows']:,}", *_cells(result, names), _times(result)])
    return rows


def spread_table(results: list[dict[str, Any]]) -> Rows:
    """Table of the spread: minimum and quartiles beside each median."""
    rows = [["case", "rival", "median", "min", "quartiles", "GF/s", "curve error"]]
    for result in results:
        for name, row in result["rivals"].items():
            us = {key: microseconds(row[f"{key}_us"]) for key in ("median", "min", "q1", "q3")}
            rows.append(
                [
                    result["name"],
                    LABELS[name],
                    us["median"],
                    us["min"],
                    f"{us['q1']} .. {us['q3']}",
                    f"{row['gflops']:.1f}",
                    f"{row['curve_error']:.0e}",
                ]
            )
    return rows


def micro_tables(micro: dict[str, Any]) -> list[tuple[str, Rows]]:
    elements = [["op", "fastnn", "NumPy", "worst ULP"]]
    for row in micro["activations"] + micro["losses"]:
        numpy, ulp = row.get("numpy"), row.get("ulp")
        beside = [f"{value:.2f}" if value is not None else "-" for value in (numpy, ulp)]
        elements.append([row["op"], f"{row['fastnn']:.3f}", *beside])
    optimizer = [["case", "parameters", "GB/s"]]
    for row in micro["optimizer"]:
        optimizer.append([row["case"], f"{row['parameters']:,}", f"{row['gb_s']:.1f}"])
    calls = [["", "fastnn", "NumPy"], ["add of 8 floats", *_nanoseconds(micro["one_call"])]]
    return [
        ("rows, ns per element", elements),
        ("adam_step, 28 bytes a parameter", optimizer),
        ("one call, ns", calls),
    ]


def _nanoseconds(row: dict[str, float]) -> list[str]:
    return [f"{row['fastnn']:.0f}", f"{row['numpy']:.0f}"]


def machine_line(results: dict[str, Any]) -> str:
    machine, threads = results["machine"], results["threads"]
    peaks = machine["peaks"]
    if "left_out" in peaks:
        measured = f"peaks not measured ({peaks['left_out']})"
    else:
        measured = (
            f"measured peak {peaks['fma_gflops']:.0f} GF/s float32 multiply-add, "
            f"copy {peaks['copy_gb_s']:.0f} GB/s, triad {peaks['triad_gb_s']:.0f} GB/s"
        )
    team = "one thread" if threads == 1 else f"{threads} threads"
    return f"{machine['cpu']}, {machine['cpus']} CPUs, {team}; {measured}"


def left_out(results: dict[str, Any]) -> list[str]:
    """One line per rival and reason."""
    cases: dict[tuple[str, str], list[str]] = {}
    for result in results["train"] + results["predict"]:
        for rival, reason in result["left_out"].items():
            cases.setdefault((rival, reason), []).append(result["name"])
    return [
        f"{LABELS.get(rival, rival)}: {reason} ({', '.join(dict.fromkeys(names))})"
        for (rival, reason), names in cases.items()
    ]


def kernel_line(results: dict[str, Any]) -> str:
    """Which kernels ran in each rival; a rival whose kernels are unknown has no place in a table.

    Raises:
        ValueError: a time without its kernel.
    """
    timed = {name for result in results["train"] + results["predict"] for name in result["rivals"]}
    kernels = results["kernels"]
    unknown = timed - kernels.keys()
    if unknown:
        raise ValueError(f"no table: the kernels of {', '.join(sorted(unknown))} are not known")
    return "; ".join(f"{LABELS[name]}: {kernels[name]}" for name in LABELS if name in timed)


def plain(rows: Rows) -> str:
    """Aligned table, the first two columns to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = zip(row, widths, strict=True)
        lines.append(
            "  ".join(
                cell.ljust(width) if i < 2 else cell.rjust(width)
                for i, (cell, width) in enumerate(cells)
            ).rstrip()
        )
    return "\n".join(lines)


def markdown(rows: Rows) -> str:
    align = ["---" if i == 0 else "--:" for i in range(len(rows[0]))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], align, *rows[1:]])


def text(results: dict[str, Any], goals: Rows, tables: list[Section]) -> str:
    """All results, for the terminal."""
    parts = [machine_line(results), f"kernels: {kernel_line(results)}"]
    sections: list[Section] = []
    if results["train"]:
        sections.append(("training step, us", train_table(results["train"])))
        sections.append(("spread, us", spread_table(results["train"])))
    if results["predict"]:
        sections.append(("predict with the tiny net, us", predict_table(results["predict"])))
    if "one_call" in results["micro"]:
        sections += micro_tables(results["micro"])
    elif results["micro"]:
        parts.append(f"micro: {results['micro']['left_out']}")
    sections += tables
    if len(goals) > 1:
        sections.append(("goals", goals))
    parts += [f"{title}\n{plain(rows)}" for title, rows in sections]
    if left_out(results):
        parts.append("left out\n" + "\n".join(left_out(results)))
    return "\n\n".join(parts)


def benchmarks_section(results: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    parts = [
        "![Time of a training step, fastnn and its rivals](bench.png)",
        "Microseconds of one training step (median; Adam, float32, shuffled epochs):",
        markdown(train_table(results["train"])),
    ]
    if results["predict"]:
        parts.append("Microseconds of predicting with the tiny net (16-32-32-3), NumPy in and out:")
        parts.append(markdown(predict_table(results["predict"])))
    parts.append(
        f"{machine_line(results)}. {results['date']}; {packages}. Kernels that ran: "
        f"{kernel_line(results)}. Every rival's loss curve agrees "
        "with float64 NumPy to 1e-3 over the first steps, or it has no time here. "
        "How it is measured, and how to run it: [bench/README.md](../bench/README.md). Goals, "
        "other losses and layers, two threads: [performance.md](performance.md)."
    )
    return "\n\n".join(parts)


def roofline_table(results: dict[str, Any]) -> Rows:
    """Roofline table: time of the multiply-adds at the peak, our time, the fastest rival's."""
    peak = results["machine"]["peaks"]["fma_gflops"]
    head = ["case", "MFLOP a step", "us at the peak", "fastnn, us", "of peak"]
    rows = [[*head, "best rival, us", "the most it could be beaten by"]]
    for result in results["train"]:
        ours, rival = result["rivals"].get("fastnn"), result["best_rival"]
        if ours is None or rival is None:
            continue
        least, theirs = result["flops"] / peak / 1e3, result["rivals"][rival]["median_us"]
        times = [microseconds(value) for value in (least, ours["median_us"])]
        rows.append(
            [
                result["name"],
                f"{result['flops'] / 1e6:,.2f}",
                *times,
                _share(ours),
                f"{microseconds(theirs)} ({LABELS[rival]})",
                f"{theirs / least:.2f}x",
            ]
        )
    return rows


def performance_section(results: dict[str, Any], goals: Rows, tables: list[Section]) -> str:
    """Markdown of the goals, the roofline and the tables of the parts."""
    sections = [("Goals", goals)]
    if "fma_gflops" in results["machine"]["peaks"]:
        sections.append(("A training step and the peak", roofline_table(results)))
    sections += tables
    parts = [f"{machine_line(results)}. {results['date']}."]
    for title, rows in sections:
        parts += [f"### {title[0].upper()}{title[1:]}", markdown(rows)]
    return "\n\n".join(parts)


def write_section(path: Path, section: str) -> bool:
    """Replace the section between the two marks; False if the file or the marks are missing."""
    if not path.exists():
        return False
    before, start, rest = path.read_text().partition(START)
    _old, end, after = rest.partition(END)
    if not start or not end:
        return False
    path.write_text(f"{before}{START}\n\n{section}\n\n{END}{after}")
    return True
