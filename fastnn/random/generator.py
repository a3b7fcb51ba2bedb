"""Random numbers equal to torch's: a Mersenne Twister, and torch's conversion of draws to values.

The generator is MT19937 in the state of `numpy.random.RandomState(seed)`; every value is computed
from its raw 32-bit draws, in torch's order. The values equal those of torch on a CPU with AVX2
bit for bit: uniforms are scaled with one rounding (fused multiply-add), and blocks of normals use
the Cephes polynomials of torch's vector kernel. Source: ATen's `CPUGeneratorImpl`,
`DistributionsHelper.h` and `DistributionTemplates.h`.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn._support import check, dtypes, forks, pieces
from fastnn._support.device import device, is_device, on_cpu
from fastnn._support.errors import InvalidValueError
from fastnn.random import normal as _normal, uniform as _uniform
from fastnn.random.words import words_of
from fastnn.tape import listener
from fastnn.tensor import Tensor, of_array

__all__ = [
    "Generator",
    "default_generator",
    "derive_seed",
    "engine_state",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

_TAIL = struct.Struct("<QiIdqq")  # seed, position, is a normal kept, that normal, engine_state
_KEY_BYTES = 624 * 4
_STATE_BYTES = _KEY_BYTES + _TAIL.size
_DEFAULT_SEED = 67280421310721  # of a Generator without a seed, as in torch
_BITS_24 = np.uint64(0xFFFFFF)
_WIDE_RANGE = 1 << 28  # torch draws 64 bits for integer ranges from here on

Array = NDArray[Any]


def _drawn(draw: Callable[[tuple[int, ...]], Array], shape: tuple[int, ...]) -> Array:
    """The array that `draw` makes; within vmap for one sample. Raises while recording."""
    listener.refuse("random numbers were drawn")
    return listener.drawn(draw, shape)  # type: ignore[no-any-return]


def _fresh_seed() -> int:
    return int.from_bytes(os.urandom(8), "little")


class Generator:
    """A stream of random numbers, torch's `torch.Generator` on the CPU.

    Args:
        seed: -2**63 .. 2**64 - 1, a negative one counts from 2**64; the low 32 bits choose the
            stream, as in torch. Default: torch's, 67280421310721. In this position "cpu" is taken
            as the device, as in torch.
        device: "cpu".

    Attributes:
        engine_state: int64 (2), the seed and the counter of the keys that dropout draws, which
            programs increment in place; part of `get_state`.

    Raises:
        ValueError: the seed is out of range.

    >>> import numpy as np
    >>> import fastnn
    >>> g = fastnn.Generator(0)
    >>> print(g.uniform((2,), 0.0, 1.0, np.float32))
    [0.4962566 0.7682218]
    """

    def __init__(self, seed: int | str | None = None, *, device: Any = None) -> None:
        on_cpu(device)
        if seed is not None and is_device(seed):
            seed = None
        self._lock = forks.PatientLock()
        self.engine_state: NDArray[Any] = np.zeros(2, np.int64)
        self._bits: Any
        self._made: Any = None  # the RandomState, from the first draw: slow to import, and to make
        self.manual_seed(_DEFAULT_SEED if seed is None else seed)  # type: ignore[arg-type]

    device: ClassVar[Any] = device("cpu")

    def seed(self) -> int:
        """Restart the stream from a seed of the operating system; returns the seed."""
        return self.manual_seed(_fresh_seed()).initial_seed()

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from `seed`, and return self."""
        checked = check.integer("seed", seed, -(2**63), 2**64 - 1) % 2**64
        with self._lock:
            self._seed = checked
            if self._made is not None:
                self._made.seed(checked & 0xFFFFFFFF)
            self._kept: float | None = None  # the sine of the last Box-Muller pair
            self.engine_state[:] = np.array([checked, 0], np.uint64).view(np.int64)
        return self

    def __getstate__(self) -> NDArray[np.uint8]:
        """For copies and pickles, which go on from here on their own; what `get_state` gives."""
        with self._lock:
            key, position = words_of(self._mt, self._bits)
            kept = self._kept
        numbers = self._seed, position, kept is not None, kept or 0.0
        tail = _TAIL.pack(*numbers, *self.engine_state.tolist())
        return np.frombuffer(key + tail, dtype=np.uint8).copy()

    def __setstate__(self, state: NDArray[np.uint8]) -> None:
        self.__init__(0)  # type: ignore[misc]
        self.set_state(state)

    @property
    def _mt(self) -> Any:
        if self._made is None:
            self._bits = np.random.MT19937(0)  # draws for both; seeded as RandomState does
            self._made = np.random.RandomState(self._bits)
            self._made.seed(self._seed & 0xFFFFFFFF)
        return self._made

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self._seed

    def get_state(self) -> Tensor:
        """The whole state as a uint8 tensor of 2536 bytes, for `set_state`.

        >>> import numpy as np
        >>> import fastnn
        >>> g = fastnn.Generator(1)
        >>> state = g.get_state()
        >>> a = g.uniform((3,), 0.0, 1.0, np.float32)
        >>> g.set_state(state)
        >>> bool((g.uniform((3,), 0.0, 1.0, np.float32) == a).all())
        True
        """
        return of_array(self.__getstate__())

    def set_state(self, state: ArrayLike) -> None:
        """Restore a state that `get_state` returned."""
        raw = np.asarray(state)
        if raw.dtype != np.uint8 or raw.shape != (_STATE_BYTES,):
            raise InvalidValueError(
                f"state: expected {_STATE_BYTES} bytes from get_state(), "
                f"got {raw.dtype} of shape {raw.shape}"
            )
        data = raw.tobytes()
        seed, position, has_kept, kept, *engine = _TAIL.unpack(data[_KEY_BYTES:])
        if not 0 <= position <= 624 or has_kept > 1 or not math.isfinite(kept):
            raise InvalidValueError("state: these bytes are not a state from get_state()")
        key = np.frombuffer(data[:_KEY_BYTES], dtype="<u4").astype(np.uint32)
        with self._lock:
            self._seed = seed
            self._mt.set_state(("MT19937", key, position, 0, 0.0))
            self._kept = kept if has_kept else None
            self.engine_state[:] = engine

    def uniform(self, shape: tuple[int, ...], low: float, high: float, dtype: Any) -> Array:
        """An array of U(low, high): x * (high - low) + low with x = draw / 2**24, or / 2**53."""

        def draw(shape: tuple[int, ...]) -> Array:
            with self._lock:
                return pieces.made(math.prod(shape), real, some).reshape(shape)

        def some(n: int) -> Array:
            if real == np.float32:
                return _uniform.scaled32(self._bits24, n, low, high)
            return _uniform.scaled64(self._draw53(n), low, high)

        real = dtypes.wide(np.dtype(dtype))
        drawn = dtypes.converted(_drawn(draw, shape), dtype)
        if np.dtype(dtype) in dtypes.HALVES:  # what rounding takes to the end begins anew
            ends = [dtypes.number(bound, np.dtype(dtype)) for bound in (low, high)]
            drawn[dtypes.readable(drawn) == dtypes.readable(ends[1])] = ends[0]
        return drawn

    def normal(self, shape: tuple[int, ...], mean: float, std: float, dtype: Any) -> Array:
        """An array of N(mean, std**2) by Box-Muller.

        Fewer than 16 values are computed one by one from 53-bit pairs; more in blocks of 16, in
        place, where the last 16 are drawn again if 16 does not divide the size; of halves, as torch
        does, only whole blocks are drawn before.
        """
        real = dtypes.wide(np.dtype(dtype))
        stored = real != np.dtype(dtype)
        values = _drawn(lambda s: self._normal(s, mean, std, real, stored), shape)
        return dtypes.converted(values, dtype)

    def _normal(
        self, shape: tuple[int, ...], mean: float, std: float, dtype: Any, stored: bool
    ) -> Array:
        n = math.prod(shape)
        real = np.dtype(dtype)
        with self._lock:
            if n < 16:
                values = [self._one_normal() * std + mean for _ in range(n)]
                return np.array(values, dtype=np.float64).astype(real).reshape(shape)
            draw = self._draw24 if real == np.float32 else self._draw53
            whole = n - n % 16
            flat = pieces.made(whole if stored else n, real, draw)
            flat = np.append(flat, np.zeros(n - len(flat), real)) if len(flat) < n else flat
            _normal.box_muller(flat[:whole], mean, std)
            if whole != n:
                flat[-16:] = draw(16)
                _normal.box_muller(flat[-16:], mean, std)
        return flat.reshape(shape)

    def normal_one_by_one(self, shape: tuple[int, ...], mean: float, std: float) -> Array:
        """A float64 array of N(mean, std**2), each from the pairs of `normal` with few values."""

        def draw(shape: tuple[int, ...]) -> Array:
            with self._lock:
                values = [self._one_normal() * std + mean for _ in range(math.prod(shape))]
            return np.array(values, np.float64).reshape(shape)

        return _drawn(draw, shape)

    def one_by_one(
        self, fill: Callable[[Callable[[], float], Callable[[], float]], list[float]]
    ) -> list[float]:
        """What `fill(uniform, normal)` makes of single draws, as rejection methods take them."""
        listener.refuse("random numbers were drawn")
        with self._lock:
            return fill(lambda: float(self._draw53(1)[0]), self._one_normal)

    def integers(
        self, shape: tuple[int, ...], low: int, high: int, most_bits: int = 64
    ) -> NDArray[np.int64]:
        """An int64 array of draw % (high - low) + low; from 2**28 on the draw has 64 bits.

        most_bits: 32: never more.
        """
        width = high - low
        wide = width >= _WIDE_RANGE and most_bits == 64

        def draw(shape: tuple[int, ...]) -> Array:
            with self._lock:
                return pieces.made(math.prod(shape), np.int64, some).reshape(shape)

        def some(n: int) -> Array:
            draws = self._draw64(n) if wide else self._draw32(n).astype(np.uint64)
            return (draws % np.uint64(width) + np.uint64(low % 2**64)).view(np.int64)

        return _drawn(draw, shape)

    def permutation(self, n: int) -> NDArray[np.int64]:
        """A random permutation of 0..n-1: torch's `randperm`."""

        def draw(shape: tuple[int, ...]) -> Array:
            orders = [self._permutation(n) for _ in range(math.prod(shape[:-1]))]
            return np.array(orders).reshape(shape)

        return _drawn(draw, (n,))

    def _permutation(self, n: int) -> Array:
        found = np.arange(n, dtype=np.int64)
        order = found.data  # its elements are Python's numbers, faster than NumPy's
        with self._lock:
            for begin in range(0, n - 1, pieces.PIECE):
                draws = self._draw32(min(pieces.PIECE, n - 1 - begin))
                for i, draw in enumerate(draws.tolist(), begin):
                    j = i + draw % (n - i)
                    order[i], order[j] = order[j], order[i]
        return found

    def derive_seed(self) -> int:
        """63 random bits, torch's `torch.empty((), dtype=torch.int64).random_()`."""

        def draw(shape: tuple[int, ...]) -> Any:
            with self._lock:
                if not shape:  # in every fit: without arrays of one element
                    high, low = self._draw32(2).tolist()
                    return np.int64((high << 32 | low) % 2**63)
                draws = self._draw64(math.prod(shape)) % np.uint64(2**63)
            return draws.view(np.int64).reshape(shape)

        return int(_drawn(draw, ()))

    def _raw(self, n: int) -> NDArray[np.uint64]:
        if self._made is None:
            _ = self._mt
        return self._bits.random_raw(n)  # type: ignore[no-any-return]

    def _draw32(self, n: int) -> NDArray[np.uint32]:
        return self._raw(n).astype(np.uint32)

    def _draw64(self, n: int) -> NDArray[np.uint64]:
        pairs = self._draw32(2 * n).astype(np.uint64)
        return np.asarray((pairs[0::2] << np.uint64(32)) | pairs[1::2])

    def _bits24(self, n: int) -> NDArray[np.uint64]:
        return self._raw(n) & _BITS_24

    def _draw24(self, n: int) -> NDArray[np.float32]:
        return self._bits24(n).astype(np.float32) * np.float32(2.0**-24)

    def _draw53(self, n: int) -> NDArray[np.float64]:
        bits = self._draw64(n) & np.uint64(2**53 - 1)
        return bits.astype(np.float64) * 2.0**-53

    def _one_normal(self) -> float:
        if self._kept is not None:
            value, self._kept = self._kept, None
            return value
        u1, u2 = (float(u) for u in self._draw53(2))
        radius = math.sqrt(-2.0 * math.log1p(-u2))
        theta = 2.0 * math.pi * u1
        self._kept = radius * math.sin(theta)
        return radius * math.cos(theta)


default_generator: Generator = Generator(_fresh_seed())
engine_state: NDArray[Any] = default_generator.engine_state
seeding: Any = forks.lock()  # of who seeds the default generator and puts it back


def manual_seed(seed: int) -> Generator:
    """Seed the default generator; layers and random numbers made after it equal torch's.

    Args:
        seed: -2**63 .. 2**64 - 1; a negative one counts from 2**64.

    Raises:
        TypeError, ValueError: not an integer in that range.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(42)
    >>> fastnn.rand(2)
    tensor([0.8823, 0.9150])
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state, as a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(state: ArrayLike) -> None:
    """Restore a state of the default generator that `get_rng_state` returned."""
    default_generator.set_state(state)


@contextmanager
def fork_rng(devices: Any = (), enabled: bool = True, device_type: str = "cpu") -> Iterator[None]:
    """Restore the default generator at the end of a `with` block, whatever it drew in between.

    Args:
        devices, device_type: accepted, since there is one generator, the CPU's.
        enabled: False: do nothing.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> with fastnn.random.fork_rng():
    ...     _ = fastnn.manual_seed(7)
    >>> fastnn.initial_seed()
    0
    """
    state = default_generator.get_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            default_generator.set_state(state)


def derive_seed(generator: Generator | None = None) -> int:
    """Draw a seed, 0 .. 2**63 - 1, for a counter-based stream (shuffles, dropout).

    It takes one 64-bit draw from the generator, so it depends on `manual_seed`.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(3)
    >>> fastnn.random.derive_seed()
    937055941807507096
    """
    return (generator or default_generator).derive_seed()
