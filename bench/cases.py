"""Training cases."""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN_IN_CACHE = 1 << 20  # bytes; the same limit as CACHED of fastnn/cli/numpy_net.py


@dataclass(frozen=True)
class Case:
    """A net, its loss and its data set; every case trains with Adam on shuffled epochs."""

    name: str
    widths: tuple[int, ...]
    batch: int
    rows: int
    what: str
    activation: str = "relu"
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    lr: float = 1e-3
    dtype: str = "float32"
    check_steps: int = 100

    @property
    def layers(self) -> str:
        return "-".join(str(width) for width in self.widths)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return list(zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def steps(self) -> int:
        """Steps per epoch; the rows are a whole number of batches."""
        return self.rows // self.batch

    @property
    def parameters(self) -> int:
        return sum((n_in + 1) * n_out for n_in, n_out in self.pairs)

    @property
    def flops(self) -> int:
        """Of one step: three products per layer, except the input gradient of the first layer."""
        first_in, first_out = self.pairs[0]
        products = 6 * self.batch * sum(n_in * n_out for n_in, n_out in self.pairs)
        return products - 2 * self.batch * first_in * first_out

    @property
    def gathers_whole_epoch(self) -> bool:
        """Whether shuffling a copy of the data once an epoch beats gathering batch by batch."""
        return self.rows * self.widths[0] * 4 <= HIDDEN_IN_CACHE


def _width_sweep() -> list[Case]:
    return [
        Case(f"w{width}", (10, width, width, 10), 128, 4096, "width sweep: no cliff")
        for width in (32, 40, 45, 46, 48, 56, 64)
    ]


MAIN = [
    Case("tiny", (16, 32, 32, 3), 32, 2048, "the overhead regime"),
    Case("digits", (64, 64, 10), 64, 1792, "a first real data set's size"),
    Case("mnist1", (784, 128, 10), 128, 12800, "the tutorial net"),
    Case(
        "mnist2", (784, 512, 512, 10), 128, 6400, "products and optimizer from L2", check_steps=25
    ),
    Case("deep", (32, 128, 128, 128, 128, 10), 256, 10240, "many equal layers"),
    Case("large", (1024, 2048, 2048, 1024), 512, 2048, "bound by arithmetic", check_steps=5),
]

MORE = [
    Case("tanh", (4, 32, 16, 4), 10000, 10000, "full batch, tanh", "tanh", "mse"),
    Case("regress", (4, 64, 64, 2), 64, 2048, "regression", loss="mse"),
    Case("binary", (20, 32, 32, 1), 32, 2048, "two classes", loss="bce"),
    *_width_sweep(),
    Case("adam", (128, 512, 512, 10), 16, 1024, "bound by the optimizer"),
    Case("mnist3", (784, 500, 250, 10), 100, 5000, "no power of two", check_steps=25),
    Case("wide", (1024, 1024, 1024, 10), 256, 4096, "wide layers", check_steps=12),
    Case("online", (16, 32, 32, 3), 1, 512, "one row a step"),
]

CASES = {case.name: case for case in MAIN + MORE}
