"""Forms of reading arrays, hidden state and what this package has: see `reads.py`."""

from __future__ import annotations

# name: (set up, value, change)
TEXTS: dict[str, tuple[str, str, str]] = {
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
    "defaults of an optimizer": (
        "o = optim.SGD([w], lr=1.0)",
        'o.defaults["lr"]',
        'o.defaults["lr"] = 3.0',
    ),
    "state of an optimizer": (
        "o = optim.SGD([w], lr=1.0, momentum=0.9)",
        "float(len(o.state) + 1)",
        "w.grad = fastnn.ones(3); o.step()",
    ),
    "layer in _modules": (
        "m = nn.Sequential(nn.Identity())",
        "m(X)",
        "m._modules['0'] = nn.Softplus()",
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
