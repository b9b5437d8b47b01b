"""Calls on threads of their own that the end of the program does not wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Answer = TypeVar("Answer")


def start(call: Callable[[], Answer], *, name: str) -> Future[Answer]:
    """Call it on a thread of its own; what it gives or raises is in the future.

    An executor's threads are waited for as Python ends, however long what they ask takes.
    """
    answer: Future[Answer] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever reads the future is to know it
            answer.set_exception(error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return answer
