"""Generate docs/reference from the docstrings of the public names: `make docs`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

PAGES = HERE / "reference"

Entry = tuple[str, Any]  # name, object


def public(module: str) -> Iterator[Entry]:
    """Classes and functions in a module's `__all__`; without one, those defined there."""
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None)
    if names is None:
        names = [n for n, v in vars(found).items() if getattr(v, "__module__", "") == module]
    for name in sorted(names, key=str.lower):
        value = getattr(found, name)
        if name[0] != "_" and (inspect.isclass(value) or inspect.isroutine(value)):
            yield f"{module.removeprefix('fastnn.')}.{name}", value


def of_nn(kind: str) -> list[Entry]:
    """Classes of `fastnn.nn` of one kind: layers, activations or losses."""
    chosen = []
    for name, value in public("fastnn.nn"):
        if not inspect.isclass(value):
            continue
        home = value.__module__.removeprefix("fastnn.nn.").partition(".")[0]
        if (home if home in ("activations", "losses") else "layers") == kind:
            chosen.append((name, value))
    return chosen


def methods(name: str, kind: type) -> list[Entry]:
    """A class and its public methods, inherited ones last."""
    found = [(name, kind)]
    for base in kind.__mro__:
        for key, value in vars(base).items():
            if key[0] != "_" and inspect.isfunction(value) and value.__doc__:
                found.append((f"{name}.{key}", value))
    return found


def families() -> dict[str, tuple[str, list[Entry]]]:
    """Title and entries of each page, by file stem."""
    import fastnn
    from fastnn.explain.profile import Profile

    transforms = "grad value_and_grad get_grad stop_gradient jvp vjp jacrev jacfwd hessian hvp vmap"
    return {
        "layers": ("Layers", of_nn("layers")),
        "activations": ("Activations", of_nn("activations")),
        "losses": ("Losses", of_nn("losses")),
        "functional": ("Functions of nn.functional", list(public("fastnn.nn.functional"))),
        "initialisers": (
            "Initialisers",
            [e for e in public("fastnn.nn.init") if e[0][-1] == "_" or "gain" in e[0]],
        ),
        "utilities": ("Parameter utilities", list(public("fastnn.nn.utils"))),
        "optimizers": (
            "Optimizers", [*public("fastnn.optim"), *public("fastnn.optim.swa_utils")]
        ),
        "schedules": ("Learning-rate schedules", list(public("fastnn.optim.lr_scheduler"))),
        "metrics": (
            "Metrics", [(n.removeprefix("train."), f) for n, f in public("fastnn.train.metrics")]
        ),
        "training": (
            "Training",
            [*methods("Trainer", fastnn.Trainer)]
            + [e for e in public("fastnn.train") if e[0] != "train.Trainer"]
            + [("profile", fastnn.profile), ("Profile", Profile)],
        ),
        "populations": (
            "Many nets at once",
            [
                *public("fastnn.population"),
                *(e for kind in ("Population", "Ensemble", "Best")
                  for e in methods(f"population.{kind}", getattr(fastnn.population, kind))[1:]),
            ],
        ),
        "callbacks": ("Callbacks", list(public("fastnn.callbacks"))),
        "explain": (
            "Model inspection",
            [("nn.summary", fastnn.nn.summary), *public("fastnn.explain")],
        ),
        "plots": ("Plots", list(public("fastnn.plot"))),
        "transforms": (
            "Function transforms",
            [(n, getattr(fastnn, n)) for n in transforms.split()] + list(public("fastnn.func")),
        ),
        "autograd": ("Automatic differentiation", list(public("fastnn.autograd"))),
        "files": ("Files", [*public("fastnn.io"), *public("fastnn.export")]),
        "guards": ("Guards", list(public("fastnn.guards"))),
        "info": ("Entropies and divergences", list(public("fastnn.info"))),
    }  # fmt: skip


def signature(value: Any) -> str:
    """Signature with defaults, without annotations."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    plain = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    return str(found.replace(parameters=plain, return_annotation=found.empty))


def entry(name: str, value: Any) -> str:
    """Markdown section of one name: signature, first line, body, example."""
    text = inspect.getdoc(value) or ""
    first, _, rest = text.partition("\n")
    body, example = [], []
    for line in rest.strip("\n").splitlines():
        (example if example or line.lstrip().startswith(">>>") else body).append(line)
    parts = [f"## {name}", f"```python\n{name}{signature(value)}\n```", first]
    told = "\n".join(body).strip("\n").removesuffix("Example:").rstrip()
    if told:
        parts.append(f"```text\n{told}\n```")
    if example:
        parts.append("```python\n" + inspect.cleandoc("\n".join(example)) + "\n```")
    return "\n\n".join(parts)


def pages() -> dict[str, str]:
    """Text of each page, by file name."""
    made, index = {}, ["# Reference", "Generated from the docstrings by `make docs`."]
    listing = []
    for page, (title, entries) in families().items():
        sections = [entry(name, value) for name, value in entries]
        head = f"# {title}\n\nGenerated from the docstrings by `make docs`."
        made[f"{page}.md"] = "\n\n".join([head, *sections]) + "\n"
        names = ", ".join(f"`{name.rpartition('.')[2]}`" for name, _ in entries)
        listing.append(f"- [{title}]({page}.md): {names}")
    made["README.md"] = "\n\n".join([*index, "\n".join(listing)]) + "\n"
    return made


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for old in PAGES.glob("*.md"):
        old.unlink()
    for file, text in pages().items():
        (PAGES / file).write_text(text)
    print(f"{len(pages())} pages in {PAGES}")
