"""Docstrings as Sphinx reads them: they are written for `help()`, with plain equations in them.

Napoleon takes the sections apart; before it, this escapes what is markup in reStructuredText but a
product, an absolute value or a name in ours, and keeps the lines of equations as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SECTIONS = (
    "Args Arguments Attributes Example Examples Keyword Raises Returns Yields Note Notes Warns"
).split()
CODE = re.compile(r"``.+?``|`[^`]+`", re.S)
START = re.compile(r"^(\s*)((?:\w|\d+|[ivxlc]+)\.(?=\s|$)|-(?=\S)|\.\.|:(?=\w))", re.M)
# Full names by what texts call them; `conf.py` fills it.
LINKS: dict[str, str] = {}
EQUATION = re.compile(r"\S (?:[-+*/]?=|->|:=) \S")


def escaped(text: str) -> str:
    """`text` without markup but code in backticks."""
    text = re.sub(r"([\\*|`])", r"\\\1", text)
    text = re.sub(r"(?<=\w)_(?=\W|$)", r"\_", text)
    return START.sub(r"\1\\\2", text)


def prose(lines: list[str]) -> list[str]:
    """A paragraph: code as literals, public names as links, the rest escaped."""
    text, made, end = "\n".join(lines), "", 0
    for found in CODE.finditer(text):
        code = found[0].strip("`").replace("\\", "\\\\")
        before, after = text[end : found.start()], text[found.end() : found.end() + 1]
        made += escaped(before)
        if before[-1:].isalnum():
            made += "\\ "
        if code in LINKS:
            made += f":py:obj:`{code} <{LINKS[code]}>`"
        else:
            made += f"``{code.strip()}``" if code.strip() else ""
        if after.isalnum() or after == "_":
            made += "\\ "
        end = found.end()
    return (made + escaped(text[end:])).split("\n")


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """Runs of lines of one kind: blank, an example, a section's header, or text of one depth."""
    i = 0
    while i < len(lines):
        start = i
        line = lines[i].strip()
        i += 1
        if line.startswith(">>>"):
            while i < len(lines) and lines[i].strip():
                i += 1
        elif line and line.rstrip(":") not in SECTIONS:
            while i < len(lines):
                after = lines[i].strip()
                if not after or after.startswith(">>>") or after.rstrip(":") in SECTIONS:
                    break
                if indent(lines[i]) == 0 and indent(lines[start]) > 0:
                    break
                i += 1
        yield lines[start:i]


def lists(lines: list[str]) -> list[list[str]]:
    """A paragraph of text, with each item of a list apart."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if re.match(r"\s*[-*] \S", line) and parts[-1]:
            parts.append([])
        parts[-1].append(line)
    return parts


def block(lines: list[str], in_section: bool) -> list[str]:
    """One paragraph of text as reStructuredText."""
    depth = indent(lines[0])
    if in_section and depth:
        return [made for line in fields(lines, depth) for made in line]
    if depth:  # set off by its depth: equations, tables
        return ["::", "", *("    " + line for line in lines), ""]
    if any(re.match(r"\s*[-*] \S", line) for line in lines):
        first, *items = lists(lines)
        made = prose(first) if not re.match(r"[-*] ", first[0]) else item(first)
        return [*made, "", *(line for one in items for line in [*item(one), ""])]
    if any(indent(line) for line in lines):  # a text, then lines set off
        cut = next(i for i, line in enumerate(lines) if indent(line))
        end = next((i for i in range(cut, len(lines)) if not indent(lines[i])), len(lines))
        rest = block(lines[end:], False) if lines[end:] else []
        return [*block(lines[:cut], False), "", *block(lines[cut:end], False), *rest]
    if len(lines) > 1 and sum(bool(EQUATION.search(line)) for line in lines) == len(lines):
        return ["| " + line for line in prose(lines)]
    return prose(lines)


def item(lines: list[str]) -> list[str]:
    """An item of a list, its lines below its text."""
    first = re.sub(r"^\s*[-*] ", "", lines[0])
    made = prose([first, *(line.strip() for line in lines[1:])])
    return ["- " + made[0], *("  " + line for line in made[1:])]


def fields(lines: list[str], depth: int) -> Iterator[list[str]]:
    """The fields of a section, names as they are, each text escaped and of one depth."""
    groups: list[list[str]] = []
    for line in lines:
        if groups and groups[-1][-1].endswith(",") and ": " not in " ".join(groups[-1]):
            groups[-1] = [f"{' '.join(groups[-1])} {line.strip()}"]  # a long list of names
        elif indent(line) <= depth or not groups:
            groups.append([line.strip()])
        else:
            groups[-1].append(line.strip())
    for first, *rest in groups:
        name, colon, told = first.partition(": ")
        if not colon or "`" in name or (len(name) > 60 and " " in name.replace(", ", "")):
            name, colon, told = "", "", first
        made = prose([told, *rest])
        head = " " * depth + name.replace("`", "") + colon
        yield [head + made[0], *(" " * (depth + 4) + line for line in made[1:])]


def as_rst(lines: list[str]) -> list[str]:
    """A docstring's lines for napoleon."""
    made: list[str] = []
    section = ""
    for part in paragraphs(lines):
        first = part[0].strip()
        if not first:
            made.append("")
        elif first.startswith(">>>"):
            if made and made[-1]:
                made.append("")
            made += [*part, ""]
        elif first.rstrip(":") in SECTIONS and first.endswith(":") and not indent(part[0]):
            section = first[:-1]
            if made and made[-1]:
                made.append("")
            made.append(first)
        else:
            if not indent(part[0]):
                section = ""
            made += block(part, bool(section))
    return made
