"""Custom functions, by the path that they have in torch."""

from fastnn.backward.custom import Context, Function, once_differentiable

FunctionCtx = Context

__all__ = ["Context", "Function", "FunctionCtx", "once_differentiable"]
