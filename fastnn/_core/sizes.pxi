# A tuple whose slices are of its own type, in C so that an index costs what a tuple's costs.
cdef extern from *:
    """
    static PyObject *fnn_sizes_of(PyTypeObject *kind, PyObject *tuple) {
        Py_ssize_t i, n = PyTuple_GET_SIZE(tuple);
        PyObject *sizes = kind->tp_alloc(kind, n);
    #if PY_VERSION_HEX >= 0x030E0000  /* tuples keep their hash; -1: not computed yet */
        if (sizes != NULL) ((PyTupleObject *)sizes)->ob_hash = -1;
    #endif
        for (i = 0; sizes != NULL && i < n; i++) {
            PyObject *size = PyTuple_GET_ITEM(tuple, i);
            Py_INCREF(size);
            PyTuple_SET_ITEM(sizes, i, size);
        }
        return sizes;
    }
    static PyObject *fnn_sizes_item(PyObject *self, PyObject *index) {
        PyObject *part = PyTuple_Type.tp_as_mapping->mp_subscript(self, index), *sizes;
        if (part == NULL || !PySlice_Check(index)) return part;
        sizes = fnn_sizes_of(Py_TYPE(self), part);
        Py_DECREF(part);
        return sizes;
    }
    static PyType_Slot fnn_sizes_slots[] = {{Py_mp_subscript, (void *)fnn_sizes_item}, {0, NULL}};
    static PyType_Spec fnn_sizes_spec = {
        "fastnn._core.tape.Sizes", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, fnn_sizes_slots};
    static PyObject *fnn_sizes_type(void) {
        PyObject *bases = PyTuple_Pack(1, (PyObject *)&PyTuple_Type), *kind;
        if (bases == NULL) return NULL;
        kind = PyType_FromSpecWithBases(&fnn_sizes_spec, bases);
        Py_DECREF(bases);
        return kind;
    }
    """
    object fnn_sizes_of(PyTypeObject *kind, object sizes)
    object fnn_sizes_type()
