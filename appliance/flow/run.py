"""The story of a run: each step's input is the output of the one before."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from appliance import advice
from appliance.errors import BridgeheadError, StepError, StopRequestedError
from appliance.flow.context import Context
from appliance.flow.engine import Engine, UntilReachedError
from appliance.flow.reporting import write_report
from appliance.flow.s1_site import SiteStep
from appliance.flow.s2_artifacts import ArtifactsStep
from appliance.flow.s3_boot_services import BootServicesStep, Served
from appliance.flow.s4_machines import MachinesStep, Watched
from appliance.flow.s5_hypervisor import HypervisorStep, Installed
from appliance.flow.s6_vms import VmsStep, VmsWanted
from appliance.flow.s7_cluster import ClusterStep, ClusterWanted
from appliance.flow.s8_handover import HandedOver, HandoverStep
from appliance.flow.secrets import site_secrets
from appliance.flow.vm_states import vm_states
from appliance.machines.state import State
from appliance.tools.redact import Redactor

STEPS = (
    SiteStep,
    ArtifactsStep,
    BootServicesStep,
    MachinesStep,
    HypervisorStep,
    VmsStep,
    ClusterStep,
    HandoverStep,
)
"""In order."""


_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def provision(context: Context) -> None:
    """Take a site from its file to a cluster that answers.

    Raises what a step raises, and StepError if this laptop's disk takes no more.
    """
    try:
        _provision(context)
    except sqlite3.Error as error:
        raise _disk_fault(context, error) from error
    except OSError as error:
        if error.errno in _DISK_FAULTS:
            raise _disk_fault(context, error) from error
        raise


def _disk_fault(context: Context, error: Exception) -> StepError:
    return StepError(
        "the site's state cannot be written",
        where=str(context.site_paths.folder),
        why=str(error),
        fix=f"free disk space, then {advice.continue_run()}",
    )


def _provision(context: Context) -> None:
    bridgehead = version("bridgehead")
    site_secrets(context.vault)  # made before the first word is said, so that none is ever said
    context.redactor = Redactor(context.vault.all())
    context.run = context.journal.begin_run(bridgehead, context.options.interface)
    context.tell(
        "run-started",
        f"Bridgehead {bridgehead} on {context.options.interface}",
        data={
            "version": bridgehead,
            "interface": context.options.interface,
        },
    )
    outcome = "failed"
    try:
        with context.resources, suppress(UntilReachedError):
            _story(Engine(context), context)
        outcome = "done"
    except StopRequestedError:
        outcome = "interrupted"
        raise
    except BridgeheadError as error:
        if context.step is None:
            context.tell("step-failed", str(error), data=error.as_dict())
        raise
    finally:
        context.step = None
        if outcome != "done":
            _report_what_there_is(context, outcome)
        context.journal.end_run(context.run, outcome)
        context.tell(
            "run-ended",
            f"the run is {outcome}",
            data={
                "outcome": outcome,
                "machines": _states(context),
                **({"vms": vms} if (vms := _vms(context)) else {}),
            },
        )


def _report_what_there_is(context: Context, outcome: str) -> None:
    """Leave a report of a run that did not end well, where it got as far as a plan."""
    if context.plan is None:
        return
    try:
        path = write_report(context, context.plan, (), outcome=outcome)
    except OSError as error:
        context.tell("finding", f"no report could be written: {error}")
        return
    context.tell("report", f"the report is {path}", data={"report": str(path)})


def _story(engine: Engine, context: Context) -> None:
    site_file: Path = context.site_file
    plan = context.plan = engine.take(SiteStep(context), site_file)
    files = engine.take(ArtifactsStep(context), plan)
    services = engine.take(BootServicesStep(context), Served(plan, files))
    nodes = engine.take(MachinesStep(context), Watched(plan, services))
    plan = context.plan = nodes.plan  # machines may have been approved meanwhile
    hypervisor = engine.take(HypervisorStep(context), Installed(plan, nodes))
    vms = engine.take(VmsStep(context), VmsWanted(plan, services, hypervisor))
    cluster = engine.take(ClusterStep(context), ClusterWanted(plan, services, vms))
    engine.take(HandoverStep(context), HandedOver(plan, files, services, hypervisor, cluster))


def _vms(context: Context) -> dict[str, str]:
    return {} if context.plan is None else vm_states(context.journal, context.plan)


def _states(context: Context) -> dict[str, str]:
    return {
        each.name: State.READY if each.ready else str(each.record.get("state", State.EXPECTED))
        for each in context.proven.all()
    }
