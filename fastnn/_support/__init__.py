"""Support for the whole package: input checks, arrays, trees, default dtype, device, threads."""
