"""Tabular nets and their rivals on public tables, by 5 folds, with defaults alone."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTNN_NUM_THREADS"):
    os.environ[_name] = "1"  # here, before anything that has threads is imported
