cdef class Gone:
    cdef readonly tuple shape
    cdef readonly object dtype

cdef class Node:
    cdef readonly object rule
    cdef tuple _inputs  # tensors, of which Gone is left; once freed, leaves that require grad
    cdef tuple _sources  # the node that each of them had
    cdef tuple _places  # which output of that it was; None: the first, for all
    cdef bint _freed  # it gave back what its rule needs
    cdef public tuple outputs
    cdef readonly tuple attrs
    cdef readonly long order

cdef class Row:
    cdef readonly object name, shape, gradient
    cdef readonly int code
    cdef readonly bint packed, alike

cdef class TensorBase:
    cdef public object _array
    cdef object _grad  # a TensorBase of the same shape and dtype, or None
    cdef public bint requires_grad
    cdef public Node _node
    cdef public int _index  # which output of the node
    cdef public bint _unit  # the constant 1 that starts a backward pass
    cdef public bint _inference  # made within inference_mode
    cdef public bint _stand_in  # a leaf that a transform put in the place of an argument
    cdef public list _former  # its arrays before it was turned in place: (nodes made by then, array)
    cdef public TensorBase _base  # of a view made off the tape: the tensor whose memory it sees
    cdef public bint _given  # made of values in C's order, as torch's is
    cdef object __weakref__

cdef bint rebased  # whether any tensor was ever changed in place on the tape

cdef TensorBase input_of(Node node, Py_ssize_t i)
cdef TensorBase leaf_of(Node node, Py_ssize_t i)
cdef object array_of(Node node, Py_ssize_t i)
cdef int place_at(Node node, Py_ssize_t i)
cdef bint on_tape(Node node, Py_ssize_t i) except -1
cdef bint keeps_nothing(Node node) except -1
cpdef bint grad_enabled() noexcept
cpdef bint set_grad_enabled(bint mode) noexcept
cpdef int operands() noexcept
cpdef long note_write() noexcept
cpdef long last_write() noexcept
cpdef object owner(array)
cpdef object wrap(array)
