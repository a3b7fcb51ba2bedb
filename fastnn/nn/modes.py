"""Training and evaluation mode for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastnn.nn.module import Module
from fastnn.tape import listener
from fastnn.tape.modes import no_grad


@contextmanager
def training_mode(model: Module, training: bool) -> Iterator[None]:
    """Within it the model is in this mode; nobody else records or changes modes meanwhile."""
    with listener.lock:
        modes = [(module, module.training) for module in model.modules()]
        for module, _ in modes:
            module.__dict__["training"] = training  # for a moment: no program needs to notice
        try:
            yield
        finally:
            for module, mode in modes:
                module.__dict__["training"] = mode


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Within it the model is in evaluation mode and nothing goes on the tape."""
    with training_mode(model, False), no_grad():
        yield
