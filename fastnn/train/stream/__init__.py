"""Fits, evaluations and predictions of tables that are larger than memory."""
