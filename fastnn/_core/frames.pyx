# cython: language_level=3, boundscheck=False, wraparound=False
# cython: auto_pickle=False, freethreading_compatible=True
"""Which Python functions run: the code objects of all frames that a thread enters for a while."""
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF, Py_XINCREF

cdef extern from "Python.h":
    ctypedef struct PyFrameObject:
        pass
    ctypedef struct PyCodeObject:
        pass
    ctypedef int (*Py_tracefunc)(PyObject *, PyFrameObject *, int, PyObject *) except -1
    ctypedef struct PyThreadState:
        Py_tracefunc c_profilefunc
        PyObject *c_profileobj
    int PyTrace_CALL
    PyThreadState *PyThreadState_Get()
    void PyEval_SetProfile(Py_tracefunc, PyObject *)
    PyCodeObject *PyFrame_GetCode(PyFrameObject *)
    PyFrameObject *PyFrame_GetBack(PyFrameObject *)
    PyObject *PyFrame_GetGlobals(PyFrameObject *)
    void Py_DecRef(PyObject *)


cdef class Frames:
    """A context in which the functions that this thread enters are noted.

    A profiler that is on goes on hearing of everything.

    Attributes:
        calls: (code, the code that called it or None, the name of its module) of each, by the ids
            of both codes.
    """
    cdef readonly dict calls
    cdef Py_tracefunc _before
    cdef PyObject *_object

    def __init__(self):
        self.calls = {}

    def __enter__(self):
        cdef PyThreadState *thread = PyThreadState_Get()
        self._before, self._object = thread.c_profilefunc, thread.c_profileobj
        Py_XINCREF(self._object)
        PyEval_SetProfile(_note, <PyObject *>self)
        return self

    def __exit__(self, *error):
        PyEval_SetProfile(self._before, self._object)
        Py_XDECREF(self._object)
        self._before, self._object = NULL, NULL


cdef int _note(PyObject *obj, PyFrameObject *frame, int what, PyObject *arg) except -1:
    cdef Frames frames = <Frames>obj
    cdef PyFrameObject *back
    if what == PyTrace_CALL:
        code, caller = _code_of(frame), None
        back = PyFrame_GetBack(frame)
        if back:
            caller = _code_of(back)
            Py_DecRef(<PyObject *>back)
        key = id(code), id(caller)
        if key not in frames.calls:
            space = PyFrame_GetGlobals(frame)
            frames.calls[key] = code, caller, (<dict>space).get("__name__")
            Py_DecRef(space)
    if frames._before:
        return frames._before(frames._object, frame, what, arg)
    return 0


cdef inline object _code_of(PyFrameObject *frame):
    cdef PyObject *code = <PyObject *>PyFrame_GetCode(frame)
    found = <object>code
    Py_DecRef(code)
    return found
