"""Element types: operands, by whose types torch promotes, and expressions it evaluated."""

from __future__ import annotations

from typing import Any

NAMES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
)  # fmt: skip
SCALARS = (True, 1, 1.5)
# Operands: a vector and a 0-d tensor of each type, then the numbers.
OPERANDS = [*(f"{name} {kind}" for kind in ("vector", "0-d") for name in NAMES), *map(str, SCALARS)]


def operand(text: str, library: Any) -> Any:
    """The operand of that name."""
    for scalar in SCALARS:
        if text == str(scalar):
            return scalar
    name, kind = text.split()
    return library.zeros([1] if kind == "vector" else [], dtype=getattr(library, name))


# `t` is the library, `of` makes a tensor of numbers and the name of a type.
EXPRESSIONS = """
of([200], 'uint8') + 100
of([200], 'uint8') + 300
of([200], 'uint8') < 300
of([1], 'uint8') == 257
of([1], 'int8') * 1000
of([1, 0, 3], 'uint8') - of(2, 'uint8')
-of([1, 0, 3], 'uint8')
~of([1, 0, 3], 'uint8')
of([-128], 'int8').abs()
of([-128], 'int8') // -1
of([3], 'uint8') ** 5
2 ** of([3], 'int8')
of([7], 'int8') % of([-3], 'int8')
of([7], 'int16') / of([2], 'int16')
of([7], 'int8').div(2, rounding_mode='trunc')
of([5], 'int32').clamp(max=3.5)
of([5], 'int32') + of([1], 'int8')
of(5, 'int32') + of([1], 'int8')
of([200], 'uint8') * of([1.5], 'float16')
of(5, 'float64') + of([1], 'float16')
of([3, 5], 'uint8') ^ of([1, 1], 'int32')
of([.5], 'float16') * 1e5
of([.5], 'float16') + 1e5
of([.5], 'bfloat16') * t.tensor(1e5)
of([2.], 'float16').pow(of([2], 'int32'))
of(0.1, 'float16') == 0.1
t.tensor(1e5, dtype=t.float16)
t.tensor(-1, dtype=t.uint8)
t.tensor([300., -1.]).to(t.uint8)
t.tensor([300, -1]).to(t.int8)
t.tensor([float('nan'), 1e10]).to(t.int32)
t.tensor([1e10]).to(t.int16)
t.tensor([300, -1.5]).char()
t.tensor([1, 0]).byte()
t.tensor([70000]).short()
t.tensor([1.7]).int()
t.tensor([1.5]).half()
t.tensor([2.123]).bfloat16()
of([1, 2, 3], 'int32').sum()
of([1, 2, 3], 'int32').prod()
of([1, 2, 3], 'uint8').cumsum(0)
of([1, 2, 3], 'uint8').any()
of([1, 0, 3], 'int32').all()
of([1, 0, 3], 'uint8').logical_not()
of([1, 2], 'float16').sum()
of([1, 2], 'float16').std()
of([1, 2], 'float16').norm()
of([1, 2], 'float16').softmax(0)
of([1, 2], 'bfloat16').mean()
of([0, 1], 'uint8').argmin()
of([-128, 1], 'int8').argmin()
of([3, 1, 2], 'int16').median()
of([2, 1, 2], 'bfloat16').unique()
of([1, 2], 'int32').bincount()
of([[1, 2], [3, 4]], 'int32').trace()
of([3, 1], 'uint8').diff()
of([[200]], 'uint8') @ of([[2]], 'uint8')
t.addmm(of([[1]], 'int32'), of([[1, 2]], 'int32'), of([[1], [2]], 'int32'))
t.bmm(t.ones(1, 2, 2, dtype=t.int64), t.ones(1, 2, 2, dtype=t.int64))
t.mv(of([[1, 2]], 'int64'), of([3, 4], 'int64'))
t.einsum('i,i->', of([1, 2], 'int32'), of([3, 2], 'int32'))
t.outer(of([1, 2], 'int8'), of([100, 2], 'int8'))
t.arange(3)[of([1, 0, 1], 'uint8')]
t.arange(3)[of([1, 0, 1], 'int32')]
t.where(of([1, 0], 'uint8'), 1, 2)
t.arange(0.1, -7.9, -4., dtype=t.int64)
t.arange(0., 3.9, 1., dtype=t.int64)
t.arange(0., 3.9, 0.5, dtype=t.int32)
t.arange(of(3, 'int32'))
t.linspace(0, 10, 5, dtype=t.int32)
t.full((2,), 1.5, dtype=t.bfloat16)
t.zeros(0, dtype=t.int32)
t.eye(2, dtype=t.int8)
t.cat([of([1], 'int32'), of([2], 'uint8')])
t.stack([of(1, 'int32'), of(1.5, 'float16')])
t.tensor([1.5e-5, 70000.], dtype=t.bfloat16)
of([1, 2], 'int16').type()
of([1, 2], 'bfloat16').type()
of([1, 2], 'int32').type(t.uint8)
of([1, 2], 'bfloat16').tolist()
of([1, 2], 'bfloat16').element_size()
of([1], 'uint8').is_signed()
t.finfo(t.bfloat16)
t.finfo(t.float16)
t.iinfo(t.uint8)
t.nn.functional.cross_entropy(t.ones(2, 3), of([1, 0], 'uint8'))
t.nn.functional.embedding(of([1, 0], 'int32'), t.eye(2))
t.full((2,), 300, dtype=t.uint8)
t.tensor(300, dtype=t.uint8)
t.tensor([1.7, -1.7], dtype=t.uint8)
t.tensor(2**63)
t.tensor([1, 2]).exp_()
t.tensor([1, 2]).sqrt_()
t.tensor([1, 2]).add_(1.5)
t.tensor([True]).add_(1)
of([1, 2], 'int32').mul_(2.5)
of([1], 'uint8').add_(t.tensor([300]))
t.zeros(2, dtype=t.uint8).fill_(300)
t.zeros(2, dtype=t.int32).copy_(t.tensor([1.5, 2.5]))
of([1, 2], 'bfloat16').numpy()
t.arange(3)[of([1, 0, 1], 'int8')]
t.where(of([1, 0], 'int32'), 1, 2)
t.zeros(2).masked_fill(of([1, 0], 'uint8'), 2.)
of([1., 2.], 'float16') @ t.tensor([1., 2.])
of([[1]], 'int32') @ t.tensor([[1]])
of([1], 'int32').requires_grad_()
t.set_default_dtype(t.int32)
""".strip().splitlines()


def evaluate(expression: str, library: Any) -> str:
    """The text of the result, or "raises"."""

    def of(values: Any, name: str) -> Any:
        return library.tensor(values, dtype=getattr(library, name))

    try:
        found = eval(expression, {"t": library, "of": of})
    except (RuntimeError, TypeError, ValueError, IndexError, OverflowError):
        return "raises"
    return repr(found).replace("torch.", "fastnn.")
