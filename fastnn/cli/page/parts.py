"""Pieces of HTML: escaped text, sections, tables, bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from fastnn.cli.page.draw import number

__all__ = ["bars", "cards", "figure", "figures", "matrix", "section", "table"]


def section(title: str, *parts: str) -> str:
    """A heading, and what is below."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def figure(title: str, picture: str, caption: str = "") -> str:
    """A picture with a heading."""
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{escape(title)}</h3>{picture}{told}</figure>"


def figures(found: Iterable[str]) -> str:
    """Pictures side by side, where there is room."""
    return f'<div class="figures">{"".join(found)}</div>'


def cards(values: Iterable[tuple[str, str]]) -> str:
    """Numbers at a glance: (what, value)."""
    found = [
        f'<div class="card"><b>{escape(value)}</b><span>{escape(what)}</span></div>'
        for what, value in values
    ]
    return f'<div class="cards">{"".join(found)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    """A table; `numbers` are the columns that are aligned at the right."""

    def cell(tag: str, place: int, value: Any) -> str:
        kind = ' class="num"' if place in numbers else ' class="text"'
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{kind}{scope}>{escape(str(value))}</{tag}>"

    top = "".join(cell("th", i, text) for i, text in enumerate(head))
    body = "".join(
        f"<tr>{''.join(cell('td', i, value) for i, value in enumerate(row))}</tr>" for row in rows
    )
    rows_of = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{rows_of}</table></div>'


def matrix(counts: Any, names: Sequence[str]) -> str:
    """A confusion matrix: rows are the true classes, the shade is the share of the row."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = []
    for name, row, shares in zip(names, counts.tolist(), share.tolist(), strict=True):
        cells = "".join(
            f'<td style="background:rgba(var(--heat),{0.75 * s:.2f})">{c}</td>'
            for c, s in zip(row, shares, strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table class="matrix"><thead><tr><th>true \\ predicted</th>{top}</tr>'
        f"</thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def bars(names: Sequence[str], values: Sequence[float]) -> str:
    """Bars with names and numbers; negative ones are empty."""
    most = max([value for value in values if np.isfinite(value)] + [1e-300])
    rows = [
        f'<span>{escape(name)}</span><span class="track"><span class="fill" style="display:block;'
        f'width:{100 * max(value, 0.0) / most:.1f}%"></span></span>'
        f'<span class="value">{number(value)}</span>'
        for name, value in zip(names, values, strict=True)
    ]
    return f'<div class="rows">{"".join(rows)}</div>'
