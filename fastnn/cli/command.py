"""The command line: train, tune, predict, evaluate, export, playground, info, bench.

Results go to stdout, messages to stderr. Exit codes: 0 success, 1 failure, 2 wrong usage or
invalid input, 130 stopped by Ctrl-C. ``FASTNN_DEBUG=1`` shows the traceback of a failure.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import tabular
from fastnn.cli import export, large, playground, report, tables, tune
from fastnn.cli.arguments import parser
from fastnn.cli.compare import compare
from fastnn.cli.outputs import Paths, failed, outputs_of, print_json, refuse_same, write
from fastnn.cli.page import page
from fastnn.cli.run import Run
from fastnn.cli.together import on_all_ranks
from fastnn.io.atomic import write_atomically
from fastnn.plot.training import count_confusion
from fastnn.ranks import Ranks, launched
from fastnn.tabular import table as data

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after ``fastnn``; default: those of the process.

    Returns:
        The exit code: 0 success, 1 failure, 2 wrong usage or invalid input, 130 stopped by Ctrl-C.

    Example:
        >>> from fastnn.cli.command import main
        >>> main(["info"])
        fastnn ...
        0
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["bench"]:  # or argparse would parse the options of the benchmarks itself
        words.insert(1, "--")
    if sys.stderr is None:  # closed by who started this: print would take stdout in its place
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        args = parser(COMMANDS).parse_args(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        code: int = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return failed("stopped by Ctrl-C", 130)
    except BrokenPipeError:
        # The reader closed stdout; without this Python prints another error while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("FASTNN_DEBUG"):
            raise
        usage = isinstance(error, ValueError | FileNotFoundError | IsADirectoryError)
        return failed(_text(error), 2 if usage else 1)


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}"
    if isinstance(error, MemoryError):
        return "not enough memory; use a smaller table, net or batch"
    kind = "" if isinstance(error, ValueError | ImportError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())


def _is_set(name: str) -> bool:
    """Whether it is a bundled data set, not a file."""
    return name in data.DATASETS and not os.path.exists(name)


def _open(args: Any, target: str | None, **options: Any) -> data.Table:
    """Open a bundled data set by name, or a file; say on stderr what was noticed."""
    name = args.data
    if _is_set(name):
        return data.load_table(name)
    if not os.path.exists(name) and not name.endswith(".csv") and name != "-":
        known = ", ".join(data.DATASETS)
        raise ValueError(f"data: no file {name!r}, and no such data set; data sets: {known}")
    text = {key: getattr(args, key) for key in ("sep", "decimal", "na", "encoding", "header")}
    table = data.read_csv(name, target, **text, **options)
    if not getattr(args, "quiet", False):
        for note in (*table.rows.notes, *table.notes):
            print(f"note: {note}", file=sys.stderr)
    return table


def _open_to_train(args: Any, task: str) -> data.Table:
    is_set = _is_set(args.data)
    if is_set and args.target is not None:
        raise ValueError(f"--target: the data set {args.data!r} has its own; leave it out")
    table = _open(args, args.target, task=task, features=args.features, drop=args.drop)
    if table.y is None:
        columns = ", ".join(table.rows.names[:20])
        raise ValueError(f"--target: expected one of the columns {columns}; name it")
    if task not in ("auto", table.task):
        raise ValueError(f"--task: {args.data} is a {table.task}, got {task}")
    return table


def _train(args: Any) -> int:
    if args.memory is not None:
        if launched() is not None:
            raise ValueError("--memory: one process reads such a table; start without mpiexec")
        return _train_large(args)
    return on_all_ranks(args, _train_table)


def _train_table(args: Any, ranks: Ranks | None) -> int:
    """ranks: those that train together, if any do."""
    table = _open_to_train(args, args.task)
    preset = tables.preset_of(args, _is_set(args.data), table, ranks is not None)
    if args.threads is not None:
        fastnn.set_num_threads(args.threads)
    paths = outputs_of(args, Path(args.data).stem)
    if preset == "plain":
        return _train_plain(args, table, paths, ranks)
    settings = tables.settings_of(args)
    talk = report.Talk(1, quiet=args.quiet)
    talk.say(tables.headline(args.data, table, preset, settings))
    run = tables.train(args.data, table, preset, settings)
    for note in run.notes:
        talk.say(f"note: {note}")
    return _finish(args, run, paths, talk, {})


def _train_large(args: Any) -> int:
    large.check_arguments(args)
    file = str(outputs_of(args, Path(args.data).stem.replace("*", "") or "model").model)
    result = large.train(args)
    result.model.save(file)
    if args.json:
        print_json(large.document(args, result, file))
    else:
        print(large.closing(result, file))
    if result.interrupted:
        return failed(f"stopped by Ctrl-C; the model so far is in {file}", 130)
    return 0


def _tune(args: Any) -> int:
    table = _open_to_train(args, args.task)
    if args.threads is not None:
        fastnn.set_num_threads(args.threads)
    paths = outputs_of(args, Path(args.data).stem)
    settings = tune.settings_of(args)
    talk = report.Talk(1, quiet=args.quiet)
    talk.say(f"{args.data}: {len(table)} rows, {len(table.rows.names)} columns; "
             f"{args.budget:g} s of trials")  # fmt: skip

    def tell(trial: tune.Trial) -> None:
        talk.say(f"trial {trial.number}: {trial.preset}, {trial.metric} {trial.score:.5g}, "
                 f"{trial.seconds:.2f} s")  # fmt: skip

    run, trials, stopped = tune.search(args.data, table, settings, args.budget, args.trials, tell)
    if run is None:
        return failed("stopped by Ctrl-C before the first trial ended; nothing was written", 130)
    if not args.json:
        print(tune.listing(trials))
    code = _finish(args, run, paths, talk, {"trials": [trial.words() for trial in trials]})
    if stopped:
        return failed(f"stopped by Ctrl-C; the best model so far is in {paths.model}", 130)
    return code


def _finish(args: Any, run: Run, paths: Paths, talk: report.Talk, more: dict[str, Any]) -> int:
    """Write model, plot and report of a run, and print what it came to."""
    run.model.save(paths.model)
    files: dict[str, str | None] = {"model": str(paths.model)}
    files["plot"] = report.plot(run, paths.plot, talk)
    _write_report(run, paths, files)
    if args.json:
        print_json(report.document_of(run, files) | more)
    else:
        if getattr(args, "curves", False):  # an option of train
            print(report.curves_of(run))
        print(report.closing_of(run, files))
    return 0


def _write_report(run: Run, paths: Paths, files: dict[str, str | None]) -> None:
    if paths.report is not None:
        write_atomically(paths.report, [page(run, files).encode()])
        files["report"] = str(paths.report)


def _train_plain(args: Any, table: data.Table, paths: Paths, ranks: Ranks | None) -> int:
    given = {key: getattr(args, key) for key in tabular.Settings.__dataclass_fields__}
    chosen = {key: value for key, value in given.items() if value is not None}
    is_set = _is_set(args.data)
    settings = tabular.Settings(**(tabular.defaults(args.data if is_set else "") | chosen))
    talk = report.Talk(settings.epochs, quiet=args.quiet, curves=args.curves)

    def start(result: tabular.Result) -> None:
        for note in result.notes:
            talk.say(f"note: {note}")
        talk.say(report.headline(args.data, table, result.model, settings))

    with talk:
        together = {} if ranks is None else {"comm": ranks.given, "reproducible": args.reproducible}
        result = tabular.train(table, settings, talk.on_epoch, start, **together)
    if ranks is not None and ranks.rank:
        return 130 if result.interrupted else 0  # rank 0 writes
    result.model.save(paths.model)
    files: dict[str, str | None] = {"model": str(paths.model), "plot": None}
    document = report.document(args.data, table, settings, result, files)
    if result.history:
        run = report.run_of(args.data, table, result, settings)
        files["plot"] = report.plot(run, paths.plot, talk)
        _write_report(run, paths, files)
        if not args.json:
            print(report.curves_of(run) if args.curves else report.figures(result))
    if not args.json:
        print(report.closing(result, files))
    if args.compare and not result.interrupted:
        x, y = result.model.encode(result.train)
        found = compare(x, y, len(table.classes) or 1, settings)
        document["compare"], document["kernels"] = found
        if not args.json:
            print(report.comparison(found))
    if args.json:
        print_json(document)
    if result.interrupted:
        return failed(f"stopped by Ctrl-C; the model so far is in {paths.model}", 130)
    return 0


def _predict(args: Any) -> int:
    if args.out is not None:
        refuse_same([args.out], [args.data, args.model])
    model = tabular.TabularModel.load(args.model)
    table = _open_for(args, model, None)
    classes = model.class_names
    p = model.predict_proba(table.rows) if classes else None
    if p is None:
        names = model.predict(table.rows).tolist()
    else:
        names = [classes[index] for index in p.argmax(axis=1)]
    if args.json:
        document: dict[str, Any] = {"target": model.target, "predictions": names}
        if p is not None:
            document |= {"classes": list(classes), "probabilities": p.tolist()}
        print_json(document)
    if args.out is not None or not args.json:
        header = [model.target, *(f"p_{name}" for name in classes)]
        shares = p if p is not None else np.empty((len(names), 0))
        rows = ([name, *(f"{q:.6g}" for q in row)] for name, row in zip(names, shares))
        if args.out is None:
            csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        else:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([header, *rows])
            write(args.out, text.getvalue().encode())
            print(f"{len(names)} predictions in {args.out}", file=sys.stderr)
    return 0


def _evaluate(args: Any) -> int:
    model = tabular.TabularModel.load(args.model)
    target = args.target if args.target is not None else model.target
    table = _open_for(args, model, target)
    classes = model.class_names
    if table.classes != classes:
        raise ValueError(f"{args.data}: its classes are not those of {args.model}")
    rows, not_seen = len(table), model.held_out(table)
    scope = "all; the table is not the one that the model was trained on"
    if not_seen is not None and args.all:
        scope = "all, those trained on too"
    elif not_seen is not None:
        table, scope = not_seen, f"held out of {rows}; the others were trained on"
    elif model.split is None:
        scope = "all; the model's file does not say which rows it was trained on"
    figures: dict[str, Any] = model.evaluate(table)
    if args.json:
        figures = {"rows": len(table), "scored": scope, **figures}
        if classes:
            assert table.y is not None
            found = model.predict_proba(table.rows).argmax(axis=1)
            counts = count_confusion(table.y, found, len(classes))
            figures |= {"classes": list(classes), "confusion": counts.tolist()}
        print_json(figures)
    else:
        print(f"{'rows':9} {len(table)} ({scope})")
        for name, value in figures.items():
            print(f"{name:9} {value:.6g}")
    return 0


def _open_for(args: Any, model: tabular.TabularModel, target: str | None) -> data.Table:
    """Open the columns that a model reads, as what it took them for."""
    classes = model.class_names
    task = "classification" if classes else "regression"
    names, kinds = model.features, model.design.encoder.wanted
    table = _open(
        args, target, task=task, features=names, classes=classes, kinds=kinds, form=model.form
    )
    if not set(names) <= set(table.rows.names):  # of a bundled set some were left out
        wanted = ", ".join(names[:6])
        raise ValueError(f"{args.data}: expected the columns {wanted} ... that the model reads")
    return table


def _info(args: Any) -> int:
    found = report.info()
    if args.json:
        print_json(found)
    else:
        for name, value in found.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(f"{name:12} {text if text != '' else 'none'}")
    return 0


def _bench(args: Any) -> int:
    root = Path(__file__).resolve().parents[2]
    if not (root / "bench" / "__main__.py").is_file():
        return failed("bench: it lives in the source checkout; run it there: make bench", 2)
    return subprocess.run([sys.executable, "-m", "bench", *args.rest], cwd=root).returncode


COMMANDS: dict[str, Callable[[Any], int]] = {
    "train": _train,
    "tune": _tune,
    "predict": _predict,
    "evaluate": _evaluate,
    "export": lambda args: export.run(args, print_json),
    "playground": playground.run,
    "info": _info,
    "bench": _bench,
}
