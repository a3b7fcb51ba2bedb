"""Tabular data: reading, splitting, scaling, and models."""
