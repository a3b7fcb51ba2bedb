"""The pages of the API: which names there are, and on which page each is described.

`conf.py` writes them when the site is built; the text comes from the docstrings, by autodoc.
"""

from __future__ import annotations

import inspect
import pkgutil
import types
import typing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Top-level names go to a page by the module that defines them, below `fastnn.`, or by their name.
TOP = {
    "tensor": ("Tensor", "tensor ops.conversions ops.typed_tensors"),
    "dtypes": (
        "Types and constants",
        "ops.promote _support.dtype_info _support.dtypes e inf nan newaxis pi set_default_dtype "
        "get_default_dtype set_default_tensor_type",
    ),
    "creation": ("Creation", "ops.creation ops.from_data"),
    "elementwise": (
        "Elementwise functions",
        "ops.rules ops.arithmetic ops.elementwise ops.parts ops.pointwise ops.transcendental "
        "ops.interpolation ops.whole",
    ),
    "comparisons": (
        "Comparisons and logic",
        "eq ne lt le gt ge equal not_equal less less_equal greater greater_equal allclose isclose "
        "isfinite isinf isnan isneginf isposinf isreal isin logical_and logical_not logical_or "
        "logical_xor bitwise_and bitwise_not bitwise_or bitwise_xor bitwise_left_shift "
        "bitwise_right_shift is_same_size",
    ),
    "reductions": (
        "Reductions and sums",
        "sum mean ops.extremes ops.statistics ops.summaries ops.cumulative ops.quantiles "
        "ops.counting ops.differences",
    ),
    "sorting": ("Sorting and searching", "ops.sorting ops.searching msort"),
    "products": (
        "Products and linear algebra",
        "ops.products ops.matrices ops.einstein ops.spectral ops.triangular ops.reflections "
        "ops.distances random.lowrank",
    ),
    "indexing": (
        "Indexing and scattering",
        "ops.indexing ops.scattering ops.putting ops.placing ops.filling ops.diagonals",
    ),
    "shapes": ("Shapes, views and joining", "ops.axes ops.shapes ops.views ops.join"),
    "in_place": ("In place", "ops.inplace"),
    "gradients": ("Gradients", "tape.modes transforms backward"),
    "compiling": ("Compiling and precision", "compiler tape.listener explain amp"),
    "settings": (
        "Threads, devices and settings",
        "settings _support _core __version__ set_float32_matmul_precision",
    ),
    "special": ("Special functions", "ops.special ops.incomplete_gamma"),
    "random": ("Random numbers", "random"),
    "layers": ("Layers", "Parameter ParameterTuple"),
    "activations": ("Activations", ""),
    "losses": ("Losses", ""),
    "functional": ("Functions of nn", "nn ops.rows"),
    "training": ("Training", "train"),
    "populations": ("Many nets at once", "population"),
    "files": ("Files", "io"),
    "mindspore": ("MindSpore's names", "mindspore GRAPH_MODE PYNATIVE_MODE"),
}

# Pages of whole modules; a page of TOP may go on here.
MODULES = {
    "gradients": ("", "fastnn.autograd fastnn.autograd.functional"),
    "func": ("Transforms of functions", "fastnn.func"),
    "special": ("", "fastnn.special"),
    "linalg": ("Linear algebra: linalg", "fastnn.linalg"),
    "random": ("", "fastnn.random"),
    "distributions": ("Distributions", "fastnn.distributions"),
    "constraints": (
        "Constraints and transforms of distributions",
        "fastnn.distributions.constraints fastnn.distributions.transforms",
    ),
    "functional": ("", "fastnn.nn.functional"),
    "init": ("Initialisers", "fastnn.nn.init"),
    "nn_utils": (
        "Utilities of nn",
        "fastnn.nn.utils fastnn.nn.utils.parametrizations fastnn.nn.utils.parametrize "
        "fastnn.nn.utils.prune fastnn.nn.utils.rnn fastnn.nn.parameter",
    ),
    "optim": ("Optimizers", "fastnn.optim fastnn.optim.swa_utils"),
    "schedules": ("Learning-rate schedules", "fastnn.optim.lr_scheduler"),
    "compiling": ("", "fastnn.amp"),
    "training": ("", "fastnn.train"),
    "metrics": ("Metrics", "fastnn.metrics"),
    "callbacks": ("Callbacks", "fastnn.callbacks"),
    "populations": ("", "fastnn.population"),
    "data": ("Data sets and loaders", "fastnn.utils.data fastnn.utils.checkpoint"),
    "tabular": ("Tables", "fastnn.tabular"),
    "sklearn": ("scikit-learn", "fastnn.sklearn"),
    "files": ("", "fastnn.io fastnn.export"),
    "explain": ("Explanations and inspection", "fastnn.explain fastnn.guards fastnn.testing"),
    "plot": ("Plots", "fastnn.plot"),
    "playground": ("The playground", "fastnn.playground"),
    "info": ("Entropies and divergences", "fastnn.info"),
    "mindspore": (
        "",
        "fastnn.mindspore fastnn.mindspore.train fastnn.mindspore.dataset "
        "fastnn.mindspore.dataset.transforms fastnn.mindspore.dataset.vision "
        "fastnn.mindspore.common.initializer fastnn.mindspore.numpy",
    ),
    "mindspore_nn": ("mindspore.nn", "fastnn.mindspore.nn"),
    "mindspore_ops": ("mindspore.ops", "fastnn.mindspore.ops"),
}

# The order of the pages.
GROUPS = {
    "Tensors": "tensor dtypes creation elementwise comparisons reductions sorting products linalg "
    "special indexing shapes in_place random distributions constraints",
    "Gradients": "gradients func compiling",
    "Nets": "layers activations losses functional init nn_utils",
    "Training": "optim schedules training populations metrics callbacks data tabular sklearn",
    "Around": "files explain plot playground info settings",
    "MindSpore": "mindspore mindspore_nn mindspore_ops",
}

# What packages share among themselves, in their lists though no one's to call.
INNER = {
    f"fastnn.autograd.{n}"
    for n in "Context GradientRule Node check_writable leads_to only_reads versions".split()
} | {"fastnn.random.engine_state"}


class Entry(NamedTuple):
    """A public name and what it stands for."""

    name: str
    value: Any


def public(module: str) -> list[Entry]:
    """The public names of a module but modules: of its `__all__`, or what is defined there."""
    found = pkgutil.resolve_name(module)
    names = getattr(found, "__all__", None)
    if names is None:
        names = [n for n, v in vars(found).items() if getattr(v, "__module__", "") == module]
    entries = [Entry(f"{module}.{n}", getattr(found, n)) for n in dict.fromkeys(names)]
    return sorted(
        (
            e
            for e in entries
            if not isinstance(e.value, types.ModuleType)
            and e.name not in INNER
            and e.name.rpartition(".")[2][0] != "_"
        ),
        key=lambda e: (e.name.lower(), e.name),
    )


def page_of_top(entry: Entry) -> str:
    """The page of a top-level name: by the name, its ending, its type, or its longest module."""
    name = entry.name.rpartition(".")[2]
    homes = {word: page for page, (_, words) in TOP.items() for word in words.split()}
    if name in homes and name not in ("tensor", "random"):
        return homes[name]
    if name.endswith("_") and name != "bool_":
        return "in_place"
    if isinstance(entry.value, np.dtype) or name in ("bool", "bool_", "float", "int"):
        return "dtypes"
    if isinstance(entry.value, type) and issubclass(entry.value, np.generic):
        return "dtypes"
    home = getattr(entry.value, "__module__", type(entry.value).__module__)
    parts = home.removeprefix("fastnn.").split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in homes:
            return homes[".".join(parts[:length])]
    raise LookupError(f"{entry.name} of {home}: no page in docs/api.py")


def page_of_nn(entry: Entry) -> str:
    """Layers, activations or losses."""
    home = getattr(entry.value, "__module__", "").removeprefix("fastnn.nn.").partition(".")[0]
    return home if home in ("activations", "losses") else "layers"


def families() -> dict[str, tuple[str, list[Entry]]]:
    """Title and entries of each page, by file stem. Each full name is on one page."""
    titles = {page: title for page, (title, _) in (*TOP.items(), *MODULES.items()) if title}
    made: dict[str, tuple[str, list[Entry]]] = {
        page: (titles[page], []) for group in GROUPS.values() for page in group.split()
    }
    for entry in public("fastnn"):
        made[page_of_top(entry)][1].append(entry)
    made["tensor"][1].sort(key=lambda entry: not entry.name.endswith((".Tensor", ".Size")))
    for entry in public("fastnn.nn"):
        made[page_of_nn(entry)][1].append(entry)
    for page, (_, modules) in MODULES.items():
        for module in modules.split():
            made[page][1].extend(public(module))
    return made


def directive(entry: Entry, first: str) -> str:
    """What Sphinx is told of a name; `first` is the first name of the same object."""
    value = entry.value
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) or (
        inspect.isroutine(value)
    ):
        kind = "class" if inspect.isclass(value) else "function"
        if first != entry.name:
            return f".. py:{kind}:: {entry.name}\n\n   The same as :py:obj:`{first}`."
        options = "\n   :members:" if kind == "class" else ""
        return f".. auto{kind}:: {entry.name}{options}"
    if isinstance(value, np.dtype) or str(value) == "bfloat16":
        told = f"The type {value}, in {8 * value.itemsize} bits."
    elif value is None or isinstance(value, (int, float, str)):
        told = f"{value!r}"
    elif isinstance(value, (dict, tuple, frozenset)):
        told = ", ".join(f"``{one!r}``" for one in sorted(value, key=str)) + "."
    elif not isinstance(type(value), type) or typing.get_origin(value) is not None:
        told = f"``{value}``"
    else:
        told = (inspect.getdoc(value) or "").partition("\n\n")[0].replace("`", "``")
    return f".. py:data:: {entry.name}\n\n   {told}"


def links() -> dict[str, str]:
    """Full names by the ends of them that texts use: `nn.Linear`, and `Linear` where it is one."""
    found: dict[str, str] = {}
    names = [e.name for _, entries in families().values() for e in entries]
    for name in sorted(names, key=lambda name: ("mindspore" in name, name.count("."), name)):
        parts = name.split(".")
        for start in range(len(parts)):
            end = ".".join(parts[start:])
            if start < len(parts) - 1 or len(end) > 3:
                found.setdefault(end, name)
    return found


def heading(title: str, rule: str = "=") -> str:
    return f"{title}\n{rule * len(title)}"


def pages() -> dict[str, str]:
    """Text of each page, by file name."""
    found = families()
    first: dict[int, str] = {}
    for _, entries in found.values():
        for name, value in entries:
            first.setdefault(id(value), name)
    made = {}
    for page, (title, entries) in found.items():
        blocks = [heading(title)]
        module = ""
        for entry in entries:
            home = entry.name.rpartition(".")[0]
            if home != module:
                module = home
                blocks.append(heading(home, "-"))
            blocks.append(directive(entry, first[id(entry.value)]))
        made[f"{page}.rst"] = "\n\n".join(blocks) + "\n"
    count = len({e.name for _, entries in found.values() for e in entries})
    trees = [
        f".. toctree::\n   :caption: {group}\n   :maxdepth: 1\n\n"
        + "\n".join(f"   {page}" for page in stems.split())
        for group, stems in GROUPS.items()
    ]
    told = (
        f"The {count:,} public names, by what they are for. Names, arguments and defaults are "
        "torch's where torch has the same thing; in :doc:`mindspore` they are MindSpore's."
    )
    made["index.rst"] = "\n\n".join([heading("API"), told, *trees]) + "\n"
    return made


def write(folder: Path) -> None:
    """Write the pages whose text has changed, and remove those that are gone."""
    folder.mkdir(exist_ok=True)
    made = pages()
    for old in folder.glob("*.rst"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
