"""Temporary training and evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastnn.nn.module import Module
from fastnn.tape import listener
from fastnn.tape.modes import no_grad


@contextmanager
def training_mode(model: Module, training: bool) -> Iterator[None]:
    """Context manager: put the model in this mode; no other thread records or changes modes."""
    with listener.lock:
        modes = [(module, module.training) for module in model.modules()]
        for module, _ in modes:
            module.__dict__["training"] = training  # temporarily, and without telling any program
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
