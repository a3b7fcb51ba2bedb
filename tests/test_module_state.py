"""State of modules: names, hooks, extra state, assignment; parts by path; conversion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import Parameter


class Scaled(nn.Module):
    """A module with state besides its tensors."""

    def __init__(self, kind: str = "plain") -> None:
        super().__init__()
        self.kind = kind
        self.scale = Parameter(np.ones(2, np.float32))

    def get_extra_state(self) -> dict[str, str]:
        return {"kind": self.kind}

    def set_extra_state(self, state: Any) -> None:
        self.kind = state["kind"]

    def forward(self, x: Any) -> Any:
        return x * self.scale


def net() -> nn.Sequential:
    fastnn.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 2)))


# ---- state_dict ----


def test_prefix_destination_and_keep_vars() -> None:
    layer = nn.Linear(2, 1)
    assert list(layer.state_dict(prefix="fc.")) == ["fc.weight", "fc.bias"]
    held = {"first": 1}
    state = layer.state_dict(destination=held, prefix="a.", keep_vars=True)
    assert state is held and list(state) == ["first", "a.weight", "a.bias"]
    assert state["a.weight"] is layer.weight
    assert layer.state_dict()["weight"].requires_grad is False
    with pytest.warns(FutureWarning, match="Positional args are being deprecated"):
        assert list(layer.state_dict({}, "b.")) == ["b.weight", "b.bias"]


def test_extra_state_is_saved_and_set(tmp_path: Any) -> None:
    one, other = nn.Sequential(Scaled("own")), nn.Sequential(Scaled())
    state = one.state_dict()
    assert list(state) == ["0.scale", "0._extra_state"]
    fastnn.save(state, tmp_path / "state.safetensors")
    other.load_state_dict(fastnn.load(tmp_path / "state.safetensors"))
    assert other[0].kind == "own"
    with pytest.raises(RuntimeError, match=r'Missing key.*"0._extra_state"'):
        other.load_state_dict({"0.scale": fastnn.ones(2)})
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"_extra_state"'):
        nn.Linear(2, 1).load_state_dict({**nn.Linear(2, 1).state_dict(), "_extra_state": 1})
    with pytest.raises(RuntimeError, match="get_extra_state: expected a subclass that defines it"):
        nn.Linear(2, 1).get_extra_state()


def test_batch_norm_without_its_count() -> None:
    model = net()
    old = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    model[1].num_batches_tracked.fill_(7)
    assert model.load_state_dict(old).missing_keys == []
    assert model[1].num_batches_tracked.item() == 7

    class Versioned(dict[str, Any]):
        _metadata: Mapping[str, Any] = {"1": {"version": 2}}  # as torch marks its own

    with pytest.raises(RuntimeError, match=r'Missing key.*"1.num_batches_tracked"'):
        model.load_state_dict(Versioned(old))


def test_hooks_of_the_state() -> None:
    model, seen = net(), []
    model[2].register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((prefix, keep)))
    handle = model[2].register_state_dict_post_hook(
        lambda m, state, prefix, meta: state.update({prefix + "note": fastnn.ones(1)})
    )
    state = model.state_dict()
    assert seen == [("2.", False)] and "2.note" in state

    def rename(m: Any, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        assert rest[1] is True and rest[2:4] == ([], [])
        state.pop(prefix + "note")

    model[2].register_load_state_dict_pre_hook(rename)
    reports: list[Any] = []
    model.register_load_state_dict_post_hook(lambda m, keys: reports.append(keys))
    model.load_state_dict(state)
    assert "2.note" in state and reports[0].unexpected_keys == []
    handle.remove()
    assert "2.note" not in model.state_dict()
    model[0].register_load_state_dict_pre_hook(lambda *given: given[-1].append("no, said a hook"))
    with pytest.raises(RuntimeError, match="no, said a hook"):
        model.load_state_dict({**model.state_dict(), "2.note": 1})


def test_assign_takes_the_tensors() -> None:
    model = net()
    model[0].weight.requires_grad_(False)
    state = {k: v.double() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    model.load_state_dict(state, assign=True)
    assert model[0].weight.dtype == "float64" and not model[0].weight.requires_grad
    assert model[0].bias.requires_grad and isinstance(model[0].bias, Parameter)
    assert model[1].running_mean is state["1.running_mean"]
    assert model(fastnn.ones(2, 3).double()).dtype == "float64"


# ---- parts by path ----


def test_parts_by_path() -> None:
    model = net()
    assert model.get_parameter("2.0.weight") is model[2][0].weight
    assert model.get_buffer("1.running_var") is model[1].running_var
    for call, path, text in (
        (model.get_parameter, "2.0.nothing", "Linear has no parameter 'nothing'"),
        (model.get_parameter, "1.running_var", "BatchNorm1d has no parameter 'running_var'"),
        (model.get_buffer, "0.weight", "Linear has no buffer 'weight'"),
        (model.get_buffer, "9.x", "Sequential has no module '9'"),
    ):
        with pytest.raises(AttributeError, match=text):
            call(path)
    model.set_submodule("2.0", nn.Linear(4, 5))
    assert model(fastnn.ones(2, 3)).shape == (2, 5)
    model.set_submodule("2.extra", nn.Tanh())
    assert list(dict(model[2].named_children())) == ["0", "extra"]
    with pytest.raises(AttributeError, match="has no module 'none'"):
        model.set_submodule("2.none", nn.Tanh(), strict=True)
    with pytest.raises(ValueError, match="target: expected the path of a submodule"):
        model.set_submodule("", nn.Tanh())
    with pytest.raises(ValueError, match="module: expected a Module"):
        model.set_submodule("2.0", 3)


def test_a_shared_module_comes_twice_if_asked() -> None:
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, shared)
    assert [m is shared for m in model.modules(remove_duplicate=False)] == [False, True, True]
    assert len(list(model.modules())) == 2


# ---- conversion ----


def test_conversions() -> None:
    model = net()
    assert model.type(fastnn.float64) is model and model[0].weight.dtype == "float64"
    assert model.to(fastnn.ones(1), non_blocking=True)[0].weight.dtype == "float32"
    assert model.to_empty(device="cpu") is model
    for name, dtype in (("half", "float16"), ("bfloat16", "bfloat16")):
        assert getattr(model, name)() is model and model[0].weight.dtype == dtype
    assert model.float()[0].weight.dtype == "float32"
    for name in ("cuda", "xpu", "ipu", "mtia"):
        with pytest.raises(RuntimeError, match="device: expected 'cpu'"):
            getattr(model, name)()
    model.compile(mode="default")
    assert not model.dump_patches and not model.call_super_init


def test_share_memory_is_seen_by_a_child() -> None:
    import os

    model = nn.Linear(3, 2)
    before = model.weight.tolist()
    assert model.share_memory() is model and model.weight.tolist() == before
    assert model.weight._array.strides == (4, 8)  # by columns, as it was
    child = os.fork()
    if child == 0:
        model.weight._array[0, 0] = 42.0
        os._exit(0)
    os.waitpid(child, 0)
    assert model.weight[0, 0].item() == 42.0


# ---- hooks of calls ----


def test_a_hook_that_is_always_called() -> None:
    class Failing(nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("no")

    seen: list[Any] = []
    for model, output in ((Failing(), None), (nn.Identity(), 1)):
        model.register_forward_hook(lambda *given: seen.append(("late", given[-1])))
        model.register_forward_hook(lambda *given: seen.append(given[-1]), always_call=True)
        if output is None:
            with pytest.raises(ValueError, match="no"):
                model(1)
        else:
            model(1)
    assert seen == [None, ("late", 1), 1]


def test_backward_pre_hooks_replace_gradients() -> None:
    layer, seen = nn.Linear(2, 2, bias=False), []
    nn.init.ones_(layer.weight)
    layer.register_full_backward_pre_hook(lambda m, grads: seen.append(grads[0].tolist()))
    layer.register_full_backward_pre_hook(lambda m, grads: (grads[0] * 2,))
    layer.register_full_backward_hook(lambda m, into, out: seen.append(out[0].tolist()))
    x = fastnn.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert seen == [[[1.0, 1.0]], [[2.0, 2.0]]] and x.grad is not None
    assert x.grad.tolist() == [[4.0, 4.0]]
    layer.register_full_backward_pre_hook(lambda m, grads: (grads[0], grads[0]))
    with pytest.raises(RuntimeError, match="backward pre-hook: expected 1 gradients, got 2"):
        layer(x).sum().backward()


def test_gradients_of_several_outputs_come_together() -> None:
    class Two(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2, x * 3

    model, seen = Two(), []
    model.register_full_backward_hook(lambda m, into, out: seen.append((into, out)))
    x = fastnn.ones(2, requires_grad=True)
    first, second = model(x)
    (first + second).sum().backward()
    [(into, out)] = seen
    assert into[0].tolist() == [5.0, 5.0] and [g.tolist() for g in out] == [[1.0, 1.0]] * 2
