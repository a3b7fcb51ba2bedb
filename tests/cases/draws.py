"""Expressions that draw random numbers, L being torch or fastnn: the values are equal."""

from __future__ import annotations

from typing import Any

_FILLS = (
    "uniform_(-1, 3)", "normal_(1, 2)", "bernoulli_(.3)", "bernoulli_(0.)", "bernoulli_(1.)",
    "bernoulli_(L.tensor([.1, .5, .9]))", "exponential_()", "exponential_(2.)", "geometric_(.3)",
    "cauchy_()", "cauchy_(1., 2.)", "log_normal_()", "random_()", "random_(10)", "random_(-3, 7)",
)  # fmt: skip
_WHOLE = ("bernoulli_(.3)", "random_()", "random_(10)", "random_(-3, 2**40)", "geometric_(.3)")

EXPRESSIONS = [
    *(f"L.zeros(3, dtype=L.{d}).{f}" for d in ("float32", "float64") for f in _FILLS),
    *(f"L.zeros(5, dtype=L.int64).{f}" for f in _WHOLE),
    *(f"L.zeros(9, dtype=L.bool).{f}" for f in ("bernoulli_(.3)", "random_()", "random_(1)")),
    "L.zeros(20).log_normal_()",
    "L.zeros(2, 3).bernoulli_(L.tensor([.1, .5, .9], dtype=L.float64))",
    "L.bernoulli(L.full((4,), .5))",
    "L.bernoulli(L.zeros(4), .5)",
    "L.rand(size=(2, 3))",
    "L.rand(2, generator=L.Generator())",
    "L.randn(size=(5,), dtype=L.float64)",
    "L.randint(low=0, high=2, size=(3, 1), dtype=L.float)",
    "L.randint(5, (3,))",
    "L.randint_like(L.zeros(3), 5)",
    "L.randint_like(L.zeros(3, dtype=L.int64), 2, 5)",
    "L.rand_like(L.zeros(3, dtype=L.float64))",
    "L.randperm(4, dtype=L.float32)",
    "L.normal(0., 1., size=(3,))",
    "L.normal(L.zeros(3), L.tensor([1., 2., 3.]))",
    "L.normal(2., L.ones(3, dtype=L.float64))",
    "L.multinomial(L.tensor([.1, .2, .3, .4]), 1)",
    "L.multinomial(L.tensor([.1, .2, .3, .4]), 3)",
    "L.multinomial(L.tensor([.1, .2, .3, .4]), 8, True)",
    "L.multinomial(L.tensor([[.1, .2, .3, .4], [0, 0, 2, 1]]), 5, replacement=True)",
    "L.multinomial(L.tensor([[.1, .2, .3, .4], [0, 0, 2, 1]], dtype=L.float64), 2)",
    *(
        f"L.tensor(list(L.utils.data.{sampler}))"
        for sampler in (
            "RandomSampler(range(10))",
            "RandomSampler(range(10), True)",
            "RandomSampler(range(10), True, 70)",
            "RandomSampler(range(4), num_samples=10)",
            "RandomSampler(range(4), num_samples=8, generator=L.Generator().manual_seed(1))",
            "SubsetRandomSampler([3, 5, 7, 9])",
            "WeightedRandomSampler([.1, .9, .5], 9)",
            "WeightedRandomSampler([.1, .9, .5], 2, replacement=False)",
        )
    ),
    "L.stack(list(L.utils.data.DataLoader(range(9), batch_size=3, shuffle=True)))",
    "L.stack(list(L.utils.data.DataLoader(range(9), 3, num_workers=1, shuffle=True)))",
]


def drawn(expression: str, library: Any) -> tuple[Any, Any]:
    """The tensor that an expression gives after `manual_seed(0)`, and the number drawn next."""
    library.manual_seed(0)
    value = eval(expression, {"L": library})
    return value, library.rand(1).item()
