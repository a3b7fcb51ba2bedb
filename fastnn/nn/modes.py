"""Temporary training and evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastnn.nn.module import Module
from fastnn.tape import listener
from fastnn.tape.modes import no_grad


@contextmanager
def training_mode(model: Module, training: bool) -> Iterator[None]:
    """Context manager: put the model in this mode; no other thread records or changes modes.

    A model that is in training mode already keeps the modes of its parts: a BatchNorm1d or a
    Dropout that the user put in evaluation mode stays so. One in evaluation mode trains as after
    `model.train()`.
    """
    with listener.lock:
        modes = [(module, module.training) for module in model.modules()]
        if not (training and model.training):
            for module, _ in modes:
                module.__dict__["training"] = training  # temporarily, and no program is told
        try:
            yield
        finally:
            for module, mode in modes:
                module.__dict__["training"] = mode


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Context manager: evaluation mode, with the tape off."""
    with training_mode(model, False), no_grad():
        yield
