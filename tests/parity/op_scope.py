"""Which names of op_db belong to a library of dense nets on the CPU with real dtypes."""

from __future__ import annotations

OUT_OF_SCOPE = (
    *"fft. signal. sparse. jiterator torch.ops torch._ _".split(),
    *"nn.functional.conv nn.functional.max_pool nn.functional.avg_pool".split(),
    *"nn.functional.adaptive nn.functional.fractional nn.functional.max_unpool".split(),
    *"nn.functional.pixel nn.functional.channel nn.functional.interp nn.functional.grid".split(),
    *"nn.functional.upsample nn.functional.unfold nn.functional.ctc".split(),
    *"nn.functional.local_resp nn.functional.dropout2d nn.functional.dropout3d".split(),
    *"nn.functional.feature_alpha nn.functional.embedding_bag nn.functional.linear_cross".split(),
    *"nn.functional.group_norm nn.functional.instance_norm nn.functional.multi_head".split(),
    *"nn.functional.scaled_dot grid_sampler max_pool2d stft istft native_".split(),
    *"view_as_complex view_as_real to_sparse hash_tensor special. masked. linalg.".split(),
)
COMPLEX = set(
    """H mH angle complex conj conj_physical resolve_conj resolve_neg real imag polar isreal
    cdouble cfloat chalf bfloat16 half vdot""".split()
)
# What torch keeps for its own compiler or for allocation.
INNER = set(
    """alias_copy as_strided_copy as_strided_scatter diagonal_copy expand_copy narrow_copy
    permute_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy
    unsqueeze_copy view_copy unsafe_chunk unsafe_split empty_permuted empty_strided
    new_empty_strided resize_ resize_as_ constant_pad_nd nonzero_static slice rsub""".split()
)
DECOMPOSITIONS = set(
    """cholesky cholesky_inverse cholesky_solve geqrf lu lu_solve lu_unpack logdet matrix_exp ormqr
    pca_lowrank pinverse qr svd svd_lowrank triangular_solve mvlgamma polygamma igamma igammac i0
    histogramdd cauchy geometric log_normal""".split()
)


def scope(name: str) -> str:
    """`core`, `adjacent` (linear algebra, special functions, masked.*) or `out`."""
    if name.startswith("__") or name in ("special.softmax", "special.log_softmax"):
        return "core"
    if name.startswith(("special.", "masked.", "linalg.")) or name in DECOMPOSITIONS:
        return "adjacent"
    if name in COMPLEX or name in INNER or name.startswith(OUT_OF_SCOPE):
        return "out"
    return "core"
