"""fastnn held against the test data inside torch's own wheel.

PYTHONPATH=tests:. python -m parity                                all parts, against figures.json
PYTHONPATH=tests:. python -m parity --renew                        the figures are stored
PYTHONPATH=tests:. python -m parity --only op_db --ops add,sum     while a function is written
PYTHONPATH=tests:. python -m parity --dtypes all                   float16, int32 ... as well
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from pathlib import Path

import torch

import fastnn

from .controls import controls, plant
from .report import compared, failures, store, stored, unexplained
from .runs import Options, Part, drive, read, work
from .values import DTYPES

PARTS = ("op_db", "keywords", "module_db", "common_nn", "optim_db")
CONTROLS = "controls"


def part_of(name: str) -> Part:
    return importlib.import_module(f".{name}", __package__)


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="python -m parity", description=__doc__)
    p.formatter_class = argparse.RawDescriptionHelpFormatter
    known = ", ".join([CONTROLS, *PARTS])
    p.add_argument("--only", default="", metavar="PARTS", help=f"some of: {known}")
    p.add_argument("--ops", default="", help="entries by name; no figures are compared")
    p.add_argument("--dtypes", default="main", choices=["main", "all"], help="see values.Dtypes")
    p.add_argument("--renew", action="store_true", help="what is found becomes the stored figures")
    p.add_argument("--report", action="store_true", help="of the last run; runs nothing")
    p.add_argument("--out", type=Path, default=Path("build/parity"), help="folder for the logs")
    for hidden in ("--worker", "--plant"):
        p.add_argument(hidden, default="", help=argparse.SUPPRESS)
    p.add_argument("--start", type=int, default=0, help=argparse.SUPPRESS)
    return p.parse_args()


def worker(name: str, options: Options, start: int) -> None:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    fastnn.set_num_threads(1)
    DTYPES.use(options.dtypes)
    part = part_of(name)
    if options.plant:
        plant(options.plant)
    work(part, name, options, start)


def main() -> int:
    args = arguments()
    ops = tuple(filter(None, args.ops.split(",")))
    options = Options(args.out.resolve(), ops, args.dtypes, args.plant)
    options.folder.mkdir(parents=True, exist_ok=True)
    if args.worker:
        worker(args.worker, options, args.start)
        return 0
    chosen = args.only.split(",") if args.only else [CONTROLS, *PARTS]
    unknown = set(chosen) - {CONTROLS, *PARTS}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise SystemExit(f"parity: no part {names}; there are {', '.join([CONTROLS, *PARTS])}")
    now, lines = {}, []
    for name in chosen:
        if name == CONTROLS:
            now[name] = controls(options)
            continue
        if not args.report:
            drive(name, options)
        rows, entries = read(options.path(name))
        now[name] = part_of(name).figures(rows, entries)
        now[name]["unexplained"] = unexplained(name, rows)
        lines += failures(name, rows)
    if ops:
        print("\n".join(lines))
    (options.folder / "failures.txt").write_text("\n".join(lines) + "\n")
    comparable = not ops and args.dtypes == "main"
    table, worse = compared(now, stored() if comparable else {})
    print("\n".join(table))
    print(f"the failing calls: {options.folder / 'failures.txt'}")
    if args.renew and comparable:
        store(now)
        return 0
    if worse:
        print(f"parity: {worse} figures are worse than the stored ones (tests/parity/figures.json)")
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
