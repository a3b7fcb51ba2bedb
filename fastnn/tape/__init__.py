"""What an op leaves behind: nodes, grad modes, versions of memory, inference tensors."""
