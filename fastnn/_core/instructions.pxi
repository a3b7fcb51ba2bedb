# Instructions become calls.

cdef size_t _build(Program program, size_t index, tuple instruction, fnn_call *call,
                   fnn_patch *patches, size_t n_patches) except? 0:
    """Fill the call of an instruction; returns how many patches there are then."""
    cdef fnn_operand operands[6]
    cdef size_t j
    cdef int i, space
    cdef tuple shape, strides
    code, real, operand_list, dims, attrs, barrier, guard = instruction
    if len(operand_list) > FNN_MAX_ARRAYS:
        raise ValueError("no such op")
    for i in range(len(operand_list)):
        operand = operand_list[i]
        operands[i].ptr = NULL
        operands[i].ndim = 0
        if operand is None:
            continue
        space, base, offset, shape, strides = operand
        if space == _ARENA:
            operands[i].ptr = <char *>program._arena + <Py_ssize_t>offset
        elif space == _EXTERNAL:
            operands[i].ptr = <char *>program._views[<size_t>base].buf + <Py_ssize_t>offset
        else:
            operands[i].ptr = <char *>1  # patched before every run
            patches[n_patches].call = index
            patches[n_patches].array = i
            patches[n_patches].input = base
            patches[n_patches].offset = offset
            n_patches += 1
        operands[i].ndim = len(shape)
        for j in range(operands[i].ndim):
            operands[i].shape[j] = shape[j]
            operands[i].stride[j] = strides[j]
    engine.fill(call, code, real, operands, <int>len(operand_list), dims, attrs)
    call.barrier = barrier
    call.guard = guard
    return n_patches
