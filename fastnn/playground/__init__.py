"""The playground: a page that trains small nets with the engine, served to this machine alone."""

from fastnn.playground.server import Playground, serve
from fastnn.playground.table import Columns, columns_of

__all__ = ["Columns", "Playground", "columns_of", "serve"]
