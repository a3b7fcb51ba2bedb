"""What a Trainer says and does beside training: names of losses, scores, text, copies, plots."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from test_trainer_feeds import (
    CLASSES,
    RNG,
    ROWS,
    VALUES,
    Plain,
    TwoHeads,
    X,
    bits,
    both,
    near,
    trainer_of,
)

import fastnn
from fastnn import nn
from fastnn.train.losses import names


def test_all_losses_have_names() -> None:
    kinds = {name for name in dir(nn) if name.endswith("Loss")}
    of_more = {"CosineEmbeddingLoss", "GaussianNLLLoss", "MarginRankingLoss", "TripletMarginLoss",
               "TripletMarginWithDistanceLoss"}  # fmt: skip
    assert {kind.__name__ for kind in names().values()} == kinds - of_more
    for name, kind in names().items():
        if kind is not nn.ZeroOneLoss:
            assert type(trainer_of(Plain, name).loss) is kind
    with pytest.raises(ValueError, match=r"loss: expected one of .*'mse'.*got 'msee'"):
        trainer_of(Plain, "msee")
    with pytest.raises(TypeError, match=r"make it by MSELoss\(\)"):
        trainer_of(Plain, nn.MSELoss)


def test_score() -> None:
    classes, values = trainer_of(Plain, "cross_entropy"), trainer_of(Plain, "mse")
    assert classes.score(X, CLASSES) == near(np.mean(classes.predict(X).argmax(1) == CLASSES))
    y = RNG.normal(size=(ROWS, 3))
    z = values.predict(X).astype(float)
    r2 = 1 - ((y - z) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)
    assert values.score(X, y) == pytest.approx(r2.mean(), rel=1e-5)


def test_repr_and_copies() -> None:
    trainer = trainer_of(Plain, "cross_entropy")
    assert repr(trainer) == "Trainer(Plain of 57 parameters, CrossEntropyLoss(), Adam(lr=0.01))"
    trainer.fit(X, CLASSES, epochs=2, verbose=0)
    assert repr(trainer).endswith("Adam(lr=0.01), 2 epochs done)")
    assert "(TwoHeads of 84 parameters, both, " in repr(trainer_of(TwoHeads, both))
    several = trainer_of(TwoHeads, ["cross_entropy", "mse"])
    several.fit(X, (CLASSES, VALUES), epochs=2, verbose=0)
    assert "(CrossEntropyLoss(), MSELoss())" in repr(several)
    for made, y in ((trainer, CLASSES), (several, (CLASSES, VALUES))):
        copies = copy.deepcopy(made), pickle.loads(pickle.dumps(made))
        for copied in (*copies, made):
            fastnn.manual_seed(1)
            copied.fit(X, y, epochs=2, verbose=0)
            assert bits(copied.model) == bits(copies[0].model)


def test_history_plots() -> None:
    pytest.importorskip("matplotlib")
    trainer = trainer_of(Plain, "cross_entropy")
    with pytest.raises(ValueError, match="at least one epoch"):
        trainer.history.plot()
    history = trainer.fit(
        X, CLASSES, epochs=3, validation_data=(X, CLASSES), metrics=["accuracy"], verbose=0
    )
    axes = history.plot()
    assert [ax.get_title() for ax in axes] == ["Loss", "Accuracy"]
    assert [len(line.get_xdata()) for line in axes[0].lines[::2]] == [3, 3]
    ax = history.plot("accuracy", axes[0])
    assert ax is axes[0]
    with pytest.raises(ValueError, match="metric: expected one of loss"):
        history.plot("f1")
