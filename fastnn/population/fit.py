"""`fit_many`: train many nets at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastnn._support import check
from fastnn._support.threads import num_threads
from fastnn.optim import Adam
from fastnn.population import tables
from fastnn.population.arguments import monitor_of, parts_of, recipes_of, rungs_of, task_of
from fastnn.population.configs import Maker
from fastnn.population.dealt import dealt_to, together
from fastnn.population.net import made, refuse_shared
from fastnn.population.population import Population
from fastnn.population.training import Training
from fastnn.random.generator import fork_rng, seeding
from fastnn.train.progress import ProgressBar

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastnn.population.task import Loss
    from fastnn.train.callbacks import EarlyStopping
    from fastnn.train.metrics import Metric


def fit_many(
    build: Callable[..., Any],
    x: ArrayLike,
    y: ArrayLike,
    *,
    configs: Sequence[Mapping[str, Any]],
    epochs: int = 1,
    batch_size: int = 32,
    loss: Loss | str,
    optimizer: Any = Adam,
    seed: int = 0,
    shuffle: bool = True,
    rows: Sequence[ArrayLike] | None = None,
    folds: int | Sequence[Sequence[ArrayLike]] | None = None,
    bags: int | None = None,
    validation_data: Sequence[ArrayLike] | None = None,
    validation_rows: Sequence[ArrayLike] | None = None,
    validation_split: float = 0.0,
    validation_freq: int = 1,
    sample_weight: ArrayLike | None = None,
    metrics: Sequence[str | Metric] = (),
    early_stopping: EarlyStopping | int | None = None,
    halving: int | None = None,
    monitor: str | None = None,
    precision: str = "float32",
    n_threads: int | None = None,
    comm: Any = None,
    verbose: int = 1,
) -> Population:
    """Train a net for each configuration, all in one run.

    Each net has the weights, to the bit, that a run of its own gives it, for any number of
    threads::

        fastnn.manual_seed(seed)
        model = build(...)
        trainer = fastnn.Trainer(model, loss, optimizer(model.parameters(), ...))
        trainer.fit(x[rows], y[rows], epochs=epochs, batch_size=batch_size)

    Nets of the same shapes share one recorded program, whatever their learning rates, seeds and
    rows; each is trained by one thread, which then takes the next, without Python. Nets that no
    program can train, as their code has to run in Python, are trained by `Trainer.fit`, one after
    the other.

    Args:
        build: returns a new model. It is called once for each net, after `manual_seed`.
        x, y: as for `Trainer.fit`; all nets read them where they are. Of a DataFrame each net
            remembers the columns, as there.
        configs: a dict for each net. "seed" and "batch_size" are its own, the others are arguments
            of `build` or of the optimizer, or of both. `population.grid` and `population.sampled`
            make such lists.
        epochs, batch_size, shuffle, validation_data, validation_freq, sample_weight: as for
            `Trainer.fit`.
        loss: `loss(model(x), y)`, an `nn` loss, its name or a function, for all nets.
        optimizer: a class of `optim` (default: Adam), its short name such as "adamw", or a function
            of (parameters, settings...).
        seed: of the first net; the i-th has `seed + i`, unless its configuration has a seed.
        rows: for each net the rows that it is trained on, as a mask or as row numbers, which may
            repeat; None for all. One array holds for all nets.
        folds: the number of folds, stratified where y has classes, or (train, held) pairs of masks
            or row numbers: each configuration is trained once for each fold, and validated on the
            held rows.
        bags: each configuration is trained on so many samples of all rows, drawn with replacement,
            and validated on the rows that a sample lacks.
        validation_rows: as `rows`: those that each net is validated on.
        validation_split: the fraction of its rows that each net holds out, as in `Trainer.fit`.
        metrics: averages over rows, as for `Trainer.fit`.
        early_stopping: a `callbacks.EarlyStopping`, or its patience; each net stops for itself, and
            then has the weights of its best epoch.
        halving: 3 stops the worst two thirds of the configurations after 1/9 and after 1/3 of the
            epochs (2: the worst half after 1/4 and 1/2, and so on).
        monitor: the figure that halving and `Population.best` compare; default: that of
            `early_stopping`, "val_loss" with validation, or else "loss".
        precision: "float32" (default) or "bf16", as of `Trainer`; of all nets.
        n_threads: at most so many; default `num_threads()`.
        comm: an MPI communicator, as of `Trainer`: its ranks are given the same arguments, train
            every P-th net each, without a word between them, and in the end all have all nets.
        verbose: 0 silent, 1 a progress bar (with tqdm) on a terminal and in Jupyter.

    Returns:
        The nets, with the figures of their epochs. A net whose loss or buffers become nan or
        infinite is as before that step and has an entry in `errors`; the others go on. The default
        generator of random numbers is as before the call.

    Raises:
        TypeError, ValueError: bad input; an error of `build` has a note with the configuration.
        KeyboardInterrupt: nothing is returned.

    Source: Jamieson & Talwalkar 2016, "Non-stochastic best arm identification" (halving).

    Example:
        >>> import fastnn
        >>> from fastnn import nn
        >>> def build(width=4):
        ...     return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))
        >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> population = fastnn.fit_many(
        ...     build, x, y, configs=[{"lr": 0.1, "width": width} for width in (2, 4, 8)],
        ...     epochs=100, batch_size=4, loss=nn.CrossEntropyLoss(), verbose=0)
        >>> population.history["loss"].shape
        (3, 100)
        >>> population.best("loss").model.predict(x).argmax(1).tolist()
        [0, 1, 1, 0]
    """
    given = locals()
    maker = Maker(build, optimizer)
    recipes = recipes_of(maker, configs, seed, batch_size)
    task = task_of(given)
    parts = parts_of(given, task, len(recipes))
    monitor = monitor_of(monitor, task)
    rungs = rungs_of(halving, task.epochs)
    ranks = dealt_to(comm, halving)
    threads = num_threads() if ranks is None else ranks.threads
    threads = threads if n_threads is None else check.threads(n_threads, "n_threads")
    bar = ProgressBar(0 if ranks is not None and ranks.rank else verbose)
    with together(ranks):
        with seeding, fork_rng():
            nets = [
                made(number, recipe, part, maker)
                for number, (recipe, part) in enumerate(
                    (recipe, part)
                    for recipe, own in zip(recipes, parts, strict=True)
                    for part in own
                )
            ]
        refuse_shared(nets)
        if tables.put_in_order(nets, given):
            task = task_of(given)
        training = Training(nets, len(parts[0]), maker, task, monitor)
        if ranks is not None:
            training.share(ranks, given)
        population = training.run(threads, bar, rungs, halving or 0)
    tables.remember(population.models, given)
    return population
