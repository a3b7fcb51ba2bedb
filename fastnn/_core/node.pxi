# The nodes of the tape, a part of tape.pyx.

cdef class Gone:
    """What a node keeps of an array once its memory was given back: all that a gradient rule reads
    which needs no values."""

    def __cinit__(self, array):
        self.shape, self.dtype = array.shape, array.dtype

    @property
    def ndim(self):
        """The number of axes."""
        return len(self.shape)


cdef class Node:
    """A tape node, one recorded op: its inputs, outputs and gradient rule.

    rule: (node, *gradients by the outputs) -> gradients by the inputs, in ops; None for none.
    inputs: tensors, or None where an op allows it; None altogether once freed. A tensor that is
        changed in place moves on to another node; this one keeps the node that it had.
    outputs: arrays, as tensors would form a reference cycle.
    attrs: further data for the rule.
    order: its place among all nodes.
    """

    def __init__(self, rule, tuple inputs, tuple outputs, tuple attrs):
        _fill(self, rule, inputs, outputs, attrs)

    @property
    def inputs(self):
        """The inputs as they were on the tape at that time; None once freed."""
        cdef Py_ssize_t i
        if self._freed:
            return None
        for i in range(len(self._inputs)):
            if input_of(self, i) is not self._inputs[i]:
                return tuple([input_of(self, j) for j in range(len(self._inputs))])
        return self._inputs

    def input(self, int i):
        """An input that is known to be a tensor."""
        return input_of(self, i)

    def output(self, int i=0):
        """An output as a tensor on the tape."""
        cdef TensorBase y = _wrap(self.outputs[i])
        y._node, y._index, y.requires_grad = self, i, True
        return y

    def needs(self, int i):
        """Whether a gradient with respect to input `i` is needed."""
        return on_tape(self, i)


cdef int _fill(Node node, rule, tuple inputs, tuple outputs, tuple attrs) except -1:
    """Make a new node of these."""
    cdef Py_ssize_t i, n = len(inputs)
    cdef tuple sources = PyTuple_New(n)
    cdef bint several = False
    if _inferred and not fnn_inference:
        _refuse(rule, inputs, attrs)
    for i in range(n):
        x = inputs[i]
        source = None
        if x is not None:
            source = (<TensorBase>x)._node
            several = several or (<TensorBase>x)._index != 0
        Py_INCREF(source)
        PyTuple_SET_ITEM(sources, i, source)
    node.rule, node._inputs, node.outputs, node.attrs = rule, inputs, outputs, attrs
    node._sources, node.order = sources, fnn_count_up(&_made)
    if several:
        node._places = tuple([0 if x is None else (<TensorBase>x)._index for x in inputs])
    return 0


cdef TensorBase input_of(Node node, Py_ssize_t i):
    """An input as it was on the tape when the node was made."""
    cdef TensorBase y
    x, source = node._inputs[i], node._sources[i]
    if x is None:
        return None
    if type(x) is Gone:
        y = _wrap(x)
    else:
        array = array_of(node, i)
        if (<TensorBase>x)._node is source and (<TensorBase>x)._array is array:
            return <TensorBase>x
        y = _wrap(array)
    if source is not None:
        y._node, y._index, y.requires_grad = source, place_at(node, i), True
    return y


cdef object array_of(Node node, Py_ssize_t i):
    """The array that an input, a tensor, had when the node was made."""
    cdef TensorBase x = node._inputs[i]
    if x._former is not None:
        for made, array in x._former:
            if made >= node.order:
                return array
    return x._array


cdef int place_at(Node node, Py_ssize_t i):
    """Which output of its node an input was."""
    return 0 if node._places is None else node._places[i]


cdef bint on_tape(Node node, Py_ssize_t i) except -1:
    """Whether an input was on the tape, or is a leaf that requires grad."""
    return node._sources[i] is not None or leaf_of(node, i) is not None


cdef TensorBase leaf_of(Node node, Py_ssize_t i):
    """An input that is a leaf that requires grad; else None."""
    x = node._inputs[i] if node._inputs else None
    if x is None or node._sources[i] is not None or type(x) is Gone:
        return None
    if (<TensorBase>x)._node is not None or not (<TensorBase>x).requires_grad:
        return None
    return <TensorBase>x


cdef bint keeps_nothing(Node node) except -1:
    """Whether the gradients that the node gives need no values of its inputs and outputs."""
    cdef Py_ssize_t i
    free = getattr(node.rule, "free", None)
    if free is None or free is True:
        return free is True
    for i in range(len(node._sources)):
        if on_tape(node, i) and i not in free:
            return False
    return True
