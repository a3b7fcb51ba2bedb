"""Numbers, names, texts and arrays as C writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.export.steps import ExportError

__all__ = ["Real", "checked_name", "constants", "identifier", "integers", "remark", "text"]

WIDTH = 96
KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while main".split()
)


@dataclass(frozen=True)
class Real:
    """float or double: its name in C, the suffix of functions and numbers, and NumPy's type.

    >>> import numpy as np
    >>> from fastnn.export.c_words import Real
    >>> Real("float", "f", np.float32).number(0.1), Real("double", "", np.float64).number(2)
    ('0.1f', '2.0')
    """

    c: str
    suffix: str
    numpy: Any

    @classmethod
    def of(cls, dtype: Any) -> Real:
        """That of a float32 or float64 model."""
        wide = np.dtype(dtype) == np.float64
        return cls("double", "", np.float64) if wide else cls("float", "f", np.float32)

    def number(self, value: float) -> str:
        """The shortest text that reads as the same number.

        Raises:
            ExportError: C has no literal for nan or inf, or for what the type does not hold.
        """
        with np.errstate(over="ignore"):
            held = self.numpy(value)
        if not np.isfinite(held):
            raise ExportError(f"model: the number {value:g} is too large for {self.c}")
        return str(held) + self.suffix

    def array(self, name: str, values: NDArray[Any]) -> str:
        """A constant array of one or two axes."""
        rows = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[None]
        sizes = "".join(f"[{n}]" for n in (rows.shape if values.ndim > 1 else values.shape))
        bodies = [_wrapped(map(self.number, row)) for row in rows]
        return _definition(f"{self.c} {name}{sizes}", bodies, values.ndim > 1)


def integers(kind: str, name: str, values: NDArray[Any]) -> str:
    """A constant array of whole numbers, of one or two axes."""
    rows = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[None]
    sizes = "".join(f"[{n}]" for n in values.shape)
    bodies = [_wrapped(_whole(int(v)) for v in row) for row in rows]
    return _definition(f"{kind} {name}{sizes}", bodies, values.ndim > 1)


def _whole(value: int) -> str:
    # The least int32 is no literal of C: -2147483648 is minus a number that is too large.
    return f"(-{-value - 1} - 1)" if value == -(2**31) else str(value)


def _definition(head: str, bodies: list[str], nested: bool) -> str:
    inner = ",\n".join(f"  {{{body}}}" for body in bodies) if nested else bodies[0]
    return f"static const {head} = {{\n{inner}\n}};\n"


def _wrapped(words: Iterable[str]) -> str:
    lines, line = [], "  "
    for word in words:
        if len(line) + len(word) > WIDTH:
            lines.append(line.rstrip())
            line = "  "
        line += word + ", "
    return "\n".join([*lines, line.rstrip().removesuffix(",")])


def text(value: str) -> str:
    """A string literal; what is not ASCII as the octal bytes of UTF-8.

    Raises:
        ExportError: it has a NUL.
    """
    if "\0" in value:
        raise ExportError(f"the name {value!r:.60} has a NUL, at which it ends in C; rename it")
    out = ""
    for byte in value.encode():
        char = chr(byte)
        plain = 32 <= byte < 127 and char not in '"\\?'
        out += char if plain else f"\\{byte:03o}"
    return f'"{out}"'


def remark(value: str) -> str:
    """A text as part of a comment: ASCII, in one line, and no end of the comment.

    >>> from fastnn.export.c_words import remark
    >>> remark("a */ b" + chr(10) + "c")
    'a * / b c'
    """
    plain = " ".join(value.encode("ascii", "replace").decode().split())
    for pair in ("*/", "/*", "??"):
        plain = plain.replace(pair, " ".join(pair))
    return plain.rstrip("\\")


def checked_name(name: str) -> str:
    """The prefix of all names in a C file.

    Raises:
        ExportError: it is no name in C.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ExportError(f"name: expected a name of C such as 'net', got {name!r}")
    if name in KEYWORDS:
        raise ExportError(f"name: {name!r} is a word of C; take another, such as 'net'")
    return name


def identifier(value: str) -> str:
    """A text as the end of a constant's name.

    >>> from fastnn.export.c_words import identifier
    >>> identifier("sepal length (cm)")
    'SEPAL_LENGTH_CM'
    """
    ascii_only = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Z0-9]+", "_", ascii_only.upper()).strip("_")


def constants(prefix: str, what: str, values: tuple[str, ...]) -> list[str]:
    """A constant with the position of each text.

    Raises:
        ExportError: two texts become the same name.
    """
    known: dict[str, str] = {}
    lines = []
    for i, value in enumerate(values):
        word = identifier(value)
        if not word:
            raise ExportError(
                f"{what} {value!r} gives no name in C; rename it, or export with constants=False "
                "(--no-constants)"
            )
        if word in known:
            raise ExportError(
                f"{what} {known[word]!r} and {value!r} would both be {prefix}{word} in C; rename "
                "one, or export with constants=False (--no-constants)"
            )
        known[word] = value
        lines.append(f"#define {prefix}{word} {i}")
    return lines
