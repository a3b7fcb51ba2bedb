"""RealMLP-TD's reference, pytabkit: outputs, gradients and two optimizer steps of small nets.

Run where pytabkit and torch are installed: python tests/goldens/make_realmlp.py
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

try:
    import pytabkit  # noqa: F401
except ImportError:
    print("pytabkit is not installed: realmlp.json stays as it is")
    sys.exit(0)

from pytabkit.models.alg_interfaces.base import InterfaceResources, SplitIdxs
from pytabkit.models.data.data import DictDataset, TensorInfo
from pytabkit.models.optim.optimizers import get_opt_class
from pytabkit.models.sklearn.default_params import DefaultParams
from pytabkit.models.training.metrics import cross_entropy, mse
from pytabkit.models.training.nn_creator import NNCreator

ROWS, EPOCHS, STEPS, SIZES = 16, 4, 2, [4, 3, 10]  # indices of the categories, 0 is "missing"
TASKS = {
    "td classes": (DefaultParams.RealMLP_TD_CLASS, 3),
    "td numbers": (DefaultParams.RealMLP_TD_REG, 0),
    "td-s classes": (DefaultParams.RealMLP_TD_S_CLASS, 3),
    "td-s numbers": (DefaultParams.RealMLP_TD_S_REG, 0),
}


class Learner:
    """What the schedules ask for the time."""

    def __init__(self):
        self.progress, self.t = self, 0.0

    def get_fit_progress(self):
        return self.t


def plain(values):
    """Nested lists of decimals of 7 digits, as many as a float32 has."""
    array = np.asarray(values.detach() if hasattr(values, "detach") else values, np.float32)
    return [plain(v) for v in array] if array.ndim else float(f"{array:.7g}")


def state(model, of=lambda p: p):
    """Parameters by name, without the axis of the ensemble."""
    return {str(p.context.scope): plain(of(p)[0]) for p in model.parameters()}


def one(config, classes, rng):
    config = {**config, "hidden_sizes": [4, 3, 3], "n_epochs": EPOCHS, "p_drop": 0.0}
    x = rng.standard_normal((ROWS, 2)) * [1.0, 20.0] + [0.5, 3.0]
    cat = np.stack([rng.integers(0, size, ROWS) for size in SIZES], axis=1)
    y = rng.integers(0, classes, (ROWS, 1)) if classes else rng.standard_normal((ROWS, 1)) * 3 + 7
    target = torch.as_tensor(y) if classes else torch.as_tensor(y, dtype=torch.float32)
    infos = {
        "x_cont": TensorInfo(feat_shape=[2]),
        "x_cat": TensorInfo(cat_sizes=SIZES),
        "y": TensorInfo(cat_sizes=[classes]),
    }
    tensors = {
        "x_cont": torch.as_tensor(x, dtype=torch.float32),
        "x_cat": torch.as_tensor(cat),
        "y": target,
    }
    ds = DictDataset(tensors, infos)
    rows = torch.arange(ROWS)[None]
    split = SplitIdxs(rows, None, None, 0, [0], 0)
    creator = NNCreator(**config)
    creator.setup_from_dataset(ds, [split], InterfaceResources(1, []))
    model = creator.create_model(ds, [split])
    batch = creator.static_model.forward_ds(ds)
    found = {"x": plain(x), "codes": cat.tolist(), "y": plain(y), "times": [], "losses": []}
    with torch.no_grad():  # alphas and factors away from 1, last layers away from 0
        for p in model.parameters():
            noise = torch.as_tensor(rng.standard_normal(tuple(p.shape)), dtype=torch.float32)
            p.add_(0.05 * noise)
    optimizer = get_opt_class(config["opt"])(
        [{"params": [p], "lr": 0.01} for p in model.parameters()], creator.hp_manager
    )
    learner = Learner()
    model.train()
    for step in range(STEPS):
        learner.t = (step + 1) / 10
        creator.hp_manager.update_hypers(learner)
        out = model({k: v[None] for k, v in batch.tensors.items()})
        loss = (cross_entropy if classes else mse)(out["x_cont"], out["y"]).sum()
        loss.backward()
        if step == 0:
            found["weights"] = state(model)
            found["outputs"] = plain(out["x_cont"][0])
            found["gradients"] = state(model, lambda p: p.grad)
        found["times"].append(learner.t)
        found["losses"].append(plain(loss))
        optimizer.step(loss=loss)
        optimizer.zero_grad()
    found["after"] = state(model)
    return found


if __name__ == "__main__":
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    made = {name: one(config, classes, rng) for name, (config, classes) in TASKS.items()}
    path = Path(__file__).with_name("realmlp.json")
    path.write_text(json.dumps(made, separators=(",", ":")) + "\n")
