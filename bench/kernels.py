"""Which kernels a library runs, from what the libraries say themselves."""

from __future__ import annotations

import ctypes
import os
import re
import tempfile
from collections.abc import Callable

from fastnn.cli import blas


def of_blas() -> str:
    """The BLAS that is loaded, such as "OpenBLAS 0.3.33, SkylakeX"."""
    return "; ".join(dict.fromkeys(blas.kernels()))


def printed(run: Callable[[], object]) -> str:
    """What `run` writes to stdout, C libraries included."""
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    kept = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            run()
            libc.fflush(None)
        finally:
            os.dup2(kept, 1)
            os.close(kept)
        file.seek(0)
        return file.read().decode(errors="replace")


def of_mkl(text: str) -> str:
    """From MKL's verbose lines.

    >>> of_mkl("MKL_VERBOSE oneMKL 2024.2 Product build 20240605 for Intel(R) 64 architecture "
    ...        "Intel(R) AVX-512 enabled processors, Lnx 3.3GHz lp64 gnu_thread")
    'oneMKL 2024.2, Intel AVX-512'
    """
    found = re.search(
        r"MKL_VERBOSE (?:Intel\(R\) )?(oneMKL|MKL) ([\d.]+\d)[^\n]*?architecture ([^,\n]*)", text
    )
    if found is None:
        return ""
    name, version, processors = found.groups()
    kind = re.sub(r"\(R\)|\(.*?\)| enabled.*| processors", "", processors)
    return f"{name} {version}, {' '.join(kind.split())}"


def of_onednn(text: str) -> str:
    """From oneDNN's verbose lines.

    >>> of_onednn("onednn_verbose,v1,info,oneDNN v3.7.1 (commit 8d)\\n"
    ...           "onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with VNNI\\n")
    'oneDNN 3.7.1, Intel AVX-512 with VNNI'
    """
    version = re.search(r"oneDNN v([\d.]+)", text)
    isa = re.search(r"cpu,isa:([^,\n]*)", text)
    return f"oneDNN {version[1]}, {isa[1]}" if version and isa else ""
