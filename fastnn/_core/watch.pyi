from typing import Any

from typing_extensions import disjoint_base

_Tensor = Any  # defined above this door

class Attribute(str): ...

@disjoint_base
class Watch:
    ran_at: int
    def __init__(
        self,
        leaves: list[_Tensor],
        places: list[tuple[Any, Any]],
        found: list[tuple[_Tensor, _Tensor | None]],
        left: list[tuple[_Tensor, _Tensor | None]],
        mode: bool = True,
    ) -> None: ...
    def take(self, contents: list[Any] | None = None) -> None: ...
    def same(self) -> bool: ...
    def release(self) -> bool: ...
    def leave(self) -> int: ...
