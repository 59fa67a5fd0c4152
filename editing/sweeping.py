"""How a sweep is run: in batches that fit the memory, here or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from circuits import CurvesError, Network, Unit
from circuits.capture import Capture, Captured
from circuits.memory import for_tensors, in_use, too_small
from circuits.precision import arithmetic
from circuits.regions import INPUT, Box, extents, trace_back
from circuits.replacing import Replacements
from circuits.validation import check_images

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Job", "Sweep", "channels"]

MEMORY = 64 * 2**20
"""Bytes in use at a time, if the network's budget has room: less makes batches too small for the convolutions, more
gains nothing."""

MESSAGE = 8 * 2**20
"""Bytes of stimuli in a part for a cluster: its scheduler holds those that are on their way."""

PARTS_EACH = 4
"""Parts for each thread of a cluster."""


@dataclass(frozen=True)
class Job:
    """What is to be found on each batch of stimuli.

    Attributes:
        stages: what is replaced.
        effects: from what was captured of a batch, and bytes to use at a time, its effects.
        again: the same sweep of some of the stimuli, wherever it is run.
        count: of the replacements.
    """

    stages: Sequence[Replacements]
    effects: Callable[[Captured, int], Tensor]
    again: Callable[..., Tensor]
    count: int


class Sweep:
    """Units that are read over stimuli."""

    def __init__(self, net: Network, readers: Sequence[Unit], stimuli: Tensor, *, pre: bool, whole: bool) -> None:
        layer = net.layer(readers[0].layer)
        check_images(stimuli, net.device, net.dtype)
        self._net, self._stimuli, self._rows = net, stimuli, channels(readers)
        self._target = layer.pre if pre else layer.post
        self._box, self._seen, self.image = None, None, None
        given = (stimuli.shape[2], stimuli.shape[3])
        if whole:
            self.image = given
            net.activations(stimuli[:1], [layer.name])  # refuses a size that does not fit
            return
        self._box = Box(0, 1, 0, 1)
        boxes = {layer.pre: self._box}
        trace_back(net.ops, boxes, {})
        self._seen = boxes[INPUT]
        if given != self._seen.size:
            seen, found = (" x ".join(map(str, size)) for size in (self._seen.size, given))
            raise CurvesError(
                f"units of {layer.name} see {seen} px, the stimuli are {found}; crop them, or set whole=True"
            )

    def replacements(self, source: str, channels: Sequence[int], cut: Collection[str] = ()) -> Replacements:
        """The read units when single channels of `source` are replaced."""
        return Replacements(self._net, source, channels, self._target, self._rows, self._box, self.image, cut)

    @torch.no_grad()
    def run(
        self,
        job: Job,
        memory: int | None,
        client: Client | None,
        progress: Callable[[int], None] | None,
    ) -> Tensor:
        """The effects on all stimuli, as many at a time as fit in the memory."""
        capture = Capture(self._net, [stage.needs for stage in job.stages], self.image)
        stimuli = self._stimuli
        size = capture.bytes + sum(stage.bytes for stage in job.stages)
        memory = self._room(job, size) if memory is None else memory
        batches = torch.split(stimuli, max(1, memory // size))
        parts: Iterable[tuple[int, Tensor]]
        if client is None:
            parts = enumerate(self._found(capture, job, batches, memory))
        else:
            from circuits.cluster import spread, workers

            # Whole batches, since a convolution may round otherwise by who is in it with whom.
            most = max(1, MESSAGE // batches[0].nbytes)
            each = min(most, max(1, len(batches) // (PARTS_EACH * workers(client))))
            batches = torch.split(stimuli, each * len(batches[0]))
            work = partial(_again, again=job.again, memory=memory)
            parts = spread(client, self._net, work, (batch.clone() for batch in batches))  # a view is sent as a whole
        result = None
        for place, part in parts:
            if result is None:
                result = part.new_empty(*part.shape[:2], len(stimuli), *part.shape[3:])
            first = place * len(batches[0])
            result[:, :, first : first + len(batches[place])] = part
            if progress:
                progress(len(batches[place]))
        assert result is not None
        return result

    def _found(self, capture: Capture, job: Job, batches: Sequence[Tensor], memory: int) -> Iterator[Tensor]:
        """The effects on each batch."""
        for batch in batches:
            # The read units may see less than others of their layer.
            part = capture.box.within(self._seen or capture.box)
            with arithmetic(self._net.precision):
                captured = capture.run(batch[..., part.top : part.bottom, part.left : part.right])
                found = job.effects(captured, memory)
            yield found.flatten(2) if self._box else found

    def _room(self, job: Job, size: int) -> int:
        """Bytes to use at a time by default: of what the budget leaves, half for what all pairs of a batch read."""
        net = self._net
        if net.memory is None:
            return MEMORY
        rows, columns = extents(net.ops, *self.image)[self._target] if self.image else (1, 1)
        result = self._stimuli.element_size() * job.count * len(self._rows) * len(self._stimuli) * rows * columns
        least = max(size, *(stage.pair_bytes for stage in job.stages))
        room = (for_tensors(net.memory) - result) // 2
        if room < least:
            what = f"a sweep of one stimulus, with {result / 1e6:,.0f} MB of results,"
            raise too_small(net, what, in_use(result + 2 * least))
        return min(room, MEMORY)


def _again(net: Network, stimuli: Tensor, *, again: Callable[..., Tensor], memory: int) -> Tensor:
    """On a worker of a cluster: the sweep of some of the stimuli."""
    return again(net, stimuli=stimuli, memory=memory)


def channels(units: Sequence[Unit]) -> list[int]:
    """The units' numbers."""
    return [unit.channel for unit in units]
