"""Flatten nested tuples, lists and dicts into leaves, and rebuild them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def alike(sequence: Any, parts: Iterable[Any]) -> Any:
    """A tuple, named tuple or list of the same type with these parts."""
    named = isinstance(sequence, tuple) and hasattr(sequence, "_fields")
    return type(sequence)(*parts) if named else type(sequence)(parts)


def leaves(tree: Any) -> list[Any]:
    """The leaves of nested tuples, lists and dicts; None has none."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def rebuilt(tree: Any, new: Iterable[Any]) -> Any:
    """The same structure with other leaves."""
    left = iter(new)

    def build(part: Any) -> Any:
        if part is None:
            return None
        if isinstance(part, dict):
            return type(part)((key, build(p)) for key, p in part.items())
        if isinstance(part, tuple | list):
            return alike(part, (build(p) for p in part))
        return next(left)

    return build(tree)


def mapped(fn: Callable[[Any], Any], tree: Any) -> Any:
    """The same structure with `fn` applied to each leaf."""
    return rebuilt(tree, [fn(leaf) for leaf in leaves(tree)])


def prefix(value: Any, tree: Any, name: str) -> list[Any]:
    """One entry of `value` for each leaf of `tree`; an entry that is not a container applies to
    all leaves below it. None is an entry too."""
    if not isinstance(value, tuple | list | dict):
        return [value] * len(leaves(tree))
    keyed = isinstance(value, dict) and isinstance(tree, dict)
    if not keyed and not (isinstance(value, tuple | list) and isinstance(tree, tuple | list)):
        raise ValueError(
            f"{name}: expected the structure of the arguments, got {type(value).__name__} for "
            f"{type(tree).__name__}"
        )
    if keyed and set(value) != set(tree):
        raise ValueError(f"{name}: expected the keys {list(tree)}, got {list(value)}")
    if len(value) != len(tree):
        raise ValueError(f"{name}: expected {len(tree)} entries, got {len(value)}")
    pairs = [(value[k], tree[k]) for k in tree] if keyed else list(zip(value, tree))
    return [entry for v, t in pairs for entry in prefix(v, t, name)]
