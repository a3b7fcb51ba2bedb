"""A running fit that several ranks share: they stop together, and rank 0 writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn.train.dealing import Dealing, renewed, weights_digest
from fastnn.train.dealt_loop import DealtLoop
from fastnn.train.session import Session

if TYPE_CHECKING:
    from fastnn.train.sums import AnyLoop


class DealtSession(Session):
    """As `Session`. Every rank has the same weights, figures and history, and runs the callbacks;
    those that write files run on rank 0."""

    def __init__(self, dealing: Dealing, *given: Any) -> None:
        """given: as of `Session`, all of them."""
        self._dealing = dealing
        renew = given[-1]
        make = None if renew is None else lambda: renewed(dealing, renew())
        parts = (*given[:-1], make)
        super().__init__(*parts)

    def _take(self, *given: Any) -> None:
        super()._take(*given)
        self._wants_to_stop = False  # this rank, within an epoch
        self._alone = False  # after every epoch the ranks agree whether to go on
        if self._dealing.ranks.rank:
            self._callbacks = [c for c in self._callbacks if not c.writes]
            self._watching = [c for c in self._watching if not c.writes]

    def _agree_to_stop(self) -> None:
        trainer, ranks = self.trainer, self._dealing.ranks
        trainer.stop_training = ranks.any(trainer.stop_training)

    def _epochs(self, loop: AnyLoop) -> None:
        self._agree_to_stop()
        super()._epochs(loop)

    def _train(self, loop: AnyLoop) -> None:
        self._agree_to_stop()
        super()._train(loop)

    def _chunks(self, loop: AnyLoop) -> None:
        """As `Session._chunks`; who is to stop says so in the next step, for all."""
        assert isinstance(loop, DealtLoop)
        loop.wants_to_stop = self._wants_to_stop
        while self._chunk(loop):
            for callback in self._watching:
                if callback.on_progress(loop.epoch, loop.step) is True:
                    self.trainer.stop_training = True
            self._wants_to_stop |= self.trainer.stop_training
            loop.wants_to_stop = self._wants_to_stop
            self.trainer.stop_training = False
            if self._is_due() or self._watching:
                break
        self.trainer.stop_training = loop.stopped

    def _finish_epoch(self, loop: AnyLoop) -> None:
        """As of `Session`; then the ranks compare their weights.

        Raises:
            RuntimeError: on all ranks, if a callback changed the weights of some.
            KeyboardInterrupt: on all ranks, if one had Ctrl-C.
        """
        super()._finish_epoch(loop)
        ranks = self._dealing.ranks
        stops = self.trainer.stop_training or self._wants_to_stop
        found = ranks.gather((stops, ranks.interrupts, weights_digest(self.trainer.model)))
        all_stops, interrupts, digests = zip(*found, strict=True)
        self.trainer.stop_training = any(all_stops)
        if any(interrupts):
            ranks.interrupts = 0
            raise KeyboardInterrupt
        if len(set(digests)) > 1:
            raise RuntimeError(
                "comm: the weights differ between ranks after epoch "
                f"{self.epoch - 1}; callbacks and the model have to do the same on all ranks"
            )
