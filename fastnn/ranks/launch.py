"""Whether an MPI launcher started this process, and with how many others."""

from __future__ import annotations

import os

from fastnn.ranks.communicator import Ranks, ranks_of

# What launchers tell the processes they start: mpiexec of MPICH and its kin, of Open MPI, srun.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


def started() -> int:
    """How many processes a launcher has started together with this one, which counts."""
    found = [os.environ.get(name, "") for name in _SIZES]
    return max(
        [1, *(int(text) for text in found if text.isascii() and text.isdigit() and len(text) < 10)]
    )


def launched() -> Ranks | None:
    """The processes that a launcher started; None where this one was started alone.

    Raises:
        ImportError: mpi4py is not installed.
        RuntimeError: the launcher is of another MPI than mpi4py, which sees one process.
    """
    if started() == 1:
        return None
    ranks = ranks_of("world")
    assert ranks is not None
    if ranks.size == 1:
        raise RuntimeError(
            f"comm: {started()} processes were started, and mpi4py sees one: the launcher is of "
            "another MPI library than mpi4py's; use the mpiexec beside this Python, or install "
            "mpi4py for the library of the launcher"
        )
    return ranks
