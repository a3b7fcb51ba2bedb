cdef class Node:
    cdef readonly object rule
    cdef tuple _inputs
    cdef public tuple outputs
    cdef readonly tuple attrs
    cdef readonly long order

cdef class TensorBase:
    cdef public object _array
    cdef public object grad
    cdef public bint requires_grad
    cdef public Node _node
    cdef public int _index  # which output of the node
    cdef public bint _unit  # the constant 1 that starts a backward pass
    cdef public bint _inference  # made within inference_mode
    cdef public TensorBase _past  # stands for it as it was before a change in place on the tape
    cdef public TensorBase _base  # of a view made off the tape: the tensor whose memory it sees
    cdef object __weakref__

cdef bint rebased  # whether any tensor was ever changed in place on the tape

cpdef bint grad_enabled() noexcept
cpdef bint set_grad_enabled(bint mode) noexcept
cpdef long note_write() noexcept
cpdef long last_write() noexcept
cpdef object owner(array)
cpdef object wrap(array)
