"""What a step is: typed input, typed output, and evidence instead of belief."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Done(Generic[Out]):
    """A step's output, and what proves it. `evidence` is JSON-ready and holds no secret."""

    value: Out
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotYet:
    """Why a step is not done."""

    reason: str


class Step(ABC, Generic[In, Out]):
    """One step of the story. The engine journals it; the step only does its work.

    `check` looks and changes nothing. `run` does what is missing and may be stopped or killed at
    any point: running it again continues. `undo` takes back what `run` did on this laptop and
    never erases a machine's disk.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def digest(self, given: In) -> str:
        """Name the step's inputs, so that the journal shows when they changed."""

    @abstractmethod
    def check(self, given: In) -> Done[Out] | NotYet:
        """Say whether the step is already done, by looking."""

    @abstractmethod
    def run(self, given: In) -> Done[Out]:
        """Do it. Raises BridgeheadError when it cannot be done."""

    def undo(self) -> tuple[str, ...]:
        """Take back what runs left on this laptop, from what they noted; say what was done.

        Twice does nothing more. A step that leaves nothing behind has nothing to take back.
        """
        return ()
