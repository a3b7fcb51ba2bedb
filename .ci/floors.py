"""The lowest version of everything that pyproject.toml names: python .ci/floors.py [EXTRA ...]"""

import re
import sys
import tomllib
from pathlib import Path


def floors(extras: list[str]) -> list[str]:
    """Requirements `name==lowest` of the package and of these extras."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    found = [re.fullmatch(r"([\w.-]+)(?:\[.*\])?>=([\d.]+)(?:;.*)?", one) for one in wanted]
    assert all(found), wanted
    return [f"{one[1]}=={one[2]}.*" for one in found if one]


if __name__ == "__main__":
    print("\n".join(floors(sys.argv[1:])))
