"""What pages and calls do: each a few lines over the flow, said in the same words by both."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.artifacts.depot import Depot
from appliance.errors import InputError, PreflightError
from appliance.flow.choosing import Wish, approve_machine, blink, identify
from appliance.flow.context import Context
from appliance.flow.looking import Look
from appliance.flow.reinstalling import reinstall_machine
from appliance.flow.reporting import report_of, support_of
from appliance.flow.s1_site import built_vms
from appliance.flow.s6_vms import refused_losses
from appliance.flow.shown_secrets import shown_secret
from appliance.flow.stocking import wants_of
from appliance.flow.transferring import export_state
from appliance.flow.wiping import WipeWish, wipe_site
from appliance.values import Secret
from appliance.web.deps import Deps
from appliance.web.leaving import Leaving, leaving
from appliance.web.runs import WITHDRAWN, Phase
from appliance.web.sticks import Media
from appliance.web.stock import StockView, fetching_of, stock_view
from appliance.web.watching import Watching, has_state, stored


class Actions:
    """The verbs of the wizard for one site. Each raises what the flow raises."""

    def __init__(self, deps: Deps, watching: Watching) -> None:
        self._deps = deps
        self._watching = watching
        self._media = Media()

    # ---------------------------------------------------------------- files

    def stock(self) -> StockView:
        """Look at the site's files and at the fetch that goes on, if one does."""
        look, runs = self._watching.look(), self._watching.runs
        site = look.plan.site_id
        fetching = None
        if runs.fetching(site):
            fetching = fetching_of(runs.fetched(site), runs.fetch_seconds(site, self._now()))
        return stock_view(
            wants_of(look.plan, accept_ipxe=True),
            Depot(look.paths.depot),
            fetching=fetching,
            error=runs.fetch_error(site),
            media=self._media.sticks(),
            untold=self._untold(),
        )

    def _untold(self) -> tuple[str, ...]:
        """Name the machines of which nobody has said yet which box they are, or which disk."""
        seen = self._watching.seen()
        held = {each.name for each in seen.progress.machines if each.hold}
        return tuple(
            each.name for each in seen.look.plan.machines if each.not_armed and each.name in held
        )

    def fetch(self, folder: str) -> str:
        """Begin to import from a folder, or to fetch without one."""
        look = self._watching.look()
        self._watching.runs.start_fetch(look.site_file, look.plan.site_id, folder)
        return f"files are taken from {folder}" if folder else "files are fetched"

    # ---------------------------------------------------------------- machines

    def approve(self, which: str, wish: Wish) -> str:
        """Say that a machine is one of the site."""
        look = self._watching.look()
        with self._changing(look) as context:
            return approve_machine(context, look.plan, which, wish)

    def identify(self, which: str, name: str, *, sure: bool) -> str:
        """Say which machine this is."""
        look = self._watching.look()
        with self._changing(look) as context:
            return identify(context, look.plan, which, name, sure=sure)

    def reinstall(self, name: str, erase: str) -> str:
        """Have a machine's disk written anew; `erase` is its name once more, typed by hand."""
        look = self._watching.look()
        try:
            return reinstall_machine(look, name, agreed=erase == name)
        finally:
            self._watching.forget()

    def blink(self, which: str) -> str:
        """Have a machine show itself."""
        look = self._watching.look()
        with look.writing() as context:
            return blink(context, look.plan, which)

    # ---------------------------------------------------------------- the run

    def lost(self, look: Look | None = None) -> tuple[str, ...]:
        """Name the virtual machines that a run would destroy.

        Those that the site file has no more; and those that Terraform would make anew, as the last
        run of this very file found, and therefore ended.
        """
        look = look or self._watching.look()
        if not has_state(look):
            return ()
        same = self.reviewed(look)
        with stored(look) as context:
            gone = built_vms(context.journal) - {each.name for each in look.plan.vms}
            refused = refused_losses(context.journal) if same else frozenset()
        return tuple(sorted(gone | refused))

    def digest(self) -> str:
        """Name the site file's very bytes as they are now."""
        return _digest(self._watching.look().site_file)

    def start(self, digest: str, lose: str = "") -> str:
        """Start the run of a site whose review was just confirmed; `digest` is its file's.

        `lose`: the names of the virtual machines that may be destroyed, typed by hand. No other
        is destroyed by that run, and no other file is run.
        """
        look = self._watching.look()
        lost = self.lost(look)
        if lost and sorted(lose.replace(",", " ").split()) != list(lost):
            raise InputError(
                f"virtual machines would be destroyed with their disks: {', '.join(lost)}",
                where="lose",
                why="the site file has them no more, or asks for what only new ones can have",
                fix="type their names, or take the change of the site file back",
            )
        self._watching.runs.start(look.site_file, look.plan.site_id, may_lose=lost, reviewed=digest)
        self._watching.runs.confirm(look.plan.site_id, digest)
        self._watching.forget()
        return "the run begins"

    def again(self, lose: str = "") -> str:
        """Go on with a run, or try its failed step again.

        Raises InputError for a site file that nobody has looked through as it is now.
        """
        digest = self.digest()
        if not self.reviewed():
            raise InputError(
                "nobody has looked through this site file yet, as it is now",
                where="review",
                why="a run erases disks: what it would do is confirmed first",
                fix="look through it on the page Review, and begin there",
            )
        return self.start(digest, lose)

    def reviewed(self, look: Look | None = None) -> bool:
        """Whether this very site file was run before, or confirmed to be run."""
        look = look or self._watching.look()
        now, site = _digest(look.site_file), look.plan.site_id
        confirmed = self._watching.runs.confirmed(site)
        if confirmed == now:
            return True
        if confirmed == WITHDRAWN or not has_state(look):
            return False
        with stored(look) as context:
            read = [each.inputs for each in context.journal.steps() if each.name == "s1"]
        return read[-1:] == [now]

    def pause(self) -> str:
        """Have the run end its step cleanly; it can go on later."""
        self._watching.runs.stop(self._watching.look().plan.site_id)
        self._watching.forget()
        return "the run ends cleanly; this takes some seconds"

    def cancel(self) -> str:
        """End the run as a pause does, and take back what was confirmed: it is to be asked anew.

        Raises InputError where there is nothing that could go on.
        """
        look = self._watching.look()
        site, now = look.plan.site_id, self._watching.runs.now(look.plan.site_id)
        if now.phase is not Phase.IDLE:
            self._watching.runs.stop(site)
        elif not self.reviewed(look):
            raise InputError("there is nothing to cancel", fix="reload the page")
        self._watching.runs.withdraw(site)
        self._watching.forget()
        return "the run ends cleanly, and goes on only after another review"

    def cancelled(self, look: Look) -> bool:
        """Whether what was confirmed was taken back, and nothing was confirmed since."""
        return self._watching.runs.confirmed(look.plan.site_id) == WITHDRAWN

    def support(self) -> tuple[Path, str]:
        """Write the redacted support file; give it with the code to read over the telephone."""
        look = self._run_before()
        folder = look.paths.site(look.plan.site_id).reports
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = support_of(look, folder / f"support-{look.plan.site_id}.tar.gz")
        return made.path, made.code

    # ---------------------------------------------------------------- the end

    def leaving(self) -> Leaving:
        """Say whether the laptop may be unplugged, and what there is to take along."""
        return leaving(self._watching.seen(fresh=True))

    def report(self) -> Path:
        """Write the report of all that happened."""
        look = self._run_before()
        folder = look.paths.site(look.plan.site_id).reports
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return report_of(look, folder / f"report-web-{secrets.token_hex(4)}.html")

    def sheet(self) -> Path:
        """Give the hand-over sheet. Raises PreflightError where none was written."""
        look = self._watching.look()
        path = look.paths.site(look.plan.site_id).reports / "hand-over.html"
        if not path.is_file():
            raise PreflightError(
                "there is no hand-over sheet yet", fix="it is written at the end of the run"
            )
        return path

    def kubeconfig(self) -> Secret:
        """Give the cluster's kubeconfig, to whoever asked for it by a click."""
        look = self._run_before()
        with stored(look) as context:
            return shown_secret(context, "kubeconfig")

    def export(self, passphrase: Secret) -> bytes:
        """Give the site's whole state, sealed to a passphrase, for another laptop."""
        look = self._run_before()
        site = look.plan.site_id
        with TemporaryDirectory(prefix="bridgehead-") as folder:
            return export_state(site, look.paths, Path(folder) / "state", passphrase).read_bytes()

    def wipe(self, name: str, *, unfinished: bool, files: bool) -> str:
        """Remove what this laptop keeps of the site; `name` is the site's, typed by hand."""
        look = self._watching.look()
        site, runs = look.plan.site_id, self._watching.runs
        if name != site:
            raise InputError(
                f"the name of the site, {site}, is not typed here",
                where="name",
                fix=f"type {site}, if all that this laptop keeps of it may go",
            )
        try:
            wish = WipeWish(agreed=True, unfinished=unfinished, files=files, site=site)
            with runs.quiet(site):
                done = tuple(wipe_site(look.site_file, look.paths, wish))
        finally:
            self._watching.forget()
        return "; ".join(done) or "nothing of this site is kept on this laptop"

    @contextmanager
    def _changing(self, look: Look, *, exclusive: str | None = None) -> Iterator[Context]:
        """Open the site for a change; the page that comes after it shows it."""
        try:
            with look.writing(exclusive=exclusive) as context:
                yield context
        finally:
            self._watching.forget()

    def _run_before(self) -> Look:
        look = self._watching.look()
        if not has_state(look):
            raise InputError("this site was not run yet", fix="start it on the page Run")
        return look

    def _now(self) -> float:
        return self._deps.clock.utc()


def _digest(site_file: Path) -> str:
    """Name the file's very bytes, as s1 does in the journal."""
    return hashlib.sha256(site_file.read_bytes()).hexdigest()


def taken(path: Path, *, keep: bool = True) -> bytes:
    """Read a file that was made to be sent; it goes from the laptop then unless it is to stay."""
    try:
        return path.read_bytes()
    finally:
        if not keep:
            with suppress(OSError):
                path.unlink()
