"""One site's Terraform: prepared, planned, that very plan applied, its state kept safe.

The folder holds the root module (copied in anew each time), the variables, the state and its
backups, the plan that was shown, and the event streams of the last commands. Nothing secret is in
it: secrets go to the hypervisor's own secret objects, and the kubeconfig stays outside.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from appliance import advice
from appliance.errors import StepError, StopRequestedError
from appliance.tools import data
from appliance.tools.terraform import Ended, Patience, TerraformProgram
from appliance.vms import failures
from appliance.vms.changes import Action, Changes, ResourceChange, parse_plan
from appliance.vms.events import Diagnostic, Kind, TfEvent, parse
from appliance.vms.run_folder import APPLY_LOG, DRIFT_PLAN, PLAN, RunFolder, environment
from appliance.vms.versions import init_failure, program_version

OnEvent = Callable[[TfEvent], None]
Existing = Callable[[ResourceChange], str | None]
"""Gives the id of a thing that is to be made and is there already; None where it is not."""

Hopeless = Callable[[], Mapping[str, str]]
"""Gives what will never be ready, in words ("image debian"), each with the reason; or nothing."""

_COMMON = ("-input=false", "-no-color")
_SHORT_SECONDS = 120.0
_INIT_SECONDS = 300.0
_LOOK_SECONDS = 5.0


class Driver:
    """One site's Terraform folder. `program` is `terraform` or `tofu`, as a path or a name.

    Each call raises StepError where it cannot be done, BusyError where another Terraform works on
    the same state, StopRequestedError once `stop` was set; after each, running again continues.
    """

    def __init__(  # noqa: PLR0913 - what a command needs, and its limits
        self,
        folder: Path,
        program: Path,
        mirror: Path,
        kubeconfig: Path,
        on_event: OnEvent,
        stop: threading.Event,
        *,
        modules: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._folder = RunFolder(folder)
        self._mirror = mirror
        self._kubeconfig = kubeconfig
        self._on_event = on_event
        self._stop = stop
        self._modules = modules or data.path("terraform")
        self._patience = patience or Patience()
        self._program = TerraformProgram(program, folder, environment(folder, kubeconfig))

    def prepare(self, variables: Mapping[str, Any]) -> None:
        """Write all that a plan needs, and have it checked; nothing outside the folder is touched.

        A state file torn by a power cut is replaced by its newest good copy, and that is told.
        """
        self._folder.make(self._modules, self._mirror, variables)
        self._program.write_script()
        told = self._program.once("version", "-json", seconds=30)
        program_version(told.code, told.out, told.err)
        for line in self._folder.mend_state():
            self._on_event(TfEvent(Kind.TEXT, line, level="warn"))
        self._init()
        self._validate()

    def _init(self) -> None:
        done = self._program.once("init", *_COMMON, "-reconfigure", seconds=_INIT_SECONDS)
        if not done.ok:
            raise init_failure(done.err or done.out, self._mirrored())

    def _validate(self) -> None:
        done = self._program.once("validate", "-json", "-no-color", seconds=_SHORT_SECONDS)
        if not done.ok:
            raise failures.failure("the check of the modules", _complaints(done.out), {}, done.err)

    def _mirrored(self) -> dict[str, tuple[str, ...]]:
        """Give the providers in the mirror, laid out as host/namespace/name/version."""
        found: dict[str, tuple[str, ...]] = {}
        for path in sorted(self._mirror.glob("*/*/*/*")):
            name = f"{path.parts[-3]}/{path.parts[-2]}"
            found[name] = (*found.get(name, ()), path.name)
        return found

    def plan(self, *, destroy: bool = False, existing: Existing | None = None) -> Changes:
        """Work out what is to be done, and keep that plan for `apply`.

        `existing` is asked for each thing to be made: what is there already, because an apply was
        killed before it was noted, is taken over. What an interrupted apply had made, and was only
        waiting for, is no longer taken for broken.
        """
        self._settle_interrupted()
        self._folder.adopt({})
        if destroy and existing is None:
            return self._planned(PLAN, "-destroy")
        changes = self._planned(PLAN)
        if destroy and existing is not None:
            self._note(_ids(changes, self._leaving_others(existing)))
            return self._planned(PLAN, "-destroy")
        adopted = {} if existing is None else _ids(changes, existing)
        if not adopted:
            return changes
        self._folder.adopt(adopted)
        return self._planned(PLAN)

    def _leaving_others(self, existing: Existing) -> Existing:
        """Take what is another's for nothing: it stops no destruction, and is left alone."""

        def ours(change: ResourceChange) -> str | None:
            try:
                return existing(change)
            except StepError as error:
                self._on_event(TfEvent(Kind.TEXT, f"left alone: {error}", level="warn"))
                return None

        return ours

    def _note(self, ids: Mapping[str, str]) -> None:
        """Write into the state what is there: a plan to destroy heeds no import blocks."""
        if ids:
            self._folder.back_up()
        for address, found in ids.items():
            options = ("-input=false", "-no-color", self._lock_option())
            done = self._program.once("import", *options, address, found, seconds=_INIT_SECONDS)
            if not done.ok:
                raise failures.failure(f"taking over {found}", (), {}, done.err)

    def _planned(self, name: str, *options: str) -> Changes:
        path = self._folder.path / name
        path.unlink(missing_ok=True)
        flags = ("-detailed-exitcode", f"-out={name}", *filter(None, options))
        self._run("the plan", "plan", *flags, self._lock_option(), good=(0, 2))
        path.chmod(0o600)
        shown = self._program.once("show", "-json", "-no-color", name, seconds=_SHORT_SECONDS)
        if not shown.ok:
            raise failures.failure("reading the plan", (), {}, shown.err or shown.out)
        return parse_plan(shown.out, self._folder.plan_digest(name), destroy="-destroy" in options)

    def apply(self, changes: Changes, *, hopeless: Hopeless | None = None) -> None:
        """Do what `changes` shows: that very plan, and no other.

        The state is backed up before. `hopeless` is asked every few seconds: once it names
        something, Terraform is interrupted, because the provider goes on waiting for an image that
        failed its checksum until its time is up. Raises StepError too if the plan is out of date.
        """
        if not changes.plan or changes.plan != self._folder.plan_digest():
            raise failures.stale()
        self._folder.back_up()
        self._folder.note_hopeless(())
        look = _Look(hopeless or dict, self._stop)
        flags = (self._lock_option(), PLAN)
        try:
            self._run("the apply", "apply", *flags, log=APPLY_LOG, stop=look)
        except StopRequestedError:
            if not look.found:
                raise
            self._folder.note_hopeless(look.found)
            raise failures.hopeless(look.found) from None
        self._folder.adopt({})
        (self._folder.path / APPLY_LOG).replace(self._folder.path / f"done.{APPLY_LOG}")

    def drift(self) -> Changes:
        """Look what differs from what was built; nothing is changed, not even the state."""
        self._folder.adopt({})
        try:
            return self._planned(DRIFT_PLAN)
        finally:
            (self._folder.path / DRIFT_PLAN).unlink(missing_ok=True)

    def outputs(self) -> Mapping[str, Any]:
        """Give the outputs of the last apply by name."""
        done = self._program.once("output", "-json", "-no-color", seconds=_SHORT_SECONDS)
        if not done.ok:
            raise failures.failure("reading the outputs", (), {}, done.err)
        return {name: said["value"] for name, said in json.loads(done.out).items()}

    def _settle_interrupted(self) -> None:
        """Lift the taint of what an interrupt left half made: it was made, only not waited for."""
        log = self._folder.path / APPLY_LOG
        if not log.exists():
            return
        events = map(parse, log.read_text(errors="replace").splitlines())
        addresses = cut_short(events, self._folder.hopeless())
        if addresses:
            self._folder.back_up()
        for address in addresses:
            done = self._program.once(
                "untaint", "-allow-missing", self._lock_option(), address, seconds=_SHORT_SECONDS
            )
            self._on_event(TfEvent(Kind.TEXT, (done.out or done.err).strip(), address=address))
        log.unlink()

    def _lock_option(self) -> str:
        return f"-lock-timeout={self._patience.lock}s"

    def _run(
        self,
        what: str,
        command: str,
        *arguments: str,
        good: tuple[int, ...] = (0,),
        log: str = "",
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Run a long command and pass its events on; raise what its failure comes to."""
        if self._stop.is_set():
            raise _stopped()
        watch = _Watch(self._on_event)
        ended = self._program.stream(
            (command, "-json", *_COMMON, *arguments),
            self._folder.path / (log or f"{command}.jsonl"),
            watch.line,
            stop or self._stop.is_set,
            self._patience,
        )
        if ended.code not in good:
            raise self._failed(what, watch, ended)

    def _failed(self, what: str, watch: _Watch, ended: Ended) -> Exception:
        if ended.interrupted:
            return _stopped(killed=ended.killed)
        if watch.refused is not None:
            return watch.refused
        if failures.is_stale(watch.diagnostics):
            return failures.stale()
        holder = self._folder.lock_holder()
        if holder and failures.is_locked(watch.diagnostics):
            return failures.busy(watch.diagnostics, holder)
        if ended.code < 0:
            return StepError(
                f"{what} ended in the middle",
                why=f"Terraform was ended by signal {-ended.code}",
                fix="run again: what is there already is taken over",
            )
        return failures.failure(what, watch.diagnostics, watch.last, ended.err)


class _Watch:
    """Reads a stream: passes events on, keeps the complaints and the last word on each resource."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self.diagnostics: list[Diagnostic] = []
        self.last: dict[str, str] = {}
        self.refused: StepError | None = None

    def line(self, line: str) -> None:
        try:
            event = parse(line)
        except StepError as error:
            self.refused = error
            return
        if event.diagnostic is not None:
            self.diagnostics.append(event.diagnostic)
        elif event.address:
            self.last[event.address] = event.text
        self._on_event(event)


class _Look:
    """Says whether to stop: as the operator asked, or because something will never be ready."""

    def __init__(self, hopeless: Hopeless, stop: threading.Event) -> None:
        self._hopeless = hopeless
        self._stop = stop
        self._next = time.monotonic() + _LOOK_SECONDS
        self.found: Mapping[str, str] = {}

    def __call__(self) -> bool:
        if not self.found and time.monotonic() >= self._next:
            self.found = self._hopeless()
            self._next = time.monotonic() + _LOOK_SECONDS
        return bool(self.found) or self._stop.is_set()


def cut_short(events: Iterable[TfEvent], hopeless: Collection[str] = ()) -> tuple[str, ...]:
    """Give the addresses that were being made when an interrupt came. Pure.

    What is `hopeless`, in words, is not among them: it is to be made anew.
    """
    interrupted, found = False, []
    for event in events:
        if event.kind is Kind.LOG and event.text.startswith("Interrupt received"):
            interrupted = True
        elif interrupted and event.kind is Kind.APPLY_ERRORED and event.action == "create":
            found += [event.address] if event.what not in hopeless else []
    return tuple(found)


def _ids(changes: Changes, existing: Existing) -> dict[str, str]:
    made = (each for each in changes.resources if each.action is Action.MAKE)
    found = ((each.address, existing(each)) for each in made)
    return {address: there for address, there in found if there is not None}


def _complaints(text: str) -> tuple[Diagnostic, ...]:
    """Read what `validate -json` found."""
    try:
        found = json.loads(text)["diagnostics"]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(
        Diagnostic(each.get("severity", ""), each.get("summary", ""), each.get("detail") or "")
        for each in found
    )


def _stopped(*, killed: bool = False) -> StopRequestedError:
    return StopRequestedError(
        "Terraform was stopped as asked",
        why="it did not end by itself in time, and was killed" if killed else "",
        fix=advice.continue_run(),
    )
