"""What Terraform and the provider complain of, as one sentence with the next action. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from appliance import advice
from appliance.errors import BridgeheadError, BusyError, StepError
from appliance.vms.events import Diagnostic
from appliance.vms.words import address_words

AGAIN = "run again to continue"
_LONGEST = 400
_STALE = "Saved plan is stale"
_LOCKED = "Error acquiring the state lock"
_LOCK_FIELD = re.compile(r"^\s*(Operation|Who|Created):\s*(\S.*)$", re.MULTILINE)

_FIXES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), fix)
    for pattern, fix in (
        (r"already exists", "run again: what is there already is taken over"),
        (
            r"x509|certificate",
            "does the VIP show another certificate than at first contact? run again to see",
        ),
        (r"unauthorized|forbidden|\b401\b|\b403\b", "run again: a new kubeconfig is fetched"),
        (
            r"connection refused|connection reset|\bEOF\b|dial tcp|i/o timeout|handshake timeout",
            "does the VIP answer? see to the hypervisor's machines, then run again",
        ),
        (
            r"checksum|sha512",
            f"fetch the image again {advice.by_fetching()}, then run again",
        ),
        (
            r"timeout while waiting|context deadline exceeded|timed out",
            "look at it on Harvester's own page; run again to go on waiting",
        ),
        (r"no space left on device", "make room on this laptop's disk, then run again"),
        (
            r"insufficient|exceeded quota|not enough",
            "give it less memory, fewer CPUs or a smaller disk in the site file, then run again",
        ),
    )
)


def is_stale(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether the state has changed since the plan was made, so that it was refused."""
    return any(each.summary.startswith(_STALE) for each in diagnostics)


def is_locked(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether another process works on this state."""
    return any(each.summary.startswith(_LOCKED) for each in diagnostics)


def stale() -> StepError:
    """Say that what was shown is no longer what would be done."""
    return StepError(
        "the plan that was shown is out of date",
        why="the state has changed since it was made; nothing was applied",
        fix="run again: it is planned anew and shown again",
    )


def busy(diagnostics: Sequence[Diagnostic], holder: str) -> BusyError:
    """Say who holds the state. `holder` is what the kernel knows of it, "" where it knows none."""
    detail = next((d.detail for d in diagnostics if d.summary.startswith(_LOCKED)), "")
    said = {name: value.strip() for name, value in _LOCK_FIELD.findall(detail)}
    operation = said.get("Operation", "").removeprefix("OperationType").lower()
    parts = (
        holder,
        said.get("Who", ""),
        operation,
        f"since {said['Created'][:19]} UTC" if "Created" in said else "",
    )
    told = ", ".join(part for part in parts if part)
    return BusyError(
        "another Terraform works on this site's virtual machines",
        why=told or one_line(detail),
        fix="wait for it, or end it with Ctrl-C in its terminal, then run again",
    )


def failure(
    what: str, diagnostics: Sequence[Diagnostic], last: Mapping[str, str], err: str = ""
) -> BridgeheadError:
    """Make one error of a failed command.

    `what` was tried; `last` gives, for each address, what was seen of it last; `err` is what was
    written beside the stream, for when there is no diagnostic in it.
    """
    errors = [each for each in diagnostics if each.is_error and not _is_echo(each)]
    if not errors:
        return StepError(f"{what} failed", why=one_line(err) or "Terraform left no word", fix=AGAIN)
    first = next((each for each in errors if each.address), errors[0])
    return StepError(
        f"{what} failed: {one_line(first.summary)}",
        where=address_words(first.address) if first.address else "Terraform",
        why="; ".join(filter(None, _evidence(first, errors, last))),
        fix=fix_for(f"{first.summary} {first.detail}"),
    )


def hopeless(found: Mapping[str, str]) -> StepError:
    """Say what will never be ready, and that nobody waits for it any longer."""
    what, why = next(iter(sorted(found.items())))
    more = f"; {len(found) - 1} more: {', '.join(sorted(found)[1:])}" if len(found) > 1 else ""
    return StepError(
        f"{what} failed; Terraform was stopped",
        where=what,
        why=f"{one_line(why)}{more}",
        fix=fix_for(why),
    )


def _is_echo(diagnostic: Diagnostic) -> bool:
    """Terraform adds this one for each resource it did not begin after an interrupt."""
    return diagnostic.summary == "execution halted"


def _evidence(
    first: Diagnostic, errors: Sequence[Diagnostic], last: Mapping[str, str]
) -> tuple[str, ...]:
    others = [each for each in errors if each is not first]
    named = [address_words(each.address) for each in others if each.address]
    more = f"{len(others)} more" + (f": {', '.join(named)}" if named else "") if others else ""
    seen = last.get(first.address, "")
    return one_line(first.detail), f"last seen: {one_line(seen)}" if seen else "", more


def fix_for(text: str) -> str:
    """Give the next action for what a complaint says."""
    return next((fix for pattern, fix in _FIXES if pattern.search(text)), AGAIN)


def one_line(text: str) -> str:
    """Give a text as one line of at most 400 characters, without the boxes Terraform draws."""
    line = " ".join(text.replace("│", " ").replace("╷", " ").replace("╵", " ").split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
