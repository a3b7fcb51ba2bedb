"""A backward pass is linear in nodes plus writes in place, counted in byte codes."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn._core import tape
from fastnn.tensor import Tensor

layer = nn.Linear(4, 4)
norm = nn.BatchNorm1d(4)


def rewards(n: int) -> Tensor:
    """REINFORCE: rew[t] = r."""
    found = fastnn.zeros(n)
    for t in range(n):
        found[t] = layer(fastnn.ones(1, 4)).log_softmax(-1)[0, 0]
    return found.sum()


def rollout(n: int) -> Tensor:
    """Every state is written to its row of one tensor."""
    found, state = fastnn.zeros(n, 4), fastnn.ones(4)
    for k in range(n):
        state = layer(state).tanh()
        found[k] = state
    return found.square().sum()


def columns(n: int) -> Tensor:
    """As `rollout`, by columns, which do not lie together."""
    found, state = fastnn.zeros(4, n), fastnn.ones(4)
    for k in range(n):
        state = layer(state).tanh()
        found[:, k] = state
    return found.square().sum()


def by_tensors(n: int) -> Tensor:
    """Positions given by a tensor."""
    found, state = fastnn.zeros(n, 4), fastnn.ones(4)
    for k in range(n):
        state = layer(state).tanh()
        found[fastnn.tensor([k])] = state
    return found.square().sum()


def log(n: int) -> Tensor:
    """Writes off the tape."""
    found, state = fastnn.zeros(n, 4), fastnn.ones(4)
    for t in range(n):
        state = layer(state).tanh()
        found[t] = state.detach()
    return state.sum()


def logs(n: int) -> Tensor:
    """Writes off the tape to many tensors."""
    found, state = [fastnn.zeros(4) for _ in range(n)], fastnn.ones(4)
    for t in range(n):
        state = layer(state).tanh()
        found[t].copy_(state.detach())
    return state.sum()


def statistics(n: int) -> Tensor:
    """Running statistics of one layer, called often."""
    x = fastnn.arange(8.0).reshape(2, 4)
    found = fastnn.zeros(())
    for t in range(n):
        found = found + norm(x * t).sum()
    return found


def accumulated(n: int) -> Tensor:
    """One tensor that is added to."""
    found = fastnn.zeros(4)
    for _ in range(n):
        found += layer(fastnn.ones(4)).sin()
    return found.sum()


def scaled_rows(n: int) -> Tensor:
    """Views that are changed in place."""
    found = layer(fastnn.ones(n, 4))
    for k in range(n):
        found[k].mul_(2.0)
    return found.sum()


def one_view(n: int) -> Tensor:
    """A view of the weight, made once, used beside writes."""
    found, w = fastnn.zeros(n, 4), layer.weight.t()
    for k in range(n):
        found[k] = (fastnn.ones(1, 4) @ w)[0]
    return found.sum()


def chain(n: int) -> Tensor:
    """No writes."""
    x = fastnn.ones(4, requires_grad=True)
    y = x
    for _ in range(n):
        y = (y + x).tanh()
    return y.sum()


CASES = (
    rewards, rollout, columns, by_tensors, log, logs, statistics, accumulated, scaled_rows,
    one_view, chain,
)  # fmt: skip


def byte_codes(run: Callable[[], Any]) -> int:
    """How many byte codes run, of the library and of everything else in Python."""
    count = 0

    def follow(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_work(case: Callable[[int], Tensor]) -> None:
    """Twice the steps are twice the byte codes, forward and backward, and twice the nodes; were it
    their square, four times."""
    forward, backward, nodes = [], [], []
    case(8).backward()  # what is done once
    for n in (24, 48, 96):
        losses: list[Tensor] = []
        start = tape.node_count()
        forward.append(byte_codes(lambda n=n, losses=losses: losses.append(case(n))))  # type: ignore[misc]
        nodes.append(tape.node_count() - start)
        backward.append(byte_codes(losses[0].backward))
    for counts in (forward, backward, nodes):
        assert counts[2] - counts[1] <= 2.5 * (counts[1] - counts[0]), counts


@pytest.mark.long
@pytest.mark.parametrize("case", [rewards, rollout, columns, by_tensors, scaled_rows, accumulated])
def test_memory(case: Callable[[int], Tensor]) -> None:
    """What the tape of a write keeps does not grow with the tensor that is written into."""
    held = []
    arrays = [tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)]
    for n in (100, 200, 400):
        tracemalloc.start()
        y = case(n)
        taken = tracemalloc.take_snapshot().filter_traces(arrays).statistics("filename")
        held.append(sum(line.size for line in taken))
        tracemalloc.stop()
        assert y.requires_grad
    assert held[2] - held[1] <= 2.1 * (held[1] - held[0]), held


def nodes() -> int:
    """Those of the tape that anything holds."""
    gc.collect()
    return sum(type(found) is tape.Node for found in gc.get_objects())


def test_a_tensor_of_many_lives_holds_none_of_them() -> None:
    """A state that is written for ever, and detached, keeps no history."""
    state = fastnn.zeros(4)
    held = []
    for _ in range(3):
        for _ in range(50):
            state.copy_(layer(state.clone()).tanh())
            state.sum().backward()
            state.detach_()
        held.append(nodes())
    assert held[0] == held[1] == held[2], held
