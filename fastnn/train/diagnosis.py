"""Where numbers stop being finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.autograd import no_grad
from fastnn.recorder import Recorder, listening
from fastnn.tensor import Tensor
from fastnn.train.predict import training_mode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.nn import Module


def first_not_finite(model: Module, x: NDArray[Any]) -> str:
    """The weight, else the layer's output, that is the first with nan or inf for these rows; ''.

    The model is run once more, as in training, and left as it was.
    """
    for name, p in model.named_parameters():
        if not np.isfinite(p._array).all():
            return f"the parameter {name}"
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(module: Module, _: Any, output: Any) -> None:
            wrong = isinstance(output, Tensor) and not np.isfinite(output._array).all()
            if wrong and not found:
                found.append(f"the output of {name or 'the model'} ({type(module).__name__})")

        return hook

    handles = [m.register_forward_hook(look(name)) for name, m in model.named_modules()]
    rows = x.copy()
    try:
        with training_mode(model, True), no_grad(), listening(Recorder([rows])) as recorder:
            model(Tensor(rows))
            recorder.undo()
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""
