"""The site, made by Sphinx: `make docs`."""

from __future__ import annotations

import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import api  # noqa: E402
import docstrings  # noqa: E402
import gallery  # noqa: E402

import fastnn  # noqa: E402

project = "fastnn"
copyright = "fastnn contributors, MIT licence"
release = version = fastnn.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
suppress_warnings = ["ref.python"]  # a short name such as FormatError that is in two modules
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}

html_theme = "furo"
html_title = f"fastnn {fastnn.__version__}"
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style, pygments_dark_style = "friendly", "monokai"
smartquotes_action = "D"  # dashes alone: quotes are code in many texts
toc_object_entries_show_parents = "hide"

myst_heading_anchors = 3
myst_links_external_new_tab = False

# Notebooks are executed once, and again when one or the engine has changed.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "build/notebooks")
nb_execution_timeout = 60
nb_execution_raise_on_error = True
nb_merge_streams = True
PROFILE = HERE.parent / "build/ipython"  # not the user's, whose startup files would run
(PROFILE / "profile_default").mkdir(parents=True, exist_ok=True)
(PROFILE / "profile_default/ipython_kernel_config.py").write_text(
    'get_config().IPKernelApp.log_level = "ERROR"\n'
)
os.environ["IPYTHONDIR"] = str(PROFILE)
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar = True


def convert(_app: Any, _what: str, _name: str, _v: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = docstrings.as_rst(lines)


def hides(_app: Any, _what: str, _name: str, value: Any, skip: bool, _options: Any) -> bool | None:
    """A class that is an attribute of another, as what a Cell is made of, has a page of its own."""
    if inspect.isclass(value) and "." not in value.__qualname__:
        return True
    return True if getattr(value, "__name__", "") in ("extra_repr", "forward") else None


def without_links_outside(_app: Any, docname: str, source: list[str]) -> None:
    """Links to files of the repository that are no pages become their names."""
    folder = (HERE / docname).parent

    def name_of(link: re.Match[str]) -> str:
        path = (folder / link[2]).resolve()
        if path.is_relative_to(HERE) or not path.exists():
            return link[0]  # Sphinx says if it is missing
        told = str(path.relative_to(HERE.parent))
        return f"`{told}`" if told in link[1] else f"{link[1]} (`{told}`)"

    source[0] = re.sub(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#]+)(?:#[^)]*)?\)", name_of, source[0])


def setup(app: Any) -> None:
    api.write(HERE / "api")
    gallery.write(HERE / "gallery")
    docstrings.LINKS.update(api.links())
    app.connect("autodoc-process-docstring", convert, priority=100)  # before napoleon's
    app.connect("autodoc-skip-member", hides)
    app.connect("source-read", without_links_outside)
