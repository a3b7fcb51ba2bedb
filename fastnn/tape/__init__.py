"""The tape that ops write: nodes, grad modes, checks of in-place changes, inference tensors."""
