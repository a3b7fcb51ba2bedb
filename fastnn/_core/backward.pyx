# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: auto_pickle=False, freethreading_compatible=True
"""The backward pass: propagates gradients through the tape to leaves or to chosen tensors.

A place on the tape is what a gradient is by: id of a leaf, or (id of a node, number of its output).
A pass keeps its gradients to itself, so that a hook, a gradient rule or another thread may go
through the same nodes meanwhile.
"""
from operator import attrgetter

from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM

from fastnn._core.tape cimport (
    Gone,
    Node,
    TensorBase,
    array_of,
    keeps_nothing,
    last_write,
    leaf_of,
    owner,
    place_at,
    rebased,
    set_grad_enabled,
)

cdef object _order = attrgetter("order")
cdef object _add = None  # these are what `bind` was given
cdef object _checked = None
cdef object _check_view = None
cdef dict _hooks = {}
cdef object _after_hooks = None


def bind(add=None, checked=None, check_view=None, hooks=None, after_hooks=None):
    """Bind the Python functions that this module needs.

    add: the sum of two gradients.
    checked: (rule, node, gradients) -> what the rule gives; raises where the rule reads memory that
        was written since the node was made.
    check_view: (x, source, order) -> None; raises if the node numbered `order` used x, a view made
        by the node numbered `source`, too late.
    hooks: place -> its hooks; empty as long as there are none.
    after_hooks: (place, gradient) -> what its hooks make of the gradient.
    """
    global _add, _checked, _check_view, _hooks, _after_hooks
    _add = add if add is not None else _add
    _checked = checked if checked is not None else _checked
    _check_view = check_view if check_view is not None else _check_view
    _hooks = hooks if hooks is not None else _hooks
    _after_hooks = after_hooks if after_hooks is not None else _after_hooks


cpdef object place_of(TensorBase x):
    """A tensor's place on the tape."""
    return id(x) if x._node is None else (id(x._node), x._index)


cdef int _check_there(Node node) except -1:
    """Raise if a node was freed."""
    if node._freed:
        raise RuntimeError(
            "backward a second time through the same tape, whose memory was given back; "
            "call the first one with retain_graph=True"
        )
    return 0


cpdef tuple inputs_of(Node node):
    """The inputs of a node, or an error if it was freed."""
    _check_there(node)
    return node.inputs


cdef list _nodes_since(outputs, long start):
    """The nodes made after number `start` that the outputs depend on, last made first."""
    cdef Node node
    cdef set seen = set()
    cdef list waiting = [(<TensorBase>y)._node for y in outputs]
    while waiting:
        node = <Node>waiting.pop()
        if node is None or node.order <= start or node in seen:
            continue
        seen.add(node)
        waiting.extend(node._sources)
    return sorted(seen, key=_order, reverse=True)


def reaches(outputs, long start):
    """place -> tensor: those that require grad, are not made since `start`, and lead to the
    outputs."""
    cdef TensorBase x
    cdef dict found = {}
    cdef list ends = list(outputs)
    for node in _nodes_since(ends, start):
        ends.extend(inputs_of(<Node>node))
    for end in ends:
        x = <TensorBase>end
        if x is not None and x.requires_grad and (x._node is None or x._node.order <= start):
            found.setdefault(place_of(x), x)
    return found


cdef dict _leading(list nodes, set wanted):
    """node -> which of its inputs lead to a wanted tensor; only nodes where any does."""
    cdef Node node
    cdef TensorBase leaf
    cdef Py_ssize_t i
    cdef dict leading = {}
    cdef list asked
    for each in reversed(nodes):
        node, asked = <Node>each, []
        for i in range(len(node._sources)):
            source = node._sources[i]
            if source is None:
                leaf = leaf_of(node, i)
                asked.append(leaf is not None and id(leaf) in wanted)
            else:
                asked.append(source in leading or (id(source), place_at(node, i)) in wanted)
        if True in asked:
            leading[node] = asked
    return leading


cdef class Part(Node):
    """A node as its gradient rule sees it when not all input gradients are needed."""
    cdef Node _whole
    cdef list _asked

    def needs(self, int i):
        return self._asked[i]

    def output(self, int i=0):
        return self._whole.output(i)


cdef Part _part(Node whole, list asked):
    cdef Part part = Part.__new__(Part)
    part.rule, part._inputs, part.outputs = whole.rule, whole._inputs, whole.outputs
    part._sources, part._places = whole._sources, whole._places
    part.attrs, part.order = whole.attrs, whole.order
    part._whole, part._asked = whole, asked
    return part


cdef class Pass:
    """The state of a backward pass: pending gradients, and those that have arrived."""
    cdef list _waiting  # a heap of the nodes that a gradient has reached, last made first
    cdef dict _arriving  # each of them -> its gradients by its outputs
    cdef dict _ends  # place of a leaf, or at or before the start -> (a tensor there, its gradient)
    cdef dict _chosen  # as _ends: what is wanted, besides
    cdef set _between  # what is wanted but for leaves
    cdef dict _leading  # None: all nodes are entered
    cdef long _start
    cdef bint _keep
    cdef object _check

    def __cinit__(self):
        self._waiting, self._arriving, self._ends, self._chosen = [], {}, {}, {}
        self._between = set()

    cdef int send(self, TensorBase x, Node node, int index, gradient) except -1:
        """Take a gradient that has arrived: by output `index` of a node; None: by the leaf x."""
        cdef list arriving
        if node is None or node.order <= self._start:
            place = id(x) if node is None else (id(node), index)
            end = self._ends.get(place)
            self._ends[place] = (x, gradient if end is None else _add(end[1], gradient))
            return 0
        known = self._arriving.get(node)
        if known is None:
            if self._leading is None or node in self._leading:
                _check_there(node)
            arriving = [None] * len(node.outputs)
            self._arriving[node] = arriving
            _push(self._waiting, node)
        else:
            arriving = <list>known
        before = arriving[index]
        arriving[index] = gradient if before is None else _add(before, gradient)
        return 0

    cdef int run(self) except -1:
        """Through all nodes, last made first: when a node's turn comes, all that used its outputs
        have had theirs."""
        cdef Node node
        cdef list arriving
        while self._waiting:
            node = _pop(self._waiting)
            arriving = <list>self._arriving.pop(node)
            if _hooks or self._between:
                self._see(node, arriving)
            if self._leading is None:
                self._enter(node, None, arriving)
            elif node in self._leading:
                self._enter(node, <list>self._leading[node], arriving)
        if _hooks:
            for place, (x, gradient) in self._ends.items():
                if place in _hooks:
                    self._ends[place] = (x, _after_hooks(place, gradient))
        return 0

    cdef int _see(self, Node node, list arriving) except -1:
        """The gradients of a node's outputs are complete: run their hooks, and keep the wanted
        ones."""
        cdef Py_ssize_t i
        for i in range(len(arriving)):
            if arriving[i] is None:
                continue
            place = (id(node), i)
            if place in _hooks:
                arriving[i] = _after_hooks(place, arriving[i])
            if place in self._between:
                self._chosen[place] = (None, arriving[i])
        return 0

    cdef int _enter(self, Node node, list asked, list arriving) except -1:
        """Propagate the gradients of a node's inputs; asked: of which, None: of all."""
        cdef TensorBase leaf
        cdef Node source
        cdef Py_ssize_t i, n = len(node._sources)
        gradients = self._ask(node, asked, arriving)
        if len(gradients) < n:
            raise RuntimeError("a gradient rule gave fewer gradients than inputs")
        for i in range(n):
            gradient = gradients[i]
            if gradient is None or not (asked is None or <bint>asked[i]):
                continue
            source, leaf = <Node>node._sources[i], None
            if source is None:
                leaf = leaf_of(node, i)
                if leaf is None:
                    continue
            elif rebased:
                _check_view(node._inputs[i], source.order, node.order)
            self.send(leaf, source, place_at(node, i), gradient)
        if not self._keep:
            _give_back(node)
        return 0

    cdef object _ask(self, Node node, list asked, list arriving):
        """The gradients of a node's inputs."""
        cdef Node seen = node if asked is None or False not in asked else _part(node, asked)
        if last_write() >= node.order and not keeps_nothing(node):
            gradients = _checked(node.rule, seen, arriving)
        elif len(arriving) == 1:
            gradients = node.rule(seen, arriving[0])
        else:
            gradients = node.rule(seen, *arriving)
        if self._check is not None:
            self._check(node, gradients)
        return gradients


cdef tuple _no_outputs = (None,)


cdef int _give_back(Node node) except -1:
    """Give back the memory that a node holds. What is left is the way to older nodes and, where the
    rule needs no more, shapes and dtypes, by which it can be entered again."""
    cdef Py_ssize_t i, n = len(node._sources)
    cdef bint again
    cdef tuple left
    if node._freed:
        return 0
    again = keeps_nothing(node)
    left = PyTuple_New(n)
    for i in range(n):
        x = node._inputs[i]
        rest = leaf_of(node, i)
        if rest is None and again and x is not None:
            rest = x if type(x) is Gone else Gone(array_of(node, i))
        Py_INCREF(rest)
        PyTuple_SET_ITEM(left, i, rest)
    node._inputs = left
    node.outputs = _no_outputs if len(node.outputs) == 1 else (None,) * len(node.outputs)
    if not again:
        node._freed, node.attrs = True, ()
    return 0


cdef int _push(list heap, Node node) except -1:
    cdef Py_ssize_t i = len(heap), above
    heap.append(node)
    while i > 0:
        above = (i - 1) >> 1
        if (<Node>heap[above]).order > node.order:
            break
        heap[i] = heap[above]
        i = above
    heap[i] = node
    return 0


cdef Node _pop(list heap):
    """The most recent node."""
    cdef Node last = <Node>heap.pop(), first
    cdef Py_ssize_t i = 0, below = 1, n = len(heap)
    if n == 0:
        return last
    first = <Node>heap[0]
    while below < n:
        if below + 1 < n and (<Node>heap[below + 1]).order > (<Node>heap[below]).order:
            below += 1
        if (<Node>heap[below]).order < last.order:
            break
        heap[i] = heap[below]
        i, below = below, 2 * below + 1
    heap[i] = last
    return first


def propagate(outputs, cotangents, set wanted, bint create_graph, bint keep, long start=-1,
              check=None):
    """Run a backward pass from cotangents of the outputs.

    Args:
        outputs: where to begin; those that require no grad are left out.
        cotangents: one for each output.
        wanted: the places whose gradients are asked for, and only nodes that lead there are
            entered; None: all leaves that require grad.
        create_graph: put what is computed on the tape.
        keep: the tape may be used again; else the nodes that are entered give back what they hold,
            and with `wanted` all that lead there.
        start: nodes up to this number are not entered.
        check: (node, gradients) -> None; looks at what each gradient rule gives.

    Returns:
        place -> the gradient by it, with `wanted` maybe also by others; with None
        id of a leaf -> (the leaf, its gradient).

    Raises:
        RuntimeError: a node that is to be entered gave back its memory, or would use memory that
            was changed in place.
    """
    cdef Pass back = Pass.__new__(Pass)
    cdef bint before = set_grad_enabled(create_graph)
    back._start, back._keep, back._check = start, keep, check
    try:
        if wanted is not None:
            back._leading = _leading(_nodes_since(outputs, start), wanted)
            back._between = {place for place in wanted if type(place) is tuple}
        for y, cotangent in zip(outputs, cotangents, strict=True):
            if (<TensorBase>y).requires_grad:
                back.send(y, (<TensorBase>y)._node, (<TensorBase>y)._index, cotangent)
        back.run()
        if wanted is not None and not keep:  # also those that no gradient has reached
            for node in back._leading:
                _give_back(<Node>node)
    finally:
        set_grad_enabled(before)
    if wanted is None:
        return back._ends
    back._chosen.update(back._ends)
    return {place: gradient for place, (_, gradient) in back._chosen.items()}


def hand_over(list arrived, set taken):
    """Give each leaf that has no gradient the one that arrived, if nothing else has its memory, a
    block without repetition; the pairs of a leaf and its gradient that are left.

    taken: ids of the arrays that own the memory in use.
    """
    cdef TensorBase leaf, found
    cdef list left = []
    for pair in arrived:
        leaf, found = <TensorBase>pair[0], <TensorBase>pair[1]
        memory = id(owner(found._array))
        if leaf._grad is None and memory not in taken and 0 not in found._array.strides:
            taken.add(memory)
            leaf._grad = found
        else:
            left.append(pair)
    return left
