"""Forms of reading what functions, bases, ordered dicts and libraries' objects have: `reads.py`."""

from __future__ import annotations

_CHAIN = (
    "class A:\n    k = 1.0\n    def g(self): return 1.0\n"
    "    @property\n    def p(self): return 1.0\n"
    "    @classmethod\n    def c(cls): return 1.0\n    @staticmethod\n    def s(): return 1.0\n"
    "    @functools.cached_property\n    def v(self): return 1.0\n"
    "class M(A):\n    def g(self): return super().g()\n"
    "class B(M):\n    k = 2.0\n    def g(self): return super().g() + 1\n"
    "    @property\n    def p(self): return super().p + 1\n"
    "    @classmethod\n    def c(cls): return super().c() + 1\n"
    "    @staticmethod\n    def s(): return super(B, B).s() + 1\n"
    "    def of_k(self): return super().k\n    def old(self): return super(B, self).g()\n"
    "    def kept(self):\n        up = super()\n        return up.p\n"
    "    def asked(self): return getattr(super(), 'q', 1.0)\nb = B()"
)
_FUNCTION = "def h(): return 2.0\nh.k = 1.0; h.cfg = {'k': 1.0}"
_ORDERED = "c = collections.OrderedDict(k=1.0, j=2.0)"
_LAYER = (
    "class N(nn.ReLU):\n    def forward(self, x): return super().forward(x) + 1\nm = N()\n"
    "class U(nn.LeakyReLU): pass\nu = U(0.1)\n"
    "class P(nn.Module):\n    def forward(self, x): return x\n"
    "class Q(P):\n    def forward(self, x): return super().forward(x) + 1\nq = Q()"
)
_OUT = "lambda self, x: x * 3"

# name: (set up, value, change)
TEXTS: dict[str, tuple[str, str, str]] = {
    # attributes of functions that are not called
    "attribute of a function": (_FUNCTION, "h.k", "h.k = 3.0"),
    "attribute of a function by getattr": (_FUNCTION, "getattr(h, 'k')", "h.k = 3.0"),
    "attribute of a function by a default": (_FUNCTION, "getattr(h, 'q', 1.0)", "h.q = 3.0"),
    "attribute of a bare function by a default": (
        "def h(): pass",
        "getattr(h, 'q', 1.0)",
        "h.q = 3.0",
    ),
    "attribute of a function by hasattr": (_FUNCTION, "1.0 + hasattr(h, 'q')", "h.q = 3.0"),
    "attribute of a bare function by hasattr": (
        "def h(): pass",
        "1.0 + hasattr(h, 'q')",
        "h.q = 3.0",
    ),
    "attribute of a function by try": (
        "def h(): pass\ndef read():\n    try:\n        return h.q\n"
        "    except AttributeError:\n        return 1.0",
        "read()",
        "h.q = 3.0",
    ),
    "attribute of a function by suppress": (
        "def h(): pass\ndef read():\n    v = 1.0\n    with contextlib.suppress(Exception):\n"
        "        v = h.q\n    return v",
        "read()",
        "h.q = 3.0",
    ),
    "attribute of a function that goes": (
        _FUNCTION,
        "getattr(h, 'k', 5.0)",
        "del h.k",
    ),
    "dict at a function": (_FUNCTION, "h.cfg['k']", "h.cfg['k'] = 3.0"),
    "object at a function": ("def h(): pass\nh.box = box", "h.box.k", "box.k = 3.0"),
    "function at a function": ("def h(): pass\nh.g = lambda: box.k", "h.g()", "box.k = 3.0"),
    "function at an object": (_FUNCTION + "\nb = Box(f=h)", "b.f.k", "h.k = 3.0"),
    "attribute of a function in a list": (_FUNCTION + "\nl = [h]", "l[0].k", "h.k = 3.0"),
    "attribute of a lambda": ("h = lambda: 1.0\nh.k = 1.0", "h.k", "h.k = 3.0"),
    "attribute of a method": ("Box.get.k = 1.0", "box.get.k", "Box.get.k = 3.0"),
    "attribute of a method by the class": ("Box.get.k = 1.0", "Box.get.k", "Box.get.k = 3.0"),
    "attribute of a static method": (
        "Box.static.k = 1.0",
        "Box.static.k",
        "Box.static.k = 3.0",
    ),
    "attribute of a class method": (
        "Box.of_class.__func__.k = 1.0",
        "box.of_class.k",
        "Box.of_class.__func__.k = 3.0",
    ),
    "attribute of a static method's object": (
        "s = staticmethod(len); s.k = 1.0",
        "s.k",
        "s.k = 3.0",
    ),
    "attribute of a partial": ("h = functools.partial(len); h.k = 1.0", "h.k", "h.k = 3.0"),
    "attribute of a partial by a default": (
        "h = functools.partial(len)",
        "getattr(h, 'q', 1.0)",
        "h.q = 3.0",
    ),
    "argument of a partial": (
        "h = functools.partial(len, [1.0])",
        "h.args[0][0]",
        "h.args[0][0] = 3.0",
    ),
    "keyword of a partial": (
        "h = functools.partial(len, k=1.0)",
        "h.keywords['k']",
        "h.keywords['k'] = 3.0",
    ),
    "attribute of a cached function": (
        "h = functools.lru_cache(lambda: 1.0); h.k = 1.0",
        "h.k",
        "h.k = 3.0",
    ),
    "__wrapped__": (
        "def h(): pass\n@functools.wraps(h)\ndef g(): pass\nh.k = 1.0",
        "g.__wrapped__.k",
        "h.k = 3.0",
    ),
    "attribute that wraps copied": (
        "def h(): pass\nh.k = 1.0\n@functools.wraps(h)\ndef g(): pass",
        "g.k",
        "g.k = 3.0",
    ),
    "attribute of a function in a default": (
        _FUNCTION + "\ndef read(g=h): return g.k",
        "read()",
        "h.k = 3.0",
    ),
    "attribute of a function in a closure": (
        _FUNCTION + "\ndef make(g): return lambda: g.k\nread = make(h)",
        "read()",
        "h.k = 3.0",
    ),
    "attribute of a method by type": ("Box.get.k = 1.0", "type(box).get.k", "Box.get.k = 3.0"),
    "attribute of a method that is kept": (
        "Box.get.k = 1.0\nm = box.get",
        "m.k",
        "Box.get.k = 3.0",
    ),
    "attribute of a getter": (
        "Box.prop.fget.k = 1.0",
        "Box.prop.fget.k",
        "Box.prop.fget.k = 3.0",
    ),
    "attribute of a method behind super": (
        "class A:\n    def g(self): pass\nA.g.k = 1.0\n"
        "class B(A):\n    def g(self): return super().g.k\nb = B()",
        "b.g()",
        "A.g.k = 3.0",
    ),
    "attribute of the function itself": ("f_k = [1.0]", "getattr(f, 'k', 1.0)", "f.k = 3.0"),
    "__dict__ of a function": (_FUNCTION, "h.__dict__['k']", "h.k = 3.0"),
    "vars of a function": (_FUNCTION, "vars(h)['k']", "h.k = 3.0"),
    "vars of a bare function": ("def h(): pass", "1.0 + len(vars(h))", "h.k = 3.0"),
    "__dict__ of a function replaced": (_FUNCTION, "h.k", "h.__dict__ = {'k': 3.0}"),
    "__defaults__ read": ("def h(k=1.0): pass", "h.__defaults__[0]", "h.__defaults__ = (3.0,)"),
    "__kwdefaults__ read": (
        "def h(*, k=1.0): pass",
        "h.__kwdefaults__['k']",
        "h.__kwdefaults__['k'] = 3.0",
    ),
    "__doc__ read": ("def h(): 'a'", "float(len(h.__doc__))", "h.__doc__ = 'abc'"),
    "__doc__ of a class": ("", "1.0 if Box.__doc__ is None else 3.0", "Box.__doc__ = 'abc'"),
    "__annotations__ read": (
        "def h(k): pass\nh.__annotations__ = {'k': 1.0}",
        "h.__annotations__['k']",
        "h.__annotations__['k'] = 3.0",
    ),
    "__module__ read": ("", "float(len(Box.__module__))", "Box.__module__ = 'abc'"),
    "attribute of a generator function": (
        "def h(): yield 1.0\nh.k = 1.0",
        "h.k",
        "h.k = 3.0",
    ),
    "frame of a generator": (
        "def h():\n    k = items\n    yield k\ng = h(); next(g)",
        "g.gi_frame.f_locals['k'][0]",
        "items[0] = 3.0",
    ),
    "attribute of a coroutine function": (
        "async def h(): pass\nh.k = 1.0",
        "h.k",
        "h.k = 3.0",
    ),
    "attribute of a function of this package": ("F.relu.k = 1.0", "F.relu.k", "F.relu.k = 3.0"),
    "attribute of a class of this package": ("nn.ReLU.k = 1.0", "nn.ReLU.k", "nn.ReLU.k = 3.0"),
    "attribute of a method of this package": (
        "nn.ReLU.forward.k = 1.0; m = nn.ReLU()",
        "m.forward.k",
        "nn.ReLU.forward.k = 3.0",
    ),
    "class attribute of a layer of this package": (
        "nn.ReLU.k = 1.0; m = nn.ReLU()",
        "m.k",
        "nn.ReLU.k = 3.0",
    ),
    "attribute of this package": (
        "fastnn.spare = 1.0\ndef read():\n    m = fastnn\n    return m.spare",
        "read()",
        "fastnn.spare = 3.0",
    ),
    "attribute of a tensor of a subclass": (
        "class T(fastnn.Tensor): pass\nt = T(np.ones(3, np.float32)); t.k = 1.0",
        "t.k",
        "t.k = 3.0",
    ),
    "attribute of a tensor of a subclass by hasattr": (
        "class T(fastnn.Tensor): pass\nt = T(np.ones(3, np.float32))",
        "1.0 + hasattr(t, 'q')",
        "t.q = 1",
    ),
    "class attribute of a tensor": (
        "class T(fastnn.Tensor):\n    k = 1.0\nt = T(np.ones(3, np.float32))",
        "t.k",
        "T.k = 3.0",
    ),
    "attribute of the class of tensors": (
        "fastnn.Tensor.spare = 1.0",
        "X.spare",
        "fastnn.Tensor.spare = 3.0",
    ),
    # what is not there yet
    "attribute of a module by a default": ("", "getattr(module, 'q', 1.0)", "module.q = 3.0"),
    "attribute of a module by hasattr": ("", "1.0 + hasattr(module, 'q')", "module.q = 3.0"),
    "attribute of a module by try": (
        "def read():\n    try:\n        return module.q\n"
        "    except AttributeError:\n        return 1.0",
        "read()",
        "module.q = 3.0",
    ),
    "attribute of a module in a list by a default": (
        "l = [module]",
        "getattr(l[0], 'q', 1.0)",
        "module.q = 3.0",
    ),
    "attribute of this package by a default": (
        "",
        "getattr(fastnn, 'spare', 1.0)",
        "fastnn.spare = 3.0",
    ),
    "attribute of a function of this package by a default": (
        "",
        "getattr(F.relu, 'k', 1.0)",
        "F.relu.k = 3.0",
    ),
    "attribute of a class of this package by a default": (
        "",
        "getattr(nn.ReLU, 'k', 1.0)",
        "nn.ReLU.k = 3.0",
    ),
    "attribute of a layer's class by a default": (
        "m = nn.ReLU()",
        "getattr(m, 'k', 1.0)",
        "nn.ReLU.k = 3.0",
    ),
    "attribute of the class of tensors by a default": (
        "",
        "getattr(X, 'spare', 1.0)",
        "fastnn.Tensor.spare = 3.0",
    ),
    "attribute of the argument's class": (
        "fastnn.Tensor.spare = 1.0\ndef of(t): return t.spare",
        "of(x)",
        "fastnn.Tensor.spare = 3.0",
    ),
    "attribute of the argument's class by a default": (
        "",
        "getattr(x, 'spare', 1.0)",
        "fastnn.Tensor.spare = 3.0",
    ),
    "attribute of a class by a default": ("", "getattr(Box, 'q', 1.0)", "Box.q = 3.0"),
    "attribute of a class by hasattr": ("", "1.0 + hasattr(Box, 'q')", "Box.q = 3.0"),
    "attribute of a metaclass by a default": (
        "class M(type): pass\nclass C(metaclass=M): pass",
        "getattr(C, 'q', 1.0)",
        "M.q = 3.0",
    ),
    # bases
    "method behind super": (_CHAIN, "b.g()", "A.g = lambda self: 5.0"),
    "method of a mixin behind super": (_CHAIN, "b.g()", "M.g = lambda self: 5.0"),
    "method behind super with arguments": (_CHAIN, "b.old()", "A.g = lambda self: 5.0"),
    "mixin that gets a method": (
        "class A:\n    def g(self): return 1.0\nclass M(A): pass\n"
        "class B(M):\n    def g(self): return super().g() + 1\nb = B()",
        "b.g()",
        "M.g = lambda self: 5.0",
    ),
    "second base behind super": (
        "class A: pass\nclass M:\n    def g(self): return 1.0\n"
        "class B(A, M):\n    def g(self): return super().g() + 1\nb = B()",
        "b.g()",
        "M.g = lambda self: 5.0",
    ),
    "property behind super": (_CHAIN, "b.p", "A.p = property(lambda self: 5.0)"),
    "property behind super kept": (_CHAIN, "b.kept()", "A.p = property(lambda self: 5.0)"),
    "class method behind super": (_CHAIN, "b.c()", "A.c = classmethod(lambda cls: 5.0)"),
    "static method behind super": (_CHAIN, "b.s()", "A.s = staticmethod(lambda: 5.0)"),
    "class attribute behind super": (_CHAIN, "b.of_k()", "A.k = 5.0"),
    "class attribute behind super by getattr": (_CHAIN, "b.asked()", "A.q = 5.0"),
    "method of a base by its class": (_CHAIN, "A.g(b)", "A.g = lambda self: 5.0"),
    "method behind super of a class": (_CHAIN, "super(B, b).g()", "A.g = lambda self: 5.0"),
    "super kept": (_CHAIN + "\nup = super(B, b)", "up.g()", "A.g = lambda self: 5.0"),
    "cached property behind super": (
        _CHAIN + "\nclass C(A):\n    @property\n    def v(self): return super().v\n"
        "c = C(); c.__dict__['v'] = 1.0",
        "c.v",
        "c.__dict__['v'] = 5.0; A.v = 5.0",
    ),
    "descriptor behind super": (
        "class D:\n    k = 1.0\n    def __get__(self, o, t): return self.k\n"
        "class A:\n    v = D()\nclass B(A):\n    @property\n    def v(self): return super().v\n"
        "b = B()",
        "b.v",
        "vars(A)['v'].k = 3.0",
    ),
    "descriptor behind super replaced": (
        "class D:\n    def __get__(self, o, t): return 1.0\n"
        "class A:\n    v = D()\nclass B(A):\n    @property\n    def v(self): return super().v\n"
        "b = B()",
        "b.v",
        "A.v = 3.0",
    ),
    "special method behind super": (
        "class A:\n    def __len__(self): return 1\n"
        "class B(A):\n    def __len__(self): return super().__len__() + 1\nb = B()",
        "float(len(b))",
        "A.__len__ = lambda self: 5",
    ),
    "special method by its name behind super": (
        "class A:\n    def __neg__(self): return 1.0\n"
        "class B(A):\n    def __neg__(self): return super().__neg__() + 1\nb = B()",
        "-b",
        "A.__neg__ = lambda self: 5.0",
    ),
    "__init__ behind super": (
        "class A:\n    def __init__(self): self.k = 1.0\n"
        "class B(A):\n    def __init__(self): super().__init__()",
        "B().k",
        "def new(self): self.k = 5.0\nA.__init__ = new",
    ),
    "bases behind super": (
        "class A:\n    def g(self): return 1.0\nclass C:\n    def g(self): return 5.0\n"
        "class B(A):\n    def g(self): return super().g()\nb = B()",
        "b.g()",
        "B.__bases__ = (C,)",
    ),
    "forward behind super": (_LAYER, "q(X)", f"P.forward = {_OUT}"),
    "forward of a layer of this package behind super": (
        _LAYER,
        "m(X)",
        f"nn.ReLU.forward = {_OUT}",
    ),
    "inherited forward": (
        _LAYER,
        "u(X)",
        f"nn.LeakyReLU.forward = {_OUT}",
    ),
    "forward of a class of this package": (
        "m = nn.ReLU()",
        "m(X)",
        f"nn.ReLU.forward = {_OUT}",
    ),
    "setting of an inherited layer": (_LAYER, "u(-X)", "u.negative_slope = 3.0"),
    "setting of an inherited distribution": (
        "from fastnn import distributions\nclass N(distributions.Normal): pass\n"
        "n = N(fastnn.zeros(3), fastnn.ones(3))",
        "n.log_prob(X)",
        "n.loc = fastnn.ones(3)",
    ),
    "class of an object": (
        "class O(Box):\n    def get(self): return 3.0\ndef g(b): return b.get()",
        "g(box)",
        "box.__class__ = O",
    ),
    # containers
    "moved to the end": (_ORDERED, "next(iter(c.values()))", "c.move_to_end('k')"),
    "moved to the front": (_ORDERED, "list(c.items())[0][1]", "c.move_to_end('j', last=False)"),
    "keys moved to the end": (_ORDERED, "float(ord(list(c)[0]))", "c.move_to_end('k')"),
    "order of an ordered dict, reversed": (_ORDERED, "c[next(reversed(c))]", "c.move_to_end('k')"),
    "ordered dict put in again": (_ORDERED, "next(iter(c.values()))", "c['k'] = c.pop('k')"),
    "ordered dict in an object": (
        _ORDERED + "\nb = Box(c=c)",
        "list(b.c.values())[0]",
        "c.move_to_end('k')",
    ),
    "ordered dict in a list": (
        _ORDERED + "\nl = [c]",
        "max(l[0], key=len) == 'k' and 2.0 or 1.0",
        "c.move_to_end('k')",
    ),
    "ordered dict of a subclass": (
        "class O(collections.OrderedDict): pass\nc = O(k=1.0, j=2.0)",
        "next(iter(c.values()))",
        "c.move_to_end('k')",
    ),
    "ordered dict of a layer": (
        "class N(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.c = collections.OrderedDict(k=1.0, j=2.0)\n"
        "    def forward(self, x): return x * next(iter(self.c.values()))\nm = N()",
        "m(X)",
        "m.c.move_to_end('k')",
    ),
    "ordered dict that the code moves": (
        _ORDERED
        + "\ndef read():\n    c.move_to_end(next(iter(c)))\n    return next(iter(c.values()))",
        "read()",
        "pass",
    ),
    "parts of a layer moved": (
        "m = nn.Sequential(nn.ReLU(), nn.Softplus())\n"
        "m._modules = collections.OrderedDict(m._modules)",
        "m(-X)",
        "m._modules.move_to_end('0')",
    ),
    "order of a default dict": (
        "c = collections.defaultdict(float, k=1.0, j=2.0)",
        "next(iter(c.values()))",
        "c['k'] = c.pop('k')",
    ),
    "order of a subclass of dict": (
        "class O(dict): pass\nc = O(k=1.0, j=2.0)",
        "next(iter(c.values()))",
        "c['k'] = c.pop('k')",
    ),
    "order of a counter": (
        "c = collections.Counter(k=1, j=2)",
        "float(next(iter(c.values())))",
        "c['k'] = c.pop('k')",
    ),
    "most common": (
        "c = collections.Counter('kkj')",
        "float(c.most_common(1)[0][1])",
        "c['j'] = 5",
    ),
    "default of a default dict": (
        "c = collections.defaultdict(lambda: 1.0)",
        "c.default_factory()",
        "c.default_factory = lambda: 3.0",
    ),
    "default that enters": ("c = collections.defaultdict(lambda: box.k)", "c['k']", "c['k'] = 3.0"),
    "rotated deque": ("c = collections.deque([1.0, 2.0])", "c[0]", "c.rotate(1)"),
    "maps of a chain map": (
        "c = collections.ChainMap({}, d)",
        "c['k']",
        "c.maps[0]['k'] = 3.0",
    ),
    "keys of a dict kept": ("c = d.keys()", "float(len(c))", "d['z'] = 1.0"),
    "values of a dict kept": ("c = d.values()", "sum(c)", "d['k'] = 3.0"),
    "weak set": ("c = weakref.WeakSet([box])", "next(iter(c)).k", "box.k = 3.0"),
    "weak keys": ("c = weakref.WeakKeyDictionary({box: 1.0})", "c[box]", "c[box] = 3.0"),
    "user string": ("c = collections.UserString('k')", "float(ord(c.data))", "c.data = 'z'"),
    # objects of libraries
    "polynomial": ("n = np.poly1d([1.0, 2.0])", "n(1.0)", "n.coeffs[0] = 5.0"),
    "coefficients of a polynomial": ("n = np.poly1d([1.0, 2.0])", "n[0]", "n.coeffs[1] = 5.0"),
    "polynomial in an object": (
        "b = Box(n=np.poly1d([1.0, 2.0]))",
        "b.n(1.0)",
        "b.n.coeffs[0] = 5.0",
    ),
    "polynomial of a subclass": (
        "class N(np.poly1d): pass\nn = N([1.0, 2.0])",
        "n(1.0)",
        "n.coeffs[0] = 5.0",
    ),
    "new polynomial": (
        "n = np.polynomial.Polynomial([1.0, 2.0])",
        "n(1.0)",
        "n.coef[0] = 5.0",
    ),
    "vectorized function": (
        "n = np.vectorize(lambda v: v * box.k)",
        "float(n(1.0))",
        "box.k = 3.0",
    ),
    "record": ("a = np.zeros(1, [('k', 'f4')])", "float(a['k'][0])", "a['k'][0] = 3.0"),
    "record kept": ("a = np.zeros(1, [('k', 'f4')]); r = a[0]", "float(r['k'])", "r['k'] = 3.0"),
    "memory map": (
        "a = np.memmap(tempfile.mktemp(), 'f4', 'w+', shape=(1,))",
        "float(a[0])",
        "a[0] = 3.0",
    ),
    "flat iterator": ("a = one.flat", "float(a[0])", "one[0] = 3.0"),
    "iterator of an array": ("a = np.nditer(one)", "float(a.value)", "one[0] = 3.0"),
    "fraction": (
        "import fractions\nn = fractions.Fraction(1, 2)",
        "float(n)",
        "n._numerator = 3",
    ),
    "path": ("n = pathlib.Path('a')", "float(len(str(n)))", "n = pathlib.Path('abc')"),
    "own __getattribute__ that knows few names": (
        "class G:\n    def __getattribute__(self, n):\n"
        "        return object.__getattribute__(self, '__dict__')['d'][n]\n"
        "g = G(); object.__setattr__(g, 'd', d)",
        "g.k",
        "d['k'] = 3.0",
    ),
    "object that lies about its class": (
        "class G:\n    k = 1.0\n    @property\n    def __class__(self): return dict\ng = G()",
        "g.k",
        "g.k = 3.0",
    ),
    "__class__ that fails": (
        "class G:\n    k = 1.0\n    @property\n    def __class__(self): raise KeyError('no')\n"
        "g = G()",
        "g.k",
        "g.k = 3.0",
    ),
    "object without __dict__ for __getattr__": (
        "class G:\n    def __getattr__(self, n): return d[n]\ng = G()",
        "g.k",
        "d['k'] = 3.0",
    ),
}
