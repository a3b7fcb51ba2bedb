"""Forms of reading what functions, modules and classes have without being called: `reads.py`."""

from __future__ import annotations

_FUNCTION = "def h(): return 2.0\nh.k = 1.0; h.cfg = {'k': 1.0}"

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
}
