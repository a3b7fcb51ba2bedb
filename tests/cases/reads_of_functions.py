"""Forms of reading by functions and containers: see `reads.py`."""

from __future__ import annotations

# name: (set up, value, change)
TEXTS: dict[str, tuple[str, str, str]] = {
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
    "name of a function": ("def g(): pass", "float(len(g.__name__))", "g.__name__ = 'abc'"),
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
}
