"""Forms of reading state in a function of one tensor: `name: make`, where make() gives the function
and what changes the state. Each call of make has a state of its own.

The plain forms stand in a table of source texts: (what sets the state up, the value that is read,
the change). The function multiplies its argument by the value.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable
from typing import Any

Function = Callable[[Any], Any]
Form = tuple[Function, Callable[[], object]]

_SETUP = """
import abc, argparse, array, builtins, collections, contextlib, contextvars, copy, dataclasses, enum
import functools, importlib, inspect, io, itertools, math, operator, os, pathlib, random, sys
import tempfile, threading, time, types, typing, weakref
import numpy as np
import fastnn
from fastnn import nn, optim
import fastnn.nn.functional as F

class Box:
    shared = 1.0
    def __init__(self, k=1.0, **more):
        self.k = k
        self.__dict__.update(more)
    def get(self):
        return self.k
    @property
    def prop(self):
        return self.k
    @classmethod
    def of_class(cls):
        return cls.shared
    @staticmethod
    def static():
        return Box.shared

box = Box()
ns = types.SimpleNamespace(k=1.0)
d = {"k": 1.0, "j": 2.0}
items = [1.0, 2.0]
one = np.ones(3)
X = fastnn.ones(3)
w = nn.Parameter(np.ones(3, np.float32))
"""

# name: (set up, value, change)
TEXTS: dict[str, tuple[str, str, str]] = {
    # names
    "global number": ("k = 1.0", "k", "k = 3.0"),
    "global tensor": ("k = fastnn.ones(3)", "k", "k = fastnn.ones(3) * 3"),
    "global tensor in place": ("k = fastnn.ones(3)", "k", "k.mul_(3.0)"),
    "global dict key": ("", 'd["k"]', 'd["k"] = 3.0'),
    "global list": ("", "items[0]", "items[0] = 3.0"),
    "global list slice": ("", "sum(items[:2])", "items[1] = 3.0"),
    "global tuple": ("t = (1.0, 2.0)", "t[0]", "t = (3.0, 2.0)"),
    "list in a tuple": ("t = ([1.0], 2.0)", "t[0][0]", "t[0][0] = 3.0"),
    "global set": ("s = {1.0}", "sum(s)", "s.add(3.0)"),
    "frozen set": ("s = frozenset({1.0})", "sum(s)", "s = frozenset({3.0})"),
    "global deque": ("q = collections.deque([1.0])", "q[0]", "q[0] = 3.0"),
    "ordered dict": ("o = collections.OrderedDict(k=1.0)", 'o["k"]', 'o["k"] = 3.0'),
    "default dict": ("o = collections.defaultdict(float, k=1.0)", 'o["k"]', 'o["k"] = 3.0'),
    "counter": ("o = collections.Counter(k=1)", 'o["k"]', 'o["k"] = 3'),
    "chain map": ("o = collections.ChainMap({}, d)", 'o["k"]', 'd["k"] = 3.0'),
    "user dict": ("o = collections.UserDict(k=1.0)", 'o["k"]', 'o["k"] = 3.0'),
    "user list": ("o = collections.UserList([1.0])", "o[0]", "o[0] = 3.0"),
    "mapping proxy": ("o = types.MappingProxyType(d)", 'o["k"]', 'd["k"] = 3.0'),
    "array.array": ('a = array.array("d", [1.0])', "a[0]", "a[0] = 3.0"),
    "bytearray": ("a = bytearray([1])", "a[0]", "a[0] = 3"),
    "memoryview": ("a = bytearray([1]); v = memoryview(a)", "v[0]", "a[0] = 3"),
    "string": ('name = "k"', "d[name]", 'name = "j"'),
    "None or number": ("k = None", "(1.0 if k is None else k)", "k = 3.0"),
    "global that appears": ("", '(later if "later" in globals() else 1.0)', "later = 3.0"),
    "globals()": ("k = 1.0", 'globals()["k"]', "k = 3.0"),
    "vars() of a module": ("k = 1.0", 'vars(sys.modules[__name__])["k"]', "k = 3.0"),
    "module attribute": ("", "module.k", "module.k = 3.0"),
    "module by getattr": ("", 'getattr(module, "k")', "module.k = 3.0"),
    "sys.modules": ("", "sys.modules[module.__name__].k", "module.k = 3.0"),
    "importlib": ("", "importlib.import_module(module.__name__).k", "module.k = 3.0"),
    "__import__": ("", "__import__(module.__name__).k", "module.k = 3.0"),
    "shadowed builtin": ("", "float(max(1.0, 0.5))", "max = min"),
    # attributes
    "attribute": ("", "box.k", "box.k = 3.0"),
    "attribute of an attribute": ("b = Box(inner=Box())", "b.inner.k", "b.inner.k = 3.0"),
    "attribute replaced inside": ("b = Box(inner=Box())", "b.inner.k", "b.inner = Box(3.0)"),
    "class attribute": ("", "box.shared", "Box.shared = 3.0"),
    "class attribute shadowed": ("", "box.shared", "box.shared = 3.0"),
    "class attribute by the class": ("", "Box.shared", "Box.shared = 3.0"),
    "class attribute by type": ("", "type(box).shared", "Box.shared = 3.0"),
    "class attribute by __class__": ("", "box.__class__.shared", "Box.shared = 3.0"),
    "another class": ("class Other(Box):\n    shared = 3.0", "box.shared", "box.__class__ = Other"),
    "isinstance": (
        "class Other(Box): pass",
        "(3.0 if isinstance(box, Other) else 1.0)",
        "box.__class__ = Other",
    ),
    "other bases": (
        "class A:\n    z = 1.0\nclass B:\n    z = 3.0\nclass C(A): pass\nc = C()",
        "c.z",
        "C.__bases__ = (B,)",
    ),
    "attribute of a base": ("class Sub(Box): pass\nb = Sub()", "b.shared", "Box.shared = 3.0"),
    "getattr": ("", 'getattr(box, "k")', "box.k = 3.0"),
    "getattr with default": ("", 'getattr(box, "extra", 1.0)', "box.extra = 3.0"),
    "getattr computed": ('part = "k"', 'getattr(box, part + "")', "box.k = 3.0"),
    "getattr computed name changes": (
        'part = "k"; box.j = 3.0',
        "getattr(box, part)",
        'part = "j"',
    ),
    "getattr renamed": ("ask = getattr", 'ask(box, "k")', "box.k = 3.0"),
    "getattr in a list": ("fs = [getattr]", 'fs[0](box, "k")', "box.k = 3.0"),
    "hasattr": ("", '(3.0 if hasattr(box, "extra") else 1.0)', "box.extra = 1"),
    "vars": ("", 'vars(box)["k"]', "box.k = 3.0"),
    "__dict__": ("", 'box.__dict__["k"]', "box.k = 3.0"),
    "__dict__ replaced": ("", "box.k", 'box.__dict__ = {"k": 3.0}'),
    "__getattribute__": ("", 'box.__getattribute__("k")', "box.k = 3.0"),
    "object.__getattribute__": ("", 'object.__getattribute__(box, "k")', "box.k = 3.0"),
    "dir": ("", "float(len(dir(box)))", "box.extra = 1"),
    "len of __dict__": ("", "float(len(box.__dict__))", "box.extra = 1"),
    "SimpleNamespace": ("", "ns.k", "ns.k = 3.0"),
    "argparse.Namespace": ("a = argparse.Namespace(k=1.0)", "a.k", "a.k = 3.0"),
    "argparse getattr": ("a = argparse.Namespace(k=1.0)", 'getattr(a, "k")', "a.k = 3.0"),
    "in a namespace": ("a = argparse.Namespace(k=1.0)", '(3.0 if "j" in a else 1.0)', "a.j = 1"),
    "attrgetter": ("", 'operator.attrgetter("k")(box)', "box.k = 3.0"),
    "attrgetter made before": ('get = operator.attrgetter("k")', "get(box)", "box.k = 3.0"),
    "itemgetter": ("", 'operator.itemgetter("k")(d)', 'd["k"] = 3.0'),
    "itemgetter made before": ("get = operator.itemgetter(0)", "get(items)", "items[0] = 3.0"),
    "itemgetter of an object": (
        "class G:\n    def __getitem__(self, i): return box.k\n"
        "g = G()\nget = operator.itemgetter(0)",
        "get(g)",
        "box.k = 3.0",
    ),
    "methodcaller": ('get = operator.methodcaller("get")', "get(box)", "box.k = 3.0"),
    "operator.getitem": ("", 'operator.getitem(d, "k")', 'd["k"] = 3.0'),
    "str.format": ("", 'float("{0.k}".format(box))', "box.k = 3.0"),
    "format_map": ("", 'float("{b.k}".format_map({"b": box}))', "box.k = 3.0"),
    "f-string": ("", 'float(f"{box.k}")', "box.k = 3.0"),
    "f-string key": ("i = 0; t = {'k0': 1.0, 'k1': 3.0}", 't[f"k{i}"]', "i = 1"),
    "percent format": ("", 'float("%s" % box.k)', "box.k = 3.0"),
    "slots": ("class S:\n    __slots__ = ('k',)\ns = S(); s.k = 1.0", "s.k", "s.k = 3.0"),
    "slots by getattr": (
        "class S:\n    __slots__ = ('k',)\ns = S(); s.k = 1.0",
        'getattr(s, "k" + "")',
        "s.k = 3.0",
    ),
    "slot that is filled later": (
        "class S:\n    __slots__ = ('k',)\ns = S()",
        'getattr(s, "k", 1.0)',
        "s.k = 3.0",
    ),
    "data class": (
        "@dataclasses.dataclass\nclass D:\n    k: float = 1.0\nc = D()",
        "c.k",
        "c.k = 3.0",
    ),
    "dataclasses.asdict": (
        "@dataclasses.dataclass\nclass D:\n    k: float = 1.0\nc = D()",
        'dataclasses.asdict(c)["k"]',
        "c.k = 3.0",
    ),
    "frozen data class": (
        "@dataclasses.dataclass(frozen=True)\nclass D:\n    k: float = 1.0\nc = D()",
        "c.k",
        "c = D(3.0)",
    ),
    "data class with slots": (
        "@dataclasses.dataclass(slots=True)\nclass D:\n    k: float = 1.0\nc = D()",
        "c.k",
        "c.k = 3.0",
    ),
    "named tuple": (
        'P = collections.namedtuple("P", "k j")\np = P(1.0, 2.0)',
        "p.k",
        "p = p._replace(k=3.0)",
    ),
    "typed named tuple": (
        "class P(typing.NamedTuple):\n    k: float = 1.0\np = P()",
        "p[0]",
        "p = P(3.0)",
    ),
    "list in a named tuple": (
        'P = collections.namedtuple("P", "k")\np = P([1.0])',
        "p.k[0]",
        "p.k[0] = 3.0",
    ),
    "enum": ("class E(enum.Enum):\n    A = 1.0\n    B = 3.0\ne = E.A", "e.value", "e = E.B"),
    "enum attribute": (
        "class E(enum.Enum):\n    A = 1.0\nE.A.extra = 1.0",
        "E.A.extra",
        "E.A.extra = 3.0",
    ),
    "int enum": ("class E(enum.IntEnum):\n    A = 1\n    B = 3\ne = E.A", "int(e)", "e = E.B"),
    # methods and descriptors
    "method": ("", "box.get()", "box.k = 3.0"),
    "method by the class": ("", "Box.get(box)", "box.k = 3.0"),
    "method kept": ("get = box.get", "get()", "box.k = 3.0"),
    "method replaced": ("", "box.get()", "Box.get = lambda self: 3.0"),
    "method shadowed": ("", "box.get()", "box.get = lambda: 3.0"),
    "property": ("", "box.prop", "box.k = 3.0"),
    "property replaced": ("", "box.prop", "Box.prop = property(lambda self: 3.0)"),
    "class method": ("", "box.of_class()", "Box.shared = 3.0"),
    "static method": ("", "box.static()", "Box.shared = 3.0"),
    "descriptor": (
        "class D:\n    k = 1.0\n    def __get__(self, o, t): return self.k\n"
        "class H:\n    v = D()\nh = H()",
        "h.v",
        "vars(H)['v'].k = 3.0",
    ),
    "descriptor of another object": (
        "class D:\n    def __get__(self, o, t): return box.k\nclass H:\n    v = D()\nh = H()",
        "h.v",
        "box.k = 3.0",
    ),
    "metaclass": (
        "class M(type):\n    @property\n    def k(cls): return box.k\nclass H(metaclass=M): pass",
        "H.k",
        "box.k = 3.0",
    ),
    "metaclass attribute": (
        "class M(type):\n    k = 1.0\nclass H(metaclass=M): pass",
        "H.k",
        "M.k = 3.0",
    ),
    "metaclass __getattr__": (
        "class M(type):\n    def __getattr__(cls, n): return box.k\nclass H(metaclass=M): pass",
        "H.anything",
        "box.k = 3.0",
    ),
    "cached property": (
        "class H:\n    @functools.cached_property\n    def v(self): return box.k\nh = H()",
        "h.v",
        "box.k = 3.0; del h.v",
    ),
    "lru_cache": (
        "@functools.lru_cache\ndef get(): return box.k",
        "get()",
        "box.k = 3.0; get.cache_clear()",
    ),
    "super": (
        "class Sub(Box):\n    def get(self): return super().get()\nb = Sub()",
        "b.get()",
        "b.k = 3.0",
    ),
    "abstract class": (
        "class A(abc.ABC):\n    @abc.abstractmethod\n    def get(self): ...\n"
        "class B(A):\n    k = 1.0\n    def get(self): return self.k\nb = B()",
        "b.get()",
        "b.k = 3.0",
    ),
    "registered subclass": (
        "class A(abc.ABC): pass\nclass B: pass\nb = B()",
        "(3.0 if isinstance(b, A) else 1.0)",
        "A.register(B)",
    ),
    "single dispatch": (
        "@functools.singledispatch\ndef get(o): return 1.0",
        "get(box)",
        "get.register(Box, lambda o: 3.0)",
    ),
    # special methods
    "__getitem__": (
        "class G:\n    k = 1.0\n    def __getitem__(self, i): return self.k\ng = G()",
        "g[0]",
        "g.k = 3.0",
    ),
    "__getattr__": (
        "class G:\n    _d = {'k': 1.0}\n    def __getattr__(self, n): return self._d[n]\ng = G()",
        "g.k",
        "G._d['k'] = 3.0",
    ),
    "__getattr__ of an unknown name": (
        "class G:\n    def __getattr__(self, n): return box.k\ng = G()",
        "g.anything",
        "box.k = 3.0",
    ),
    "own __getattribute__": (
        "class G:\n    def __getattribute__(self, n): return box.k\ng = G()",
        "g.k",
        "box.k = 3.0",
    ),
    "__len__": (
        "class G:\n    n = 1\n    def __len__(self): return self.n\ng = G()",
        "float(len(g))",
        "g.n = 3",
    ),
    "__iter__": (
        "class G:\n    k = 1.0\n    def __iter__(self): yield self.k\ng = G()",
        "sum(g)",
        "g.k = 3.0",
    ),
    "__next__": (
        "class G:\n    def __iter__(self): return iter([box.k])\ng = G()",
        "next(iter(g))",
        "box.k = 3.0",
    ),
    "__bool__": (
        "class G:\n    b = False\n    def __bool__(self): return self.b\ng = G()",
        "(3.0 if g else 1.0)",
        "g.b = True",
    ),
    "__float__": (
        "class G:\n    k = 1.0\n    def __float__(self): return self.k\ng = G()",
        "float(g)",
        "g.k = 3.0",
    ),
    "__index__": (
        "class G:\n    i = 0\n    def __index__(self): return self.i\ng = G()",
        "items[g]",
        "g.i = 1",
    ),
    "__contains__": (
        "class G:\n    b = False\n    def __contains__(self, i): return self.b\ng = G()",
        "(3.0 if 1 in g else 1.0)",
        "g.b = True",
    ),
    "__eq__": (
        "class G:\n    b = False\n    def __eq__(self, o): return self.b\ng = G()",
        "(3.0 if g == 1 else 1.0)",
        "g.b = True",
    ),
    "__hash__": (
        "class G:\n    h = 1\n    def __hash__(self): return self.h\ng = G()",
        "float(hash(g))",
        "g.h = 3",
    ),
    "__call__": (
        "class G:\n    k = 1.0\n    def __call__(self): return self.k\ng = G()",
        "g()",
        "g.k = 3.0",
    ),
    "__call__ replaced": (
        "class G:\n    def __call__(self): return 1.0\ng = G()",
        "g()",
        "G.__call__ = lambda self: 3.0",
    ),
    "__mul__": (
        "class G:\n    k = 1.0\n    def __mul__(self, o): return self.k * o\ng = G()",
        "g * 1.0",
        "g.k = 3.0",
    ),
    "__enter__": (
        "class G:\n    k = 1.0\n    def __enter__(self): return self.k\n"
        "    def __exit__(self, *e): pass\n"
        "g = G()\ndef read():\n    with g as k:\n        return k",
        "read()",
        "g.k = 3.0",
    ),
    "__str__": (
        "class G:\n    k = '1'\n    def __str__(self): return self.k\ng = G()",
        "float(str(g))",
        "g.k = '3'",
    ),
    "__format__": (
        "class G:\n    k = '1'\n    def __format__(self, s): return self.k\ng = G()",
        'float(f"{g}")',
        "g.k = '3'",
    ),
    "__missing__": (
        "class G(dict):\n    def __missing__(self, k): return box.k\ng = G()",
        "g[1]",
        "box.k = 3.0",
    ),
    "__array__": (
        "class G:\n    def __array__(self, dtype=None, copy=None):\n"
        "        return np.full(3, box.k, np.float32)\ng = G()",
        "fastnn.tensor(np.asarray(g))",
        "box.k = 3.0",
    ),
    "__instancecheck__": (
        "class M(type):\n    def __instancecheck__(cls, o): return box.k == 3.0\n"
        "class H(metaclass=M): pass",
        "(3.0 if isinstance(1, H) else 1.0)",
        "box.k = 3.0",
    ),
    "subclass of list": ("class L(list): pass\nl = L([1.0])", "l[0]", "l[0] = 3.0"),
    "subclass of float": ("class N(float): pass\nn = N(1.0)", "float(n)", "n = N(3.0)"),
    # functions
    "function": ("def get(): return box.k", "get()", "box.k = 3.0"),
    "function replaced": ("def get(): return 1.0", "get()", "def get(): return 3.0"),
    "__code__ replaced": (
        "def get(): return 1.0",
        "get()",
        "get.__code__ = (lambda: 3.0).__code__",
    ),
    "__defaults__ replaced": ("def get(k=1.0): return k", "get()", "get.__defaults__ = (3.0,)"),
    "__kwdefaults__ replaced": (
        "def get(*, k=1.0): return k",
        "get()",
        "get.__kwdefaults__ = {'k': 3.0}",
    ),
    "__kwdefaults__ changed": (
        "def get(*, k=1.0): return k",
        "get()",
        "get.__kwdefaults__['k'] = 3.0",
    ),
    "default list": ("def get(k=[1.0]): return k[0]", "get()", "get.__defaults__[0][0] = 3.0"),
    "default list that grows": (
        "def get(k=[]):\n    k.append(1.0)\n    return float(len(k))",
        "get()",
        "pass",
    ),
    "function attribute": ("def get(): return get.k\nget.k = 1.0", "get()", "get.k = 3.0"),
    "nonlocal": (
        "def make():\n    k = 1.0\n    def get(): return k\n    def put(v):\n"
        "        nonlocal k\n        k = v\n    return get, put\nget, put = make()",
        "get()",
        "put(3.0)",
    ),
    "function that counts": (
        "def make():\n    k = 0.0\n    def get():\n        nonlocal k\n        k += 1.0\n"
        "        return k\n    return get\nget = make()",
        "get()",
        "pass",
    ),
    "lambda in a dict": ("fs = {'f': lambda: box.k}", "fs['f']()", "box.k = 3.0"),
    "lambda in a dict replaced": ("fs = {'f': lambda: 1.0}", "fs['f']()", "fs['f'] = lambda: 3.0"),
    "partial": ("get = functools.partial(lambda b: b.k, box)", "get()", "box.k = 3.0"),
    "partial of getattr": ('get = functools.partial(getattr, box, "k")', "get()", "box.k = 3.0"),
    "partial of a list": ("get = functools.partial(sum, items)", "get()", "items[0] = 3.0"),
    "decorated": (
        "def twice(f):\n    @functools.wraps(f)\n    def g(*a): return f(*a)\n    return g\n"
        "@twice\ndef get(): return box.k",
        "get()",
        "box.k = 3.0",
    ),
    "generator function": ("def get(): yield box.k", "next(get())", "box.k = 3.0"),
    "generator that goes on": ("g = itertools.count(1.0)", "next(g)", "pass"),
    "method of a list": ("at = items.__getitem__", "at(0)", "items[0] = 3.0"),
    "method of a dict": ("get = d.get", 'get("k")', 'd["k"] = 3.0'),
    "eval": ("k = 1.0", 'eval("k")', "k = 3.0"),
    "exec": ("k = 1.0", '(lambda s: (exec("v = k", globals(), s), s["v"])[1])({})', "k = 3.0"),
    "function made by exec": ("exec('def get(): return box.k')", "get()", "box.k = 3.0"),
    "inspect": ("", "inspect.getattr_static(box, 'k')", "box.k = 3.0"),
    "frame": ("k = 1.0", 'sys._getframe(0).f_globals["k"]', "k = 3.0"),
    "function's __globals__": ("k = 1.0\ndef g(): pass", 'g.__globals__["k"]', "k = 3.0"),
    "closure by __closure__": (
        "def make(k):\n    return lambda: k\ng = make(items)",
        "g.__closure__[0].cell_contents[0]",
        "items[0] = 3.0",
    ),
    "copy": ("", "copy.copy(box).k", "box.k = 3.0"),
    "deep copy": ("", 'copy.deepcopy(d)["k"]', 'd["k"] = 3.0'),
    "context manager": (
        "@contextlib.contextmanager\ndef given():\n    yield box.k\ndef read():\n"
        "    with given() as k:\n        return k",
        "read()",
        "box.k = 3.0",
    ),
    "try": (
        "def read():\n    try:\n        return d['later']\n"
        "    except KeyError:\n        return 1.0",
        "read()",
        "d['later'] = 3.0",
    ),
    "try an attribute": (
        "def read():\n    try:\n        return box.later\n"
        "    except AttributeError:\n        return 1.0",
        "read()",
        "box.later = 3.0",
    ),
    "match": (
        "def read():\n    match box:\n        case Box(k=1.0): return 1.0\n    return 3.0",
        "read()",
        "box.k = 2.0",
    ),
    # operations on containers
    "len": ("", "float(len(items))", "items.append(3.0)"),
    "in a list": ("", "(3.0 if 3.0 in items else 1.0)", "items.append(3.0)"),
    "in a dict": ("", '(3.0 if "z" in d else 1.0)', 'd["z"] = 1'),
    "sum": ("", "sum(items)", "items[1] = 3.0"),
    "comprehension": ("", "sum(v for v in items)", "items[1] = 3.0"),
    "list comprehension": ("", "[v * 2 for v in items][0]", "items[0] = 3.0"),
    "dict comprehension": ("", "{k: v for k, v in d.items()}['k']", "d['k'] = 3.0"),
    "zip": ("", "[a * b for a, b in zip(items, items)][0]", "items[0] = 3.0"),
    "map": ("", "list(map(float, items))[0]", "items[0] = 3.0"),
    "map of getattr": ("", "list(map(getattr, [box], ['k']))[0]", "box.k = 3.0"),
    "filter": ("", "list(filter(None, items))[0]", "items[0] = 3.0"),
    "enumerate": ("", "[v for i, v in enumerate(items)][0]", "items[0] = 3.0"),
    "sorted": ("", "sorted(items)[-1]", "items[0] = 3.0"),
    "sorted by a key": (
        "bs = [Box(1.0), Box(2.0)]",
        "sorted(bs, key=lambda b: b.k)[-1].k",
        "bs[0].k = 3.0",
    ),
    "max with a key": ("bs = [Box(1.0), Box(2.0)]", "max(bs, key=Box.get).k", "bs[0].k = 3.0"),
    "reduce": ("", "functools.reduce(operator.add, items)", "items[0] = 3.0"),
    "accumulate": ("", "list(itertools.accumulate(items))[-1]", "items[0] = 3.0"),
    "star": ("", "max(*items)", "items[0] = 3.0"),
    "unpacking": ("def read():\n    a, b = items\n    return a", "read()", "items[0] = 3.0"),
    "two stars": ("def g(k, j): return k", "g(**d)", "d['k'] = 3.0"),
    "keys": ("", "float(len(d.keys()))", "d['z'] = 1"),
    "order of a dict": ("", "next(iter(d.values()))", "d['k'] = d.pop('k')"),
    "objects in a list": ("bs = [Box()]", "bs[0].k", "bs[0].k = 3.0"),
    "objects in a dict": ("bs = {'b': Box()}", "bs['b'].k", "bs['b'].k = 3.0"),
    "objects in a set": ("bs = {box}", "next(iter(bs)).k", "box.k = 3.0"),
    "objects in a deque": ("bs = collections.deque([box])", "bs[0].k", "box.k = 3.0"),
    "object as a key": ("bs = {box: 1.0}", "[b.k for b in bs][0]", "box.k = 3.0"),
    "nested": (
        "n = {'a': [{'b': (1.0, [1.0])}]}",
        "n['a'][0]['b'][1][0]",
        "n['a'][0]['b'][1][0] = 3.0",
    ),
    "list in itself": ("r = [1.0]; r.append(r)", "r[1][1][0]", "r[0] = 3.0"),
    "long list": ("long = [1.0] * 10000", "long[9999]", "long[9999] = 3.0"),
    "deep list": (
        "deep = [1.0]\nfor _ in range(40): deep = [deep]\nend = deep\n"
        "while type(end[0]) is list: end = end[0]\n"
        "def read():\n    v = deep\n    while type(v) is list: v = v[0]\n    return v",
        "read()",
        "end[0] = 3.0",
    ),
    "weak reference": ("ref = weakref.ref(box)", "ref().k", "box.k = 3.0"),
    "weak proxy": ("p = weakref.proxy(box)", "p.k", "box.k = 3.0"),
    "weak dict": ("p = weakref.WeakValueDictionary(k=box)", 'p["k"].k', "box.k = 3.0"),
    "linked objects": (
        "a = Box(); a.next = Box(); a.next.next = a",
        "a.next.next.next.k",
        "a.next.k = 3.0",
    ),
    # arrays
    "array": ("", "float(one[0])", "one[0] = 3.0"),
    "array sum": ("", "float(one.sum())", "one[0] = 3.0"),
    "array item": ("", "one.item(0)", "one[0] = 3.0"),
    "array view": ("v = one[1:]", "float(v[0])", "one[1] = 3.0"),
    "array of no axes": ("z = np.array(1.0)", "float(z)", "z[...] = 3.0"),
    "array by a NumPy function": ("", "float(np.sum(one))", "one[0] = 3.0"),
    "array shape": ("", "float(one.shape[0])", "one.shape = (1, 3)"),
    "array as a tensor": ("", "fastnn.tensor(one, dtype=fastnn.float32)", "one[:] = 3.0"),
    "array as a tensor and by Python": (
        "",
        "fastnn.tensor(one, dtype=fastnn.float32) * float(one[0])",
        "one[:] = 3.0",
    ),
    "array as a tensor and passed on": (
        "def first(a): return float(a[0])",
        "fastnn.tensor(one, dtype=fastnn.float32) * first(one)",
        "one[:] = 3.0",
    ),
    "array in an object as a tensor and by Python": (
        "b = Box(a=one)\ndef first(b): return b.a.max()",
        "fastnn.tensor(b.a, dtype=fastnn.float32) * float(first(b))",
        "one[:] = 3.0",
    ),
    "array kept by a name": (
        "def read():\n    a = one\n    return fastnn.tensor(a, dtype=fastnn.float32) * float(a[0])",
        "read()",
        "one[:] = 3.0",
    ),
    "array in a list": ("l = [one]", "float(l[0][0])", "one[0] = 3.0"),
    "array of objects": ("a = np.array([box], object)", "a[0].k", "box.k = 3.0"),
    "record array": ("a = np.rec.array([(1.0,)], names='k')", "float(a.k[0])", "a.k[0] = 3.0"),
    "masked array": ("a = np.ma.array([1.0])", "float(a[0])", "a[0] = 3.0"),
    "array truth": ("z = np.zeros(1)", "(3.0 if z else 1.0)", "z[0] = 1.0"),
    "array printed": ("", "float(str(one)[1])", "one[:] = 3.0"),
    "NumPy scalar": ("k = np.float64(1.0)", "float(k)", "k = np.float64(3.0)"),
    # hidden state
    "os.environ": (
        "os.environ['FNN_K'] = '1'",
        "float(os.environ['FNN_K'])",
        "os.environ['FNN_K'] = '3'",
    ),
    "os.getenv": (
        "os.environ['FNN_K'] = '1'",
        "float(os.getenv('FNN_K'))",
        "os.environ['FNN_K'] = '3'",
    ),
    "context variable": ("v = contextvars.ContextVar('v', default=1.0)", "v.get()", "v.set(3.0)"),
    "thread local": ("t = threading.local(); t.k = 1.0", "t.k", "t.k = 3.0"),
    "file": (
        "p = pathlib.Path(tempfile.mkdtemp()) / 'k'; p.write_text('1')",
        "float(p.read_text())",
        "p.write_text('3')",
    ),
    "open": (
        "p = tempfile.mktemp(); open(p, 'w').write('1')",
        "float(open(p).read())",
        "open(p, 'w').write('3')",
    ),
    "os.path.exists": (
        "p = tempfile.mktemp()",
        "(3.0 if os.path.exists(p) else 1.0)",
        "open(p, 'w').write('3')",
    ),
    "string buffer": ("b = io.StringIO('1')", "float(b.getvalue())", "b.seek(0); b.write('3')"),
    "queue": ("import queue\nq = queue.Queue(); q.put(1.0)", "float(q.qsize())", "q.put(3.0)"),
    "event": ("e = threading.Event()", "(3.0 if e.is_set() else 1.0)", "e.set()"),
    "recursion limit": (
        "sys.setrecursionlimit(4000)",
        "float(sys.getrecursionlimit())",
        "sys.setrecursionlimit(5000)",
    ),
    "sys.argv": ("sys.argv = ['x']", "float(len(sys.argv))", "sys.argv = [*sys.argv, 'x']"),
    # this package
    "parameter": ("", "w", "w.data.mul_(3.0)"),
    "parameter data": ("", "w", "w.data = fastnn.ones(3) * 3"),
    "tensor data": ("t = fastnn.ones(3)", "t", "t.data = fastnn.ones(3) * 3"),
    "requires_grad": ("", "(3.0 if w.requires_grad else 1.0)", "w.requires_grad_(False)"),
    "gradient is None": ("", "(1.0 if w.grad is None else 3.0)", "w.grad = fastnn.ones(3)"),
    "gradient": ("w.grad = fastnn.ones(3)", "w.grad", "w.grad = fastnn.ones(3) * 3"),
    "gradient in place": ("w.grad = fastnn.ones(3)", "w.grad", "w.grad.mul_(3.0)"),
    "tensors in a list": ("ts = [fastnn.ones(3)]", "ts[0]", "ts[0] = fastnn.ones(3) * 3"),
    "tensors in a dict": ("ts = {'a': fastnn.ones(3)}", "ts['a']", "ts['a'] = fastnn.ones(3) * 3"),
    "training": ("m = nn.ReLU()", "(3.0 if m.training else 1.0)", "m.eval()"),
    "setting of a layer": ("m = nn.LeakyReLU(0.1)", "m.negative_slope", "m.negative_slope = 3.0"),
    "setting by __dict__": (
        "m = nn.LeakyReLU(0.1)",
        "m.negative_slope",
        "m.__dict__['negative_slope'] = 3.0",
    ),
    "layer by __dict__": ("m = nn.LeakyReLU(0.1)", "m(-X)", "m.__dict__['negative_slope'] = 3.0"),
    "lr": (
        "o = optim.SGD([w], lr=1.0)",
        'o.param_groups[0]["lr"]',
        'o.param_groups[0]["lr"] = 3.0',
    ),
    "lr of a scheduler": (
        "o = optim.SGD([w], lr=1.0); s = optim.lr_scheduler.StepLR(o, 1)",
        "s.get_last_lr()[0]",
        "o.step(); s.step()",
    ),
    "list of layers": ("ms = [nn.Identity()]", "ms[0](X)", "ms[0] = nn.Softplus()"),
    "list of layers grows": (
        "ms = [nn.Identity()]\ndef run(x):\n    for m in ms: x = m(x)\n    return x",
        "run(X)",
        "ms.append(nn.Softplus())",
    ),
    "forward hook": ("m = nn.Identity()", "m(X)", "m.register_forward_hook(lambda m, a, y: y * 3)"),
    "hook reads a number": (
        "m = nn.Identity(); m.register_forward_hook(lambda m, a, y: y * box.k)",
        "m(X)",
        "box.k = 3.0",
    ),
    "pre hook reads a list": (
        "m = nn.Identity(); m.register_forward_pre_hook(lambda m, a: (a[0] * items[0],))",
        "m(X)",
        "items[0] = 3.0",
    ),
    "forward replaced": ("m = nn.Identity()", "m(X)", "m.forward = lambda x: x * 3"),
    "attribute of a layer": (
        "class N(nn.Module):\n    k = 1.0\n    def forward(self, x): return x * self.k\nm = N()",
        "m(X)",
        "m.k = 3.0",
    ),
    "attribute of a layer by vars": (
        "class N(nn.Module):\n    def __init__(self):\n        super().__init__(); self.k = 1.0\n"
        "    def forward(self, x): return x * self.k\nm = N()",
        "m(X)",
        "vars(m)['k'] = 3.0",
    ),
    "parts of a module by getattr": (
        "class N(nn.Module):\n    def __init__(self):\n        super().__init__(); self.k0 = 1.0\n"
        "    def forward(self, x): return x * getattr(self, f'k{0}')\nm = N()",
        "m(X)",
        "m.k0 = 3.0",
    ),
    "parameters by name": (
        "m = nn.Linear(3, 3); nn.init.ones_(m.weight)",
        "dict(m.named_parameters())['weight'].sum()",
        "m.weight = nn.Parameter(np.full((3, 3), 3.0, np.float32))",
    ),
    "number of parameters": (
        "m = nn.ParameterList([w])",
        "float(len(m))",
        "m.append(nn.Parameter(np.ones(1)))",
    ),
    "compiled inside": ("g = fastnn.compile(lambda x: x * box.k)", "g(X)", "box.k = 3.0"),
    "default dtype": (
        "",
        "fastnn.ones(1).double() if fastnn.get_default_dtype() == fastnn.float64 else 1.0",
        "pass",
    ),
    "grad mode": ("", "(1.0 if fastnn.is_grad_enabled() else 3.0)", "pass"),
}

# Each call gives another value: these have to raise, or run again.
FRESH: dict[str, tuple[str, str]] = {
    "time": ("", "time.time()"),
    "perf_counter": ("from time import perf_counter", "float(perf_counter())"),
    "random": ("", "random.random()"),
    "random kept": ("draw = random.random", "draw()"),
    "own random": ("r = random.Random(0)", "r.random()"),
    "NumPy random": ("", "float(np.random.rand())"),
    "NumPy normal": ("from numpy.random import normal", "float(normal())"),
    "NumPy generator": ("g = np.random.default_rng(0)", "float(g.normal())"),
    "uuid": ("import uuid", "float(uuid.uuid4().int % 1000003)"),
    "urandom": ("", "float(int.from_bytes(os.urandom(3), 'big'))"),
    "secrets": ("import secrets", "float(secrets.randbelow(1 << 20))"),
    "counter": ("c = itertools.count()", "float(next(c))"),
    "iterator": ("i = iter(range(100))", "float(next(i))"),
    "generator": ("g = (float(v) for v in range(100))", "next(g)"),
    "appends": ("", "float(items.append(1.0) or len(items))"),
    "pops": ("l = [float(v) for v in range(100)]", "l.pop()"),
    "attribute counts": ("def count():\n    box.k += 1.0\n    return box.k", "count()"),
    "set default": ("", "float(d.setdefault(len(d), 1.0) + len(d))"),
    "datetime": ("import datetime", "datetime.datetime.now().timestamp()"),
}

_numbers = itertools.count()


def _module(setup: str, value: str) -> dict[str, Any]:
    """The names of a new module with the function `f`."""
    import sys

    name = f"reads_{next(_numbers)}"
    made = types.ModuleType(name)
    other = types.ModuleType(f"{name}_other")
    other.k = 1.0  # type: ignore[attr-defined]
    sys.modules[name], sys.modules[other.__name__] = made, other
    space = vars(made)
    exec(_SETUP, space)
    space["module"] = other
    exec(setup, space)
    exec(f"def f(x):\n    return x * ({value})", space)
    return space


def form(name: str) -> Form:
    """The function of a form in TEXTS, and its change."""
    setup, value, change = TEXTS[name]
    space = _module(setup, value)
    return space["f"], lambda: exec(change, space)


def fresh(name: str) -> Function:
    """The function of a form in FRESH."""
    found: Function = _module(*FRESH[name])["f"]
    return found
