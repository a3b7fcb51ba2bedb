"""Forms of reading by methods, descriptors and special methods: see `reads.py`."""

from __future__ import annotations

# name: (set up, value, change)
TEXTS: dict[str, tuple[str, str, str]] = {
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
}
