"""Distributions, L being torch.distributions or fastnn's: arguments whose results are stored."""

from __future__ import annotations

from typing import Any

LOWER = [[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-0.3, 0.7, 0.5]]
CASES: dict[str, tuple[Any, ...]] = {
    "Normal": ([0.5, -1.0], [1.0, 2.0]),
    "LogNormal": ([0.5, -1.0], [1.0, 0.4]),
    "HalfNormal": ([0.5, 2.0],),
    "Bernoulli": ([0.2, 0.7],),
    "Geometric": ([0.2, 0.7],),
    "Binomial": (40, [0.2, 0.7]),
    "NegativeBinomial": ([3.0, 5.0], [0.2, 0.7]),
    "Poisson": ([0.5, 12.0],),
    "Categorical": ([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]],),
    "OneHotCategorical": ([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]],),
    "OneHotCategoricalStraightThrough": ([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]],),
    "Multinomial": (5, [0.1, 0.2, 0.7]),
    "Laplace": ([0.5, -1.0], [1.0, 2.0]),
    "Cauchy": ([0.5, -1.0], [1.0, 2.0]),
    "HalfCauchy": ([0.5, 2.0],),
    "Gumbel": ([0.5, -1.0], [1.0, 2.0]),
    "Uniform": ([0.5, -1.0], [1.0, 2.0]),
    "Exponential": ([0.5, 2.0],),
    "Pareto": ([0.5, 2.0], [3.0, 2.5]),
    "Weibull": ([0.5, 2.0], [3.0, 0.5]),
    "Gamma": ([0.5, 3.0], [1.0, 2.0]),
    "Chi2": ([0.5, 3.0],),
    "InverseGamma": ([0.5, 3.0], [1.0, 2.0]),
    "Beta": ([0.5, 3.0], [1.0, 2.0]),
    "Dirichlet": ([[0.5, 3.0, 2.0]],),
    "StudentT": ([1.5, 3.0], [1.0, 2.0], [0.3, 1.0]),
    "FisherSnedecor": ([5.0, 3.0], [6.0, 2.5]),
    "Kumaraswamy": ([1.5, 3.0], [2.0, 0.7]),
    "ContinuousBernoulli": ([0.2, 0.5, 0.9],),
    "VonMises": ([0.5, -2.0], [0.3, 5.0]),
    "LogisticNormal": ([[0.5, -1.0], [0.0, 0.2]], [[1.0, 2.0], [0.5, 0.3]]),
    "MultivariateNormal": ([[0.5, -1.0, 0.0], [0.0, 0.2, 1.0]], None, None, LOWER),
    "LowRankMultivariateNormal": ([0.5, -1.0, 0.0], [[1.0], [0.5], [-2.0]], [0.5, 1.0, 2.0]),
    "LKJCholesky": (3, [0.5, 2.0]),
    "Wishart": ([3.5, 5.0], None, None, LOWER),
    "RelaxedBernoulli": ([0.5], [0.2, 0.7]),
    "RelaxedOneHotCategorical": ([0.5], [0.2, 0.3, 0.5]),
}
MOMENTS = ("mean", "mode", "variance", "stddev")
PROBABILITIES = (0.05, 0.4, 0.95)  # for icdf


def made(name: str, library: Any, shift: float = 0.0, grad: bool = False) -> tuple[Any, list[Any]]:
    """A distribution in float64, and its tensors; shift: 1: move the parameters a little."""
    tensors = []
    arguments: list[Any] = []
    for value in CASES[name]:
        if isinstance(value, int | None):
            arguments.append(value)
            continue
        tensor = library.tensor(value, dtype=library.float64) * (1 - 0.1 * shift)
        tensor = tensor if value is LOWER else tensor + 0.05 * shift
        tensors.append(tensor.requires_grad_(grad))
        arguments.append(tensor)
    return getattr(library.distributions, name)(*arguments), tensors


def _values(x: Any) -> Any:
    return [list(x.shape), x.detach().reshape(-1).tolist()]


def _or_none(call: Any) -> Any:
    try:
        return _values(call())
    except NotImplementedError:
        return None


def results(name: str, library: Any) -> dict[str, Any]:
    """All that a distribution computes; None for what it lacks."""
    d, _ = made(name, library)
    library.manual_seed(0)
    sample = d.sample((2,))
    found: dict[str, Any] = {"shapes": [list(d.batch_shape), list(d.event_shape)]}
    found |= {m: _or_none(lambda m=m: getattr(d, m)) for m in MOMENTS}  # type: ignore[misc]
    found["sample"] = _values(sample)
    found["next"] = library.rand(1).item()
    found["log_prob"] = _or_none(lambda: d.log_prob(sample))
    found["entropy"] = _or_none(d.entropy)
    p = library.tensor(PROBABILITIES, dtype=library.float64).reshape(3, 1)
    for method, argument in (("cdf", sample), ("icdf", p)):
        found[method] = _or_none(lambda m=method, a=argument: getattr(d, m)(a))  # type: ignore[misc]
    found["gradients"] = gradients(name, library)
    return found


def gradients(name: str, library: Any) -> list[Any]:
    """Of log_prob, entropy and of samples by the parameters."""
    d, tensors = made(name, library, grad=True)
    library.manual_seed(0)
    sample = d.rsample((2,)) if d.has_rsample else d.sample((2,))
    total = d.log_prob(sample.detach()).sum()
    if d.has_rsample and name not in GAMMAS:
        total = total + (sample * sample).sum()
    try:
        total = total + d.entropy().sum()
    except NotImplementedError:
        pass
    total.backward()
    # Above the diagonal of a factor torch has what its solver leaves there.
    return [_values(t.grad.tril() if t.shape == (3, 3) else t.grad) for t in tensors]


# Their samples' gradients are more exact here than in torch, by the same method, or another's.
GAMMAS = ("Gamma", "Chi2", "InverseGamma", "Beta", "Dirichlet", "StudentT", "FisherSnedecor",
          "Wishart")  # fmt: skip


def divergences(library: Any) -> dict[str, Any]:
    """kl_divergence of all pairs that have one."""
    found = {}
    for p in CASES:
        for q in CASES:
            first, second = made(p, library)[0], made(q, library, shift=float(p == q))[0]
            try:
                found[f"{p} {q}"] = _values(library.distributions.kl_divergence(first, second))
            except (NotImplementedError, RuntimeError, ValueError):
                continue
    return found
