"""`python -m bench.tabular.twin`: td and td-s beside pytabkit's, from the same first weights.

Both are trained on a table's first fold with the same held-out rows, first weights and order of the
rows, without dropout (whose random numbers differ). What is left is the recipe itself: columns,
scaling, net, loss, rates, decay, judgement of an epoch. If it is the same, the curves are, until
rounding has grown: the largest relative difference of an epoch's mean loss is printed, and kept in
bench/tabular/twin.json for docs/tabular-results.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from .__main__ import folds
from .models import rows_for
from .tables import TABLES, Table

KEPT = Path(__file__).with_name("twin.json")
QUICK = "mlc_churn,ames,concrete,Boston,penguins,attrition"


def theirs(preset: str, table: Table, x: Any, y: np.ndarray, epochs: int) -> dict[str, Any]:
    """First weights, split, orders, losses of the steps and validation errors of pytabkit."""
    import pytabkit
    from pytabkit.models.data import data
    from pytabkit.models.training.lightning_modules import TabNNModule
    from pytabkit.models.training.nn_creator import NNCreator

    found: dict[str, Any] = {"orders": [], "losses": [], "scores": []}
    create, shuffle = NNCreator.create_model, data.batch_randperm
    step, judge = TabNNModule.training_step, TabNNModule.on_validation_epoch_end

    def created(self: Any, ds: Any, idxs_list: Any) -> Any:
        model = create(self, ds, idxs_list)
        found["weights"] = [p.detach().numpy()[0].copy() for p in model.parameters()]
        found["train"] = idxs_list[0].train_idxs[0].numpy()
        found["held out"] = idxs_list[0].val_idxs[0].numpy()
        return model

    def shuffled(*args: Any, **options: Any) -> Any:
        order = shuffle(*args, **options)
        found["orders"].append(order[0].numpy().copy())
        return order

    def stepped(self: Any, *args: Any) -> Any:
        loss = step(self, *args)
        found["losses"].append(float(loss))
        return loss

    def judged(self: Any) -> None:
        def note(_: int, text: str) -> None:
            found["scores"].append(float(text.split("=")[-1]))

        with mock.patch.object(self.my_logger, "log", note):
            judge(self)

    kind = "Classifier" if table.classes else "Regressor"
    make = getattr(pytabkit, f"RealMLP_{preset.upper().replace('-', '_')}_{kind}")
    model = make(random_state=0, device="cpu", n_threads=1, n_epochs=epochs)
    with (
        mock.patch.object(NNCreator, "create_model", created),
        mock.patch.object(data, "batch_randperm", shuffled),
        mock.patch.object(TabNNModule, "training_step", stepped),
        mock.patch.object(TabNNModule, "on_validation_epoch_end", judged),
    ):
        model.set_params(**({"p_drop": 0.0} if preset == "td" else {})).fit(x, y)
    found["losses"] = np.reshape(found["losses"], (epochs, -1)).mean(axis=1)
    return found


def put(net: Any, weights: list[np.ndarray]) -> None:
    """Give our net the first weights of theirs, which come in the order of its layers."""
    from fastnn import nn
    from fastnn.nn.layers.columns import Columns

    left = iter(weights)
    for layer in net:
        if isinstance(layer, Columns):
            if layer._embeds:
                for p in (layer.frequency, layer.mixing, layer.phase, layer.shift):
                    p._array[...] = np.swapaxes(next(left), -1, -2).reshape(p.shape)
            if layer.sizes:
                layer.categories._array[...] = np.concatenate([next(left) for _ in layer.sizes])
        elif isinstance(layer, nn.Linear):
            layer.weight._array[...] = next(left).T / math.sqrt(layer.in_features)
            layer.bias._array[...] = next(left)[0]
        else:
            for p in layer.parameters():
                p._array[...] = next(left)[0]
    assert next(left, None) is None


def ours(
    preset: str, table: Table, x: Any, y: np.ndarray, epochs: int, given: dict[str, Any]
) -> Any:
    """The report of our training, from their first weights and in their order."""
    from fastnn.tabular import members
    from fastnn.tabular.encoding import Encoder
    from fastnn.tabular.fitting import fit_net
    from fastnn.tabular.frame import as_frame
    from fastnn.tabular.member import Member, Target
    from fastnn.tabular.realmlp import build
    from fastnn.tabular.recipes import recipe_of
    from fastnn.tabular.robust import RobustDesign
    from fastnn.tabular.validation import metric_of
    from fastnn.train.validation import Rows

    recipe = recipe_of(preset, table.classes, epochs=epochs)
    recipe = replace(recipe, dropout=0.0)
    frame, train = as_frame(x), given["train"]
    # Theirs number categories by the alphabet, ours by how often they occur; no result depends on
    # that.
    features = tuple(
        replace(f, categories=tuple(sorted(f.categories))) for f in Encoder.fit(frame)[0].features
    )
    design, _ = RobustDesign.fit(frame, train, recipe.one_hot, Encoder(features))
    classes = int(y.max()) + 1 if table.classes else 0
    task = members.Task(frame, y, classes, None, metric_of(None, table.classes)[1], recipe)
    target = None if classes else Target.fit(y[train])
    net = build(design, task.outputs, recipe)
    put(net, given["weights"])
    loss, encoded = members._loss(task), design.apply(frame)
    rows = Rows(encoded, members._targets(task, loss, target), None).at(train)
    score = members._score(task, Member(net, design, target), encoded, given["held out"])
    orders = iter(given["orders"])
    rng = mock.Mock(permutation=lambda _: next(orders))
    return fit_net(net, loss, rows, recipe, score, rng)


def compare(preset: str, table: Table, epochs: int) -> dict[str, Any]:
    """The two curves of mean training loss and validation error, and how far they are apart."""
    x, y = table.load()
    part = folds(y, table.classes)
    x = rows_for("pytabkit RealMLP-TD", x, part != 0)[part != 0].reset_index(drop=True)
    y = y[part != 0]
    known = theirs(preset, table, x, y, epochs)
    report = ours(preset, table, x, y, epochs, known)
    apart = np.abs(np.array(report.losses) / known["losses"] - 1)
    return {
        "epochs": epochs,
        "apart": [float(f"{v:.2g}") for v in apart],
        "losses": [[float(f"{v:.6g}") for v in c] for c in (known["losses"], report.losses)],
        "scores": [[float(f"{v:.6g}") for v in c] for c in (known["scores"], report.scores)],
    }


def main() -> None:
    """Compare, and keep what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", default=QUICK, help=f"names, default {QUICK}")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in options.tables.split(","):
        table = next(table for table in TABLES if table.name == name)
        for preset in ("td", "td-s"):
            found = kept.setdefault(preset, {})[name] = compare(preset, table, options.epochs)
            print(f"{name:14} {preset:4} {max(found['apart']):.2g}", flush=True)
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
