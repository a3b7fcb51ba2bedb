"""Layers that torch has not, as torch code: what a `net.py` has of them."""

from __future__ import annotations

__all__ = ["PARTS"]

PARTS = {
    "SquaredReLU": '''
class SquaredReLU(nn.Module):
    """max(x, 0)^2."""

    def forward(self, x):
        return torch.relu(x) ** 2
''',
    "ScheduledDropout": '''
class ScheduledDropout(nn.Module):
    """Nothing: the net is evaluated."""

    def __init__(self, p=0.15):
        super().__init__()

    def forward(self, x):
        return x
''',
    "FeatureAlphaDropout": '''
class FeatureAlphaDropout(nn.Module):
    """Nothing: the net is evaluated."""

    def __init__(self, p=0.5):
        super().__init__()

    def forward(self, x):
        return x
''',
    "ScaleColumns": '''
class ScaleColumns(nn.Module):
    """A factor for each column."""

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x):
        return x * self.weight
''',
    "ParametricActivation": '''
class ParametricActivation(nn.Module):
    """x + alpha (f(x) - x), f selu or mish, an alpha for each column."""

    def __init__(self, features, activation="selu"):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.function = {"selu": nn.SELU, "mish": nn.Mish}[activation]()

    def forward(self, x):
        return x + (self.function(x) - x) * self.weight
''',
    "Spread": '''
class Spread(nn.Module):
    """k rows r_k x of each row x, one below the other."""

    def __init__(self, members, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, features))

    def forward(self, x):
        y = x.reshape(len(x), 1, -1) * self.weight
        return y.reshape(-1, x.shape[-1])
''',
    "Heads": '''
class Heads(nn.Module):
    """A linear layer for each of k members: (rows k, n) becomes (rows, k, outputs)."""

    def __init__(self, members, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(members, 1, out_features))

    def forward(self, x):
        members, n_in, _ = self.weight.shape
        x = x.reshape(-1, members, n_in).transpose(0, 1)
        return (torch.matmul(x, self.weight) + self.bias).transpose(0, 1)
''',
    "Columns": '''
class Columns(nn.Module):
    """The columns of a table, with embeddings of numbers (cosines) and of categories (tables)."""

    def __init__(self, numbers, plain, sizes=(), periodic=True):
        super().__init__()
        self.numbers, self.plain, self.sizes = numbers, plain, tuple(sizes)
        self.embeds = periodic and numbers > 0
        if self.embeds:
            self.frequency = nn.Parameter(torch.zeros(numbers, 16, 1))
            self.phase = nn.Parameter(torch.zeros(numbers, 16, 1))
            self.mixing = nn.Parameter(torch.zeros(numbers, 3, 16))
            self.shift = nn.Parameter(torch.zeros(numbers, 3, 1))
        if self.sizes:
            self.categories = nn.Parameter(torch.zeros(sum(self.sizes), 8))

    def forward(self, x):
        rows, whole = len(x), self.numbers + self.plain
        parts = [x[:, :whole]] if whole else []
        if self.embeds:
            v = x[:, : self.numbers].T.reshape(self.numbers, 1, rows)
            angle = v * (self.frequency * (2 * math.pi)) + self.phase
            z = torch.matmul(self.mixing, torch.cos(angle)) + self.shift
            parts.insert(0, z.reshape(-1, rows).T)
        if self.sizes:
            starts = [sum(self.sizes[:i]) for i in range(len(self.sizes))]
            index = x[:, whole:].long() + torch.tensor(starts)
            parts.append(self.categories[index.reshape(-1)].reshape(rows, -1))
        return torch.cat(parts, 1)
''',
    "Prepare": '''
class Prepare(nn.Module):
    """Rows of a table as the net takes them: nan is a missing number, a category is an index.

    numbers: source, mean, center, factor of each; v is (v - center) / factor, or, if robust,
    z / sqrt(1 + (z / 3)^2) with z = (v - center) factor. codes: source, how many categories (0:
    whether a number is there), and what each code becomes: None for itself, or rows of numbers.
    """

    def __init__(self, numbers, robust, codes):
        super().__init__()
        self.numbers, self.robust, self.codes = numbers, robust, codes

    def forward(self, x):
        parts = []
        if self.numbers:
            source, mean, center, factor = ([n[i] for n in self.numbers] for i in range(4))
            v = torch.cat([x[:, s : s + 1] for s in source], 1).double()
            mean, center, factor = (
                torch.tensor(w, dtype=torch.float64) for w in (mean, center, factor)
            )
            v = torch.where(torch.isnan(v), mean, v) - center
            v = v * factor if self.robust else v / factor
            parts.append((v / torch.sqrt(1 + (v / 3) ** 2) if self.robust else v).to(x.dtype))
        for source, count, table in self.codes:
            given = x[:, source]
            if count:
                code = torch.where((given >= 1) & (given < count + 1), given, 0.0).long()
            else:
                code = torch.isnan(given).long() + 1
            if table is None:
                parts.append(code.to(x.dtype).reshape(-1, 1))
            else:
                parts.append(torch.tensor(table, dtype=torch.float64)[code].to(x.dtype))
        return torch.cat(parts, 1)
''',
    "MeanOfMembers": '''
class MeanOfMembers(nn.Module):
    """The mean along axis 1."""

    def forward(self, x):
        return x.mean(1)
''',
    "Undo": '''
class Undo(nn.Module):
    """Units of the target: x deviation + mean, of exp(x) if log."""

    def __init__(self, mean, deviation, log):
        super().__init__()
        self.mean, self.deviation, self.log = mean, deviation, log

    def forward(self, x):
        z = x.double()
        z = torch.exp(z) if self.log else z
        return (z * self.deviation + self.mean).to(x.dtype)
''',
    "Sort": '''
class Sort(nn.Module):
    """The numbers of a row in increasing order: quantiles do not cross."""

    def forward(self, x):
        return torch.sort(x, dim=-1)[0]
''',
    "Mean": '''
class Mean(nn.Module):
    """The mean of what several nets give."""

    def __init__(self, *nets):
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, x):
        return sum(net(x) for net in self.nets) / len(self.nets)
''',
}
