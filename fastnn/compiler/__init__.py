"""Compiled functions: record once, lower, replay."""
