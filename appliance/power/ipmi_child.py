"""One act on one BMC by IPMI 2.0, in a process of its own: `python -m appliance.power.ipmi_child`.

pyghmi keeps sessions, a thread and sockets for the whole of its process, and reads what a BMC
sends; here all of it ends with the act. What to do comes as one JSON object on standard input, so
that the password is in no list of processes; the answer is the last line of standard output.

`{"host", "port", "user", "password", "act", "uefi"}` → `{"answer": {…}}`, or `{"failed", "text"}`
where `failed` is a `Failure`. The acts are the keys of `ACTS`. Chapters are those of the IPMI
specification, 2.0 revision 1.1.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pyghmi.exceptions import PyghmiException
from pyghmi.ipmi.command import Command
from pyghmi.ipmi.fru import FRU

from appliance.power.ipmi import Failure

CHASSIS, APPLICATION, STORAGE = 0x00, 0x06, 0x0A
GET_CHASSIS_STATUS, CHASSIS_CONTROL = (CHASSIS, 0x01), (CHASSIS, 0x02)  # 28.2, 28.3
SET_BOOT_OPTIONS = (CHASSIS, 0x08)  # 28.12
GET_DEVICE_ID, GET_SYSTEM_GUID = (APPLICATION, 0x01), (APPLICATION, 0x37)  # 20.1, 22.14
GET_SEL_TIME = (STORAGE, 0x48)  # 31.10
GET_FRU_SIZE, READ_FRU = (STORAGE, 0x10), (STORAGE, 0x11)  # 34.1, 34.2
FRU_PIECE, LONGEST_RECORD = 16, 4096
DOWN, UP, CYCLE, RESET = 0, 1, 2, 3
NOT_KNOWN = (0xC1, 0xCC, 0xD5)
"""Completion codes: no such command, no such value, not in this state (table 5-2)."""
KEEP_BOOT_FLAGS = (3, 8)
"""Not to forget what to boot from when no chassis command follows within 60 s (table 28-14)."""
VALID, FOR_GOOD, UEFI = 0x80, 0x40, 0x20
NETWORK, DISK = 1 << 2, 2 << 2
NO_TIME = 0xFFFFFFFF
SINCE_START = 0x20000000
"""A clock below this counts seconds since the BMC started (chapter 37.1)."""


Answer = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Order:
    """What comes on standard input. `password` is shown nowhere."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    act: str
    uefi: bool


class Line(Protocol):
    """A session with a BMC, as far as it is used here."""

    def raw_command(self, *, netfn: int, command: int, data: tuple[int, ...]) -> dict[str, Any]:
        """Send one request; give its `code` and `data`, and an `error` where code is not 0."""
        ...


Act = Callable[[Line, Order], Answer]
"""A session, and what was ordered → what is written as the answer."""


class RefusedError(Exception):
    """A BMC answers a request with a completion code other than 0."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def ask(line: Line, request: tuple[int, int], *data: int) -> bytes:
    """Send one request and give the answer's data. Raises RefusedError."""
    netfn, command = request
    answer = line.raw_command(netfn=netfn, command=command, data=data)
    if answer.get("code") or "error" in answer:
        code = int(answer.get("code", 0xFF))
        raise RefusedError(code, f"{answer.get('error', 'no reason given')} (code {code:#04x})")
    return bytes(answer["data"])


def is_on(line: Line) -> bool:
    """Ask whether the machine is on."""
    answer = ask(line, GET_CHASSIS_STATUS)
    if not answer:
        raise RefusedError(0xFF, "the chassis status is empty")
    return bool(answer[0] & 1)


def act_power(line: Line, _: Order) -> Answer:
    """Ask whether the machine is on."""
    return {"power": "on" if is_on(line) else "off"}


def act_on(line: Line, _: Order) -> Answer:
    """Switch on what is off."""
    if not is_on(line):
        ask(line, CHASSIS_CONTROL, UP)
    return {}


def act_off(line: Line, _: Order) -> Answer:
    """Switch off what is on, at once."""
    if is_on(line):
        ask(line, CHASSIS_CONTROL, DOWN)
    return {}


def act_cycle(line: Line, _: Order) -> Answer:
    """Switch off and on; where a BMC has no power cycle, which is optional, a hard reset."""
    if not is_on(line):
        ask(line, CHASSIS_CONTROL, UP)
        return {}
    try:
        ask(line, CHASSIS_CONTROL, CYCLE)
    except RefusedError as refused:
        if refused.code not in NOT_KNOWN:
            raise
        ask(line, CHASSIS_CONTROL, RESET)
    return {}


def act_network(line: Line, order: Order) -> Answer:
    """Have the next start boot from the network, once."""
    _boot_flags(line, VALID | (UEFI if order.uefi else 0), NETWORK)
    return {"boot": "the network, once"}


def act_disk(line: Line, order: Order) -> Answer:
    """Have all starts boot from the disk; where a BMC cannot keep that, the next."""
    kind = UEFI if order.uefi else 0
    try:
        _boot_flags(line, VALID | FOR_GOOD | kind, DISK)
    except RefusedError as refused:
        if refused.code not in NOT_KNOWN:
            raise
        _boot_flags(line, VALID | kind, DISK)
        return {"boot": "its disk, once: the BMC cannot keep it for good"}
    return {"boot": "its disk, for good"}


def _boot_flags(line: Line, flags: int, place: int) -> None:
    with contextlib.suppress(RefusedError):  # optional; without it the flags hold for 60 s
        ask(line, SET_BOOT_OPTIONS, *KEEP_BOOT_FLAGS)
    ask(line, SET_BOOT_OPTIONS, 5, flags, place, 0, 0, 0)


def act_contact(line: Line, _: Order) -> Answer:
    """Look, change nothing."""
    return {**act_power(line, _), "firmware": _firmware(line)}


def act_inventory(line: Line, _: Order) -> Answer:
    """Ask what the machine is; each part that is refused is left out and named in `unsaid`."""
    said: dict[str, object] = {}
    unsaid = []
    parts: tuple[tuple[str, Callable[[], Mapping[str, object]]], ...] = (
        ("its BMC's firmware", lambda: {"firmware": _firmware(line)}),
        ("its UUID", lambda: {"guid": ask(line, GET_SYSTEM_GUID).hex()}),
        ("its clock", lambda: {"clock": _clock(line)}),
        ("its maker, model and serial number", lambda: _fru(line)),
    )
    for name, part in parts:
        try:
            said.update(part())
        except (RefusedError, PyghmiException, LookupError, ValueError, TypeError) as error:
            unsaid.append(f"{name}: {error}")
    return {**said, "unsaid": unsaid}


def _firmware(line: Line) -> str:
    """Octets 4 and 5 of Get Device ID: the minor number is in BCD (20.1)."""
    answer = ask(line, GET_DEVICE_ID)
    return f"{answer[2] & 0x7F}.{answer[3] >> 4}{answer[3] & 0x0F}"


def _clock(line: Line) -> int | None:
    """Seconds since 1970; None where it was never set."""
    seconds = int.from_bytes(ask(line, GET_SEL_TIME)[:4], "little")
    return None if seconds == NO_TIME or seconds < SINCE_START else seconds


def _fru(line: Line) -> dict[str, object]:
    info = FRU(rawdata=_record(line)).info
    if not info:
        raise ValueError("the BMC has no such record")
    named = {"vendor": "Manufacturer", "model": "Product name", "serial": "Serial Number"}
    return {key: str(info[name]) for key, name in named.items() if info.get(name)}


def _record(line: Line) -> bytearray:
    """Read the machine's own record, FRU 0 (34.1, 34.2), in pieces that every BMC bears.

    pyghmi's own reader begins with 224 octets, and gives up where that is refused with 0xC8.
    """
    size = int.from_bytes(ask(line, GET_FRU_SIZE, 0)[:2], "little")
    record = bytearray()
    while len(record) < min(size, LONGEST_RECORD):
        count = min(FRU_PIECE, size - len(record))
        piece = ask(line, READ_FRU, 0, *len(record).to_bytes(2, "little"), count)[1:]
        if not piece:
            break
        record += piece
    return record


ACTS: Mapping[str, Act] = {
    "contact": act_contact,
    "power": act_power,
    "on": act_on,
    "off": act_off,
    "cycle": act_cycle,
    "network": act_network,
    "disk": act_disk,
    "inventory": act_inventory,
}

_MARKS = (
    (Failure.CIPHER, ("cipher suite", "algorithm", "md5 required", "integrity payload")),
    (Failure.PRIVILEGE, ("privilege", "privelege", "invalid role", "insufficient privilege")),
    (Failure.LOGIN, ("incorrect password", "unauthorized name", "invalid user", "null user")),
    (Failure.LOGIN, ("integrity check value", "integrity code", "username")),
    (Failure.BUSY, ("insufficient resources", "login slots", "slot available", "busy")),
    (Failure.SILENT, ("timeout", "no longer connected", "failed to initialize")),
)
"""What pyghmi 1.6 says in its errors (private/constants.py), in the order to look."""


def failure_of(text: str) -> Failure:
    """Judge what pyghmi says of a session that did not come about."""
    if text in ("", "None"):  # nothing came back, and pyghmi has no words for it
        return Failure.SILENT
    said = text.casefold()
    found = (failure for failure, marks in _MARKS if any(mark in said for mark in marks))
    return next(found, Failure.REFUSED)


def failure_of_code(code: int) -> Failure:
    """Judge a completion code (table 5-2)."""
    if code in (0xC0, 0xC3, 0xD0, 0xD2):
        return Failure.BUSY
    return Failure.PRIVILEGE if code == 0xD4 else Failure.REFUSED


@contextlib.contextmanager
def session(order: Order) -> Iterator[Line]:
    """Log in, and out again: a BMC has few sessions. Raises PyghmiException, OSError."""
    line = Command(bmc=order.host, userid=order.user, password=order.password, port=order.port)
    try:
        yield line
    finally:
        with contextlib.suppress(PyghmiException, OSError):
            line.ipmi_session.logout()


def carried_out(order: Order) -> dict[str, object]:
    """Do one act; give what is to be written."""
    try:
        with session(order) as line:
            return {"answer": ACTS[order.act](line, order)}
    except RefusedError as error:
        return {"failed": failure_of_code(error.code), "text": str(error)}
    except PyghmiException as error:
        text = str(error)
        return {"failed": failure_of(text), "text": "" if text == "None" else text}
    except OSError as error:
        return {"failed": Failure.SILENT, "text": error.strerror or str(error)}


def main() -> None:
    """Read the order, carry it out, answer; do not wait for pyghmi's thread.

    A Ctrl-C reaches all of a terminal: whether it breaks off is for who gave the order.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    answer = carried_out(Order(**json.load(sys.stdin)))
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
