"""A virtual machine's first boot, seen by SSH: it answers, and cloud-init is done or says why not.

What cloud-init writes to `/run/cloud-init` is its machine-readable side (its docs, "Status"):
`status.json` while it works, `result.json` once it ended. Reading them costs nothing, where
`cloud-init status` starts an interpreter each time; its output is understood too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from appliance import advice
from appliance.errors import DeadlineError, StepError, StopRequestedError
from appliance.site.plan import VmPlan
from appliance.tools.redact import Redactor
from appliance.tools.ssh import (
    PORT,
    KeyHost,
    Output,
    known_fingerprints,
    run_remote,
)
from appliance.values import Secret
from appliance.vms.boot_status import Boot, BootStatus, last_words, parse_status
from appliance.vms.cloud_init import USER

LOG = "/var/log/cloud-init.log"
OUTPUT_LOG = "/var/log/cloud-init-output.log"
_RUN = "/run/cloud-init"
_LOG_LIMIT = 64 << 10
_ASK_SECONDS = 20
"""How long one session waits for the end: a new session costs a slow machine more than a wait."""
_CONNECT_SECONDS = 30.0
_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Login:
    """How the machines are logged in to. `hidden` are secrets blanked in what they say."""

    known_hosts: str
    key: Secret
    hidden: tuple[Secret, ...] = ()
    user: str = USER


_ASK = (
    f"left={_ASK_SECONDS}; "
    f'until [ -e {_RUN}/result.json ] || [ "$left" -le 0 ]; do sleep 1; left=$((left - 1)); done; '
    f"cat {_RUN}/status.json 2>/dev/null || cloud-init status --format json || true"
)


def wait_for_vm(
    vm: VmPlan,
    login: Login,
    *,
    stop: threading.Event,
    seconds: float,
    on_answer: Callable[[], None] = lambda: None,
    port: int = PORT,
) -> BootStatus:
    """Wait until the machine answers with the host key we gave it and cloud-init is done there.

    `on_answer` is called once, when it first lets us in. Raises StepError with cloud-init's own
    last words, DeadlineError with what was seen last, StopRequestedError.
    """
    end = time.monotonic() + seconds
    status: BootStatus | None = None
    seen = "nothing was heard of it"
    while True:
        try:
            found = parse_status(_text(_ask(vm, login, _ASK, port)))
        except (StepError, ValueError) as error:
            seen = error.why or error.what if isinstance(error, StepError) else str(error)
            if isinstance(error, StepError) and "not the one known" in seen:
                raise
        else:
            if status is None:
                on_answer()
            status = found
            if status.ended:
                break
        if stop.wait(_PAUSE_SECONDS):
            raise StopRequestedError("asked to stop", where=f"waiting for {vm.name}")
        if time.monotonic() >= end:
            raise _too_late(vm, status, seen, seconds)
    if status.boot is not Boot.DONE:
        raise _failed(vm, login, status, port)
    return status


def _ask(vm: VmPlan, login: Login, command: str, port: int) -> Output:
    address = str(vm.address)
    host = KeyHost(known_fingerprints(login.known_hosts, address), login.key)
    return run_remote(
        address,
        login.user,
        host,
        command,
        port=port,
        connect_timeout=_CONNECT_SECONDS,
        seconds=_CONNECT_SECONDS * 2 + _ASK_SECONDS,
        limit=2 * _LOG_LIMIT,
    )


def _text(output: Output) -> str:
    return output.out.decode("utf-8", "replace")


def _too_late(vm: VmPlan, status: BootStatus | None, seen: str, seconds: float) -> DeadlineError:
    where = f"{vm.name} ({vm.address})"
    limit = f"within {seconds / 60:.0f} minutes"
    if status is None:
        return DeadlineError(
            f"{vm.name} does not answer by SSH {limit}",
            where=where,
            why=f"seen last: {seen}; next should have come its SSH with the host key we gave it",
            fix="look at its console in Harvester: has it its address, did cloud-init find data?",
        )
    stage = status.stage or "its beginning"
    return DeadlineError(
        f"cloud-init in {vm.name} did not end {limit}",
        where=where,
        why=f"it answers by SSH and is at {stage}",
        fix=f"log in as {USER} and look at {LOG}; run again to go on waiting",
    )


def _failed(vm: VmPlan, login: Login, status: BootStatus, port: int) -> StepError:
    if status.boot is Boot.DISABLED:
        return StepError(
            f"cloud-init is switched off in {vm.name}",
            where=f"{vm.name} ({vm.address})",
            why="the image has it disabled, or it found no data",
            fix="use a cloud image as its publisher made it",
        )
    words = "; ".join((*status.errors, _fetched_words(vm, login, port)))
    return StepError(
        f"cloud-init failed in {vm.name}",
        where=f"{vm.name} ({vm.address}):{LOG}",
        why=Redactor(login.hidden).text(words.rstrip("; ")),
        fix=f"correct what it names, {advice.undo_machine()}, and run again",
    )


def _fetched_words(vm: VmPlan, login: Login, port: int) -> str:
    """Fetch the ends of both logs. Without them the errors in the status stand alone."""
    mark = "-- output --"
    command = "; ".join(
        (
            _tail(LOG),
            f"echo; echo '{mark}'",
            _tail(OUTPUT_LOG),
        )
    )
    try:
        log, _, output = _text(_ask(vm, login, command, port)).partition(mark)
    except StepError as error:
        return f"its log could not be read: {error.why or error.what}"
    return last_words(log, output)


def _tail(path: str) -> str:
    read = f"tail -c {_LOG_LIMIT} {path}"
    return f"sudo -n {read} 2>/dev/null || {read}"
