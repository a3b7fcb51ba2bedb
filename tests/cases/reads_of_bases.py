"""Forms of reading what bases, ordered containers and libraries' objects have: `reads.py`."""

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
    # attributes of an object that is a dict, whose keys have names, too
    **{
        f"{what} of a subclass of {base}": (
            f"class D({base}): {body}\nclass E({base}): k = 3.0\nc = D(){setup}",
            "c.k",
            change,
        )
        for base in ("dict", "collections.OrderedDict", "list")
        for what, body, setup, change in (
            ("slot", "__slots__ = ('k',)", "; c.k = 1.0", "c.k = 3.0"),
            ("class", "k = 1.0", "", "c.__class__ = E"),
            ("attributes", "pass", "; c.k = 1.0", "c.__dict__ = {'k': 3.0}"),
        )
    },
    "slot beside a key of its name": (
        "class D(dict): __slots__ = ('k',)\nc = D(k=5.0); c.k = 1.0",
        "c.k + c['k']",
        "c.k = 3.0",
    ),
    "key beside a slot of its name": (
        "class D(dict): __slots__ = ('k',)\nc = D(k=5.0); c.k = 1.0",
        "c.k + c['k']",
        "c['k'] = 3.0",
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
    "own kind of tensor": (
        "class T(fastnn.Tensor):\n    k = 1.0\n    def get(self): return self.k\nt = T([1.0])",
        "t.get()",
        "T.k = 3.0",
    ),
    "own kind of array": (
        "class A(np.ndarray): pass\na = np.ones(3).view(A)",
        "float(a[0])",
        "a[0] = 3.0",
    ),
    "own kind of partial": (
        "class P(functools.partial): pass\np = P(lambda k: k * box.k, 1.0)",
        "p()",
        "box.k = 3.0",
    ),
    "own kind of property": (
        "class Prop(property): pass\nclass B:\n    @Prop\n    def k(self): return box.k\nb = B()",
        "b.k",
        "box.k = 3.0",
    ),
    "class with a __getattribute__ for its objects": (
        "class G:\n    k = 1.0\n"
        "    def __getattribute__(self, n): return object.__getattribute__(self, n)",
        "G.k",
        "G.k = 3.0",
    ),
    "class without a module's name": (
        "class O:\n    __module__ = 3\n    k = 1.0\no = O()",
        "o.k",
        "O.k = 3.0",
    ),
}
