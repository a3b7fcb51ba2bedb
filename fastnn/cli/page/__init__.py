"""The report of a run as one HTML file: no scripts, no network, light and dark, narrow and wide."""

from fastnn.cli.page.page import page

__all__ = ["page"]
