"""Write optimizers.json: where torch's and scikit-learn's optimizers are after 50 steps.

    PYTHONPATH=tests python tests/goldens/make_optimizers.py

For each case of cases/optimizers.py in float64: the loss before the last step, a summary of the
weights, and one of each moment. Needs torch and scikit-learn; the tests do not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn.neural_network._stochastic_optimizers as sklearn_optimizers
import torch
from cases import descent, stored
from cases.optimizers import OF_TORCH, SKLEARN
from torch.optim import swa_utils
from torch.optim.lbfgs import _strong_wolfe

torch.set_default_dtype(torch.float64)  # the counts in an optimizer's state too
Stepper = Callable[[list[Any], int], None]


def net() -> tuple[list[Any], Callable[[], Any]]:
    parameters = [torch.tensor(w, requires_grad=True) for w in descent.weights()]
    x, y = map(torch.tensor, descent.data())

    def loss() -> Any:
        w1, b1, w2, b2 = parameters
        return torch.nn.functional.mse_loss(torch.tanh(x @ w1.T + b1) @ w2.T + b2, y)

    return parameters, loss


def run(parameters: list[Any], loss: Callable[[], Any], step: Stepper) -> dict[str, Any]:
    value = None
    for i in range(descent.STEPS):
        for p in parameters:
            p.grad = None
        value = loss()
        value.backward()
        step(parameters, i)
    return {"loss": value.item(), "weights": summary(parameters)}


def summary(tensors: list[Any]) -> list[float]:
    return descent.summary([t.detach().numpy() for t in tensors])


def of_torch(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    parameters, loss = net()
    optimizer = getattr(torch.optim, kind)(parameters, **settings)

    def step(_: list[Any], i: int) -> None:
        if i == descent.HALVED_AT:
            optimizer.param_groups[0]["lr"] *= 0.5
        optimizer.step()

    result = run(parameters, loss, step)
    states = [optimizer.state[p] for p in parameters]
    result["state"] = {
        name: summary([s[name] for s in states]) if value.ndim else value.item()
        for name, value in states[0].items()
        if value is not None
    }
    return result


def of_sklearn(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    parameters, loss = net()
    arrays = [p.detach().numpy() for p in parameters]  # updated in place
    make = getattr(sklearn_optimizers, kind)
    optimizer = make(arrays, **settings)

    def step(_: list[Any], i: int) -> None:
        if i == descent.HALVED_AT:
            optimizer.learning_rate *= 0.5
            optimizer.learning_rate_init *= 0.5
        optimizer.update_params(arrays, [p.grad.numpy() for p in parameters])

    return run(parameters, loss, step)


def of_lbfgs(settings: dict[str, Any]) -> dict[str, Any]:
    """Ten steps; then the loss, the weights, and what is remembered."""
    parameters, loss = net()
    optimizer = torch.optim.LBFGS(parameters, **settings)

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    losses = [optimizer.step(closure).item() for _ in range(descent.LBFGS_STEPS)]
    state = optimizer.state[parameters[0]]
    return {
        "losses": losses,
        "weights": summary(parameters),
        "counts": [state["func_evals"], state["n_iter"], len(state["old_dirs"])],
        "d": summary([state["d"]]),
    }


def line_searches() -> dict[str, list[list[float]]]:
    """Of each function and first step: where the search ends, the value there, evaluations."""
    found = {}
    direction = torch.ones(1)
    for name, function in descent.LINES.items():

        def look(_: Any, t: float, __: Any, function: Any = function) -> tuple[float, Any]:
            value, slope = function(float(t))
            return value, torch.tensor([slope])

        value, slope = look(None, 0.0, None)
        found[name] = [
            [float(t), float(value_there), looks]
            for first in descent.FIRST_STEPS
            for value_there, _, t, looks in [
                _strong_wolfe(look, None, first, direction, value, slope, slope.dot(direction))
            ]
        ]
    return found


def averages() -> dict[str, list[float]]:
    """The averages of the weights of 50 steps of Adam."""
    parameters, loss = net()
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    model = torch.nn.ParameterList([torch.nn.Parameter(p) for p in parameters])
    kept = {
        name: swa_utils.AveragedModel(model, **make(swa_utils))
        for name, make in descent.AVERAGES.items()
    }

    def step(_: list[Any], i: int) -> None:
        optimizer.step()
        for p, q in zip(model, parameters, strict=True):
            p.data.copy_(q.detach())
        for averaged in kept.values():
            averaged.update_parameters(model)

    run(parameters, loss, step)
    return {name: summary(list(averaged.module)) for name, averaged in kept.items()}


def swa_rates() -> list[list[float]]:
    """SWALR by the settings of descent.SWALR, after an ExponentialLR of four epochs."""
    found = []
    for settings in descent.SWALR:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        schedulers = [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)]
        rates = []
        for epoch in range(20):
            optimizer.step()
            if epoch == 4:
                schedulers.append(swa_utils.SWALR(optimizer, **settings))
            schedulers[-1].step()
            rates.append(optimizer.param_groups[0]["lr"])
        found.append(rates)
    return found


def one_a_line(value: Any) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    entries = (f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
    return "{\n" + ",\n".join(entries) + "}"


def main() -> None:
    old = stored.read("optimizers")
    made = {name: of_torch(*case) for name, case in OF_TORCH.items()}
    golden = {
        "torch": torch.__version__,
        "cases": stored.in_order_of(old["cases"], made),
        "lbfgs": {name: of_lbfgs(case) for name, case in descent.LBFGS.items()},
        "line_searches": line_searches(),
        "averages": averages(),
        "swa_rates": swa_rates(),
        "sklearn": {name: of_sklearn(*case[:2]) for name, case in SKLEARN.items()},
    }
    path = stored.FOLDER / "optimizers.json"
    lines = [f"{json.dumps(key)}: {one_a_line(value)}" for key, value in golden.items()]
    path.write_text("{" + ",\n".join(lines) + "}\n")
    print(path, path.stat().st_size, "bytes")
    assert np.isfinite([case["loss"] for case in golden["cases"].values()]).all()


if __name__ == "__main__":
    main()
