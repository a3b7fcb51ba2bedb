"""Variables that a compiled function captures, found and watched."""
