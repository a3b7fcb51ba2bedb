"""Predictions by several threads with one model."""

from __future__ import annotations

import importlib

import pytest
from conftest import PROFILE
from test_threads import DATA, run_together, small_trainer

import fastnn
from fastnn.tensor import of_array

CALLS = 200 if PROFILE == "release" else 60


@pytest.mark.long
@pytest.mark.parametrize("team", [1, 2])
def test_eight_threads_predict_with_one_model(team: int) -> None:
    """New sizes, too: one thread records while others replay."""
    model = small_trainer(1024).model  # long enough to give up the GIL
    model.predict(DATA[:1])
    want = model(of_array(DATA)).detach().numpy().copy()
    wrong: list[int] = []

    def job(first: int) -> None:
        for i in range(CALLS):
            rows = 1 + (first * 31 + i * 7) % 200
            if model.predict(DATA[:rows]).tobytes() != want[:rows].tobytes():
                wrong.append(rows)

    before = fastnn.num_threads()
    fastnn.set_num_threads(team)
    try:
        raised = run_together([lambda i=i: job(i) for i in range(8)])
    finally:
        fastnn.set_num_threads(before)
    assert (raised, wrong) == ([], [])
    assert fastnn.is_grad_enabled()


@pytest.mark.long
def test_a_program_that_another_thread_forgets_is_still_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each size pushes out the program of the one before."""
    monkeypatch.setattr(importlib.import_module("fastnn.train.predict"), "MAX_PROGRAMS", 1)
    test_eight_threads_predict_with_one_model(1)
