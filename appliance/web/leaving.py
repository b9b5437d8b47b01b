"""Page 7: whether the laptop may be unplugged, and what there is to take along."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.flow.wiping import broken_off, why_unfinished
from appliance.web.history import Outcome
from appliance.web.progress import Progress
from appliance.web.watching import Seen, has_state, stored

_NOT_YET = "not yet safe to unplug: "


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is known at the end. `reasons` say why the laptop must stay; empty where it may go.

    `unfinished` is why the site counts as not finished when its state is to be wiped; `half_wiped`
    is whether a wipe of it was killed and has to be ended.
    """

    site: str
    safe: bool
    because: tuple[str, ...]
    reasons: tuple[str, ...]
    has_sheet: bool
    has_kubeconfig: bool
    ran: bool
    unfinished: str = ""
    half_wiped: bool = False


def leaving(seen: Seen) -> Leaving:
    """Judge by what the run proved, and by nothing else."""
    look = seen.look
    site = look.paths.site(look.plan.site_id)
    ran = has_state(look)
    kubeconfig, unfinished = False, ""
    if ran:
        with stored(look) as context:
            unfinished = why_unfinished(context.journal)
            kubeconfig = context.vault.get("kubeconfig") is not None
    return Leaving(
        site=look.plan.site_id,
        safe=seen.progress.safe,
        because=seen.progress.because,
        reasons=() if seen.progress.safe else reasons(seen.progress),
        has_sheet=(site.reports / "hand-over.html").is_file(),
        has_kubeconfig=kubeconfig,
        ran=ran,
        unfinished=unfinished,
        half_wiped=broken_off(look.paths, look.plan.site_id),
    )


def reasons(progress: Progress) -> tuple[str, ...]:
    """Say why it may not go: what the run itself found, else how far the run is."""
    found = tuple(
        each.removeprefix(_NOT_YET) for each in progress.findings if each.startswith(_NOT_YET)
    )
    if found:
        return found
    if progress.outcome is Outcome.DONE:
        return ("the run has ended without a proof that the site lives without the laptop",)
    return (progress.headline,)
