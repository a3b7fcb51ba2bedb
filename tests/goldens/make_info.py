"""Remake tests/goldens/info.json: results of SciPy, torch and scikit-learn for cases/info.py.

PYTHONPATH=tests python tests/goldens/make_info.py
"""

from __future__ import annotations

import json

import numpy as np
import torch
from cases import stored
from cases.info import counts, pair
from scipy import special, stats
from scipy.spatial import distance
from sklearn.metrics import mutual_info_score


def divergence_gradients(p: np.ndarray, q: np.ndarray) -> dict[str, list[list[float]]]:
    """torch's gradients of sum KL(p || q) by q, and by those p that are not 0."""
    a, b = (torch.tensor(v, requires_grad=True) for v in (p, q))
    (torch.special.xlogy(a, a) - torch.special.xlogy(a, b)).sum().backward()
    assert a.grad is not None and b.grad is not None
    return {"kl by q": b.grad.tolist(), "kl by p": np.where(p > 0, a.grad, 0).tolist()}


def main() -> None:
    p, q = pair()
    logs = torch.tensor(q).log()
    entropy = torch.distributions.Categorical(torch.tensor(p)).entropy()
    kl = torch.nn.functional.kl_div(logs, torch.tensor(p), reduction="none").sum(1)
    made = {
        "entropy": stats.entropy(p, axis=1).tolist(),
        "entropy in bits": stats.entropy(p, base=2, axis=1).tolist(),
        "entropy of columns": stats.entropy(q / q.sum(0), axis=0).tolist(),
        "cross_entropy": (entropy + kl).tolist(),
        "kl_divergence": stats.entropy(p, q, axis=1).tolist(),
        "js_divergence": (distance.jensenshannon(p, q, axis=1) ** 2).tolist(),
        "binary_entropy": (special.entr(p) + special.entr(1 - p)).tolist(),
        "mutual_information": float(mutual_info_score(None, None, contingency=counts())),
        **divergence_gradients(p, q),
    }
    assert np.allclose(made["kl_divergence"], kl, rtol=1e-12)
    (stored.FOLDER / "info.json").write_text(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
