from types import CodeType
from typing import Any, Self

from typing_extensions import disjoint_base

@disjoint_base
class Frames:
    calls: dict[tuple[int, int], tuple[CodeType, CodeType | None, Any]]
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: Any) -> None: ...
