"""Writes fastnn/tensor/__init__.pyi, what type checkers see of Tensor: `make stubs`.

Tensor's methods are functions that are attached when the package is loaded. Their annotations are
written down here, beside those of the class itself.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import fastnn  # noqa: E402  (of this tree)
from fastnn.ops import names  # noqa: E402
from fastnn.tensor import tensor  # noqa: E402

STUB = HERE.parent / "fastnn/tensor/__init__.pyi"
WORD = re.compile(r"[A-Za-z_]\w*")
HIDDEN = ("bool", "float", "int", "type")  # there are methods of these names
HOMES = {  # names of annotations -> where type checkers find them
    "Any": "typing",
    "Callable": "collections.abc",
    "Iterator": "collections.abc",
    "Sequence": "collections.abc",
    "Generator": "fastnn.random.generator",
    "DTypeLike": "numpy.typing",
    "NDArray": "numpy.typing",
    "QR": "fastnn.ops.decompositions",
    "SignLog": "fastnn.ops.solving",
}
HEAD = '''"""Tensor with its methods. Written by docs/stub.py: `make stubs`."""

{imports}
from fastnn.tensor import tensor as _tensor
from fastnn.tensor.tensor import (
    DTYPES as DTYPES,
    as_dtype as as_dtype,
    bool_ as bool_,
    float32 as float32,
    float64 as float64,
    int64 as int64,
)

{hidden}
Scalar: TypeAlias = bool | int | float
Operand: TypeAlias = Tensor | Scalar
Axes: TypeAlias = int | Sequence[int] | None

def wrap(array: NDArray[Any]) -> Tensor: ...
def of_array(array: Any, requires_grad: Any = False, dtype: Any = None) -> Tensor: ...

class Tensor(_tensor.Tensor):
    grad: Tensor | None
'''
OURS = ("Scalar", "Operand", "Axes", "Tensor")


class Stub:
    """The lines of the class, and what they need."""

    def __init__(self) -> None:
        self.homes: set[tuple[str, str]] = {("typing", "Any"), ("typing", "TypeAlias")}
        self.homes |= {("collections.abc", "Sequence"), ("numpy.typing", "NDArray")}
        self.lines: list[str] = []

    def annotation(self, function: Any, text: str) -> str:
        """An annotation, by names that are known in the stub."""
        for name in WORD.findall(text):
            if name in HOMES:
                self.homes.add((HOMES[name], name))
            elif hasattr(builtins, name):
                continue
            elif name not in OURS:
                inner = inspect.unwrap(function)
                named = inner.__globals__.get(name)
                self.homes.add(((named if inspect.isclass(named) else inner).__module__, name))
        return WORD.sub(lambda m: f"_{m[0]}" if m[0] in HIDDEN else m[0], text)

    def parameters(self, function: Any) -> tuple[str, str]:
        """The arguments after the first, and the result."""
        signature = inspect.signature(function)
        written, keyword_only = ["self"], False
        for p in list(signature.parameters.values())[1:]:
            star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
            if p.kind is p.KEYWORD_ONLY and not keyword_only:
                written.append("*")
            keyword_only = keyword_only or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
            text = f"{star}{p.name}: {self.annotation(function, p.annotation)}"
            written.append(text if p.default is p.empty else f"{text} = {p.default!r}")
        if any(f.__globals__ is vars(names) for f in chain(function)):
            written.append("**named: Any")  # NumPy's names
        return ", ".join(written), self.annotation(function, signature.return_annotation)

    def add(self, name: str, member: Any) -> None:
        """A method or a property."""
        if isinstance(member, property):
            result = self.parameters(member.fget)[1]
            self.lines += ["@property", f"def {name}(self) -> {result}: ..."]
            if member.fset is not None:
                value = self.parameters(member.fset)[0]
                self.lines += [f"@{name}.setter", f"def {name}({value}) -> None: ..."]
            return
        given, result = self.parameters(member)
        if name.startswith("__"):  # an operator has no further arguments
            given = given.partition(", *, out:")[0]
        self.lines.append(f"def {name}({given}) -> {result}: ...")

    def text(self) -> str:
        """The file."""
        modules: dict[str, list[str]] = {}
        last = ["numpy", "fastnn"]  # behind Python's own
        order = {home: last.index(root) if (root := home[0].partition(".")[0]) in last else -1
                 for home in self.homes}  # fmt: skip
        for module, name in sorted(self.homes, key=lambda home: (order[home], home)):
            modules.setdefault(module, []).append(name)
        imports = "\n".join(f"from {m} import {', '.join(n)}" for m, n in modules.items())
        hidden = "\n".join(f"_{name}: TypeAlias = {name}" for name in HIDDEN[:3])
        head = HEAD.format(imports=imports, hidden=hidden)
        return head + "\n".join(f"    {line}" for line in self.lines) + "\n"


def chain(function: Any) -> Iterator[Any]:
    """The function and those that it wraps."""
    while function is not None:
        yield function
        function = getattr(function, "__wrapped__", None)


def members() -> Iterator[tuple[str, Any]]:
    """Attached methods, and those of the class itself that give a tensor."""
    tree = ast.parse(Path(str(tensor.__file__)).read_text())
    kind = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Tensor")
    own = {n.name: n for n in kind.body if isinstance(n, ast.FunctionDef)}
    aliases = {t.id for n in kind.body if isinstance(n, ast.Assign) for t in n.targets
               if isinstance(t, ast.Name)}  # fmt: skip
    for name, member in sorted(vars(fastnn.Tensor).items()):
        if name in own:
            returns = own[name].returns
            if isinstance(returns, ast.Name) and returns.id == "Tensor":
                yield name, member
        elif name not in aliases and (inspect.isfunction(member) or isinstance(member, property)):
            yield name, member


def stub() -> str:
    """The stub as it should be."""
    found = Stub()
    for name, member in members():
        found.add(name, member)
    return found.text()


if __name__ == "__main__":
    STUB.write_text(stub())
