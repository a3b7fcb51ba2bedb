"""Names, order and defaults of arguments: equal to torch's, or listed as our own."""

from __future__ import annotations

import inspect
import operator
import re

import pytest
from cases import stored
from cases.schedules import SIGNATURES
from cases.signatures import OTHERS, written
from catalogue import layers, losses, optimizers, public_names

import fastnn

GOLDEN: dict[str, str] = stored.read("signatures")

# keywords beside torch's
EXTRA = {"axis=None", "l1=0", "compat=torch", "decoupled_weight_decay=False"}


def of_ours() -> dict[str, str]:
    """The signatures of what torch has not, as the entries of tests/cases give them."""
    found = OTHERS | {f"optim.lr_scheduler.{name}": text for name, text in SIGNATURES.items()}
    for entries in (layers(), losses()):
        for name, entry in entries.items():
            if entry.signature is not None:
                found[f"nn.{name}"] = entry.signature
            found |= {f"nn.functional.{name}": text for name, text in entry.functions.items()}
    own = {name: entry.signature for name, entry in optimizers().items()}
    return found | {f"optim.{name}": text for name, text in own.items() if text is not None}


OURS = of_ours()
# Optimizers without a signature anywhere: their arguments are to be described.
DESCRIBED = [f"optim.{name}" for name in optimizers() if f"optim.{name}" not in OURS | GOLDEN]


def arguments(text: str) -> tuple[list[str], set[str]]:
    """Those by position, and those by keyword alone."""
    positional, _, keywords = text.partition("*, ")
    return [a for a in positional.split(", ") if a], {a for a in keywords.split(", ") if a}


def ours(name: str) -> str:
    return written(operator.attrgetter(name)(fastnn))


@pytest.mark.parametrize("name", GOLDEN)
def test_arguments_are_torch_s(name: str) -> None:
    """A function may have fewer than torch's, and more of them by keyword."""
    wanted, keywords = arguments(GOLDEN[name])
    found, own = arguments(ours(name))
    if name.startswith("nn.functional."):
        assert found == wanted[: len(found)]
        assert own <= keywords | set(wanted)
    else:
        assert found == wanted
        assert own - EXTRA == keywords - EXTRA


@pytest.mark.parametrize("name", OURS)
def test_arguments_that_torch_has_not(name: str) -> None:
    assert ours(name) == OURS[name]


def undescribed(kind: type) -> list[str]:
    """Arguments that its docstring names nowhere at the start of a line."""
    said = re.findall(r"^ *([\w, ]+):", inspect.getdoc(kind) or "", re.MULTILINE)
    known = {name for names in said for name in re.split(r",\s*", names)}
    return [name for name in inspect.signature(kind).parameters if name not in {*known, "params"}]


def test_optimizers_without_a_signature_describe_their_arguments() -> None:
    """Those that torch's stored signatures have not: what an entry would hold is said there."""
    for name in DESCRIBED:
        missing = undescribed(operator.attrgetter(name)(fastnn))
        assert not missing, f"{name}: describe {missing}, or add a signature to its entry"


def test_every_signature_is_here() -> None:
    public = set(public_names())
    missing = sorted(public - GOLDEN.keys() - OURS.keys() - set(DESCRIBED))
    assert not missing, (
        f"{missing}: give its arguments in tests/cases (an activation's, layer's or loss's "
        "functions too: in its entry; others: cases/signatures.py), or run `make goldens`"
    )
    assert not GOLDEN.keys() & OURS.keys(), "torch has it: its entry needs no signature"
    assert public >= GOLDEN.keys() | OURS.keys()
