"""Doctests of parts that need a package that is not installed are left out."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("sklearn") else ["fastnn/sklearn/*"]
