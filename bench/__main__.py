"""`python -m bench`: run the benchmarks, print tables, write results, update the pages."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from bench import goals, machine, part, pool, report, suite
from bench.cases import CASES

RESULTS = pool.ROOT / "bench" / "results.json"
CHART = "docs/bench.png"
RIVALRY = ("train", "predict", "micro")
SECTIONS = (*RIVALRY, *part.PARTS)
QUICK_REPEATS, QUICK_SECONDS = 5, 0.05


def _list_of(known: tuple[str, ...]) -> Any:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"no {name!r}; there are {', '.join(known)}")
        return names

    return parse


def _options() -> argparse.Namespace:
    rivals = tuple(name for name in suite.RIVALS if name not in suite.ON_REQUEST)
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--cases", type=_list_of(tuple(CASES)), default=tuple(CASES), help="default: all")
    add("--rivals", type=_list_of(suite.RIVALS), default=rivals, help="default: no torch_compile")
    add("--sections", type=_list_of(SECTIONS), help=f"of {','.join(SECTIONS)}")
    add("--quick", action="store_true", help=f"short timings, of {','.join(RIVALRY)} unless told")
    add("--threads", type=int, default=1)
    add("--repeats", type=int, default=15)
    add("--seconds", type=float, default=0.2, help="a timing; each is whole epochs")
    add("--json", type=Path, help="where results go; a full run writes bench/results.json anyway")
    add("--render", action="store_true", help="draw the chart, fill in the pages")
    add("--from", dest="source", type=Path, help="render these results, measure nothing")
    add("--verbose", action="store_true", help="show what the workers write to stderr")
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.seconds = QUICK_REPEATS, QUICK_SECONDS
    options.sections = options.sections or (RIVALRY if options.quick else SECTIONS)
    return options


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _one_line(result: dict[str, Any]) -> str:
    times = [
        f"{name} {report.microseconds(row['median_us'])}" for name, row in result["rivals"].items()
    ]
    return ", ".join(times) + " us" if times else "no times"


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    settings = suite.Settings(
        options.rivals, options.threads, options.repeats, options.seconds, options.verbose
    )
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "threads": options.threads,
        "repeats": options.repeats,
        "seconds": options.seconds,
        "machine": machine.describe(options.threads),
        "versions": {},
        "kernels": {},
        "train": [],
        "predict": [],
        "micro": {},
    }
    peak = results["machine"]["peaks"].get("fma_gflops")
    if "train" in options.sections:
        for name in options.cases:
            started = time.perf_counter()
            results["train"].append(suite.train(name, settings, peak))
            took = time.perf_counter() - started
            _say(f"{name}: {_one_line(results['train'][-1])} ({took:.0f} s)")
    if "predict" in options.sections:
        for rows in suite.PREDICT_ROWS:
            results["predict"].append(suite.predict(rows, settings))
            _say(f"predict {rows}: {_one_line(results['predict'][-1])}")
    if "micro" in options.sections:
        arguments = ("--threads", str(options.threads), "--seconds", str(options.seconds))
        results["micro"] = part.result("micro", *arguments)
    for name in part.PARTS:
        if name in options.sections:
            started = time.perf_counter()
            results[name] = part.result(name, "--json")
            _say(f"{name}: {time.perf_counter() - started:.0f} s")
    for result in results["train"] + results["predict"]:
        results["versions"] |= result.pop("versions")
        results["kernels"] |= result.pop("kernels")
    return results


def _lines(results: dict[str, Any]) -> str:
    """Format results as JSON, one line per measurement."""
    text = json.dumps(results, indent=1) + "\n"
    return re.sub(r"\{[^{}]*\}", lambda found: " ".join(found[0].split()), text)


def _is_full(options: argparse.Namespace) -> bool:
    rivals = set(suite.RIVALS) - set(suite.ON_REQUEST)
    everything = options.cases == tuple(CASES) and options.sections == SECTIONS
    return (
        everything and rivals <= set(options.rivals) and options.threads == 1 and not options.quick
    )


def _render(results: dict[str, Any]) -> None:
    if not any(suite.FASTNN in result["rivals"] for result in results["train"]):
        _say("no time of fastnn in these results: nothing rendered")
        return
    try:
        from bench import chart

        chart.draw(results, pool.ROOT / CHART)
    except ImportError as error:
        _say(f"no chart: {error}; pip install matplotlib")
    tables = part.tables(results)
    wanted = goals.rows(goals.of(results))
    sections = {
        "docs/benchmarks.md": report.benchmarks_section(results),
        "docs/performance.md": report.performance_section(results, wanted, tables),
    }
    for name, section in sections.items():
        if not report.write_section(pool.ROOT / name, section):
            _say(f"{name} has no {report.START} and {report.END}: nothing filled in")


def main() -> int:
    options = _options()
    if options.source:
        results = json.loads(options.source.read_text())
    else:
        results = _measure(options)
        text = _lines(results)
        if _is_full(options):
            RESULTS.write_text(text)
        if options.json:
            options.json.write_text(text)
    print(report.text(results, goals.rows(goals.of(results)), part.tables(results)))
    if options.render or options.source:
        _render(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
