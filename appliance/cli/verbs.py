"""The verbs of `provision`: one face over the flow. It parses, calls, prints; nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.discovery import approve, blink_machine, identify_machine, show_status
from appliance.cli.laptop import OfLaptop, install_here, show_laptop, undo_laptop
from appliance.cli.options import (
    ClockIsRight,
    DryRun,
    InterfaceName,
    Json,
    JsonAnswer,
    MayLose,
    Proxy,
    Reviewed,
    SinglePort,
    SiteFile,
    StateFolder,
    Until,
    Yes,
)
from appliance.cli.power import power_app
from appliance.cli.printing import FetchProgress, print_text
from appliance.cli.running import Wish, check_site, run_site, undo_whole_site
from appliance.cli.state import (
    export_app,
    import_a_state,
    show_drift,
    show_secret,
    wipe_a_site,
    write_kubeconfig,
)
from appliance.cli.web import serve_wizard
from appliance.errors import InputError
from appliance.flow.looking import look_at
from appliance.flow.reinstalling import reinstall_machine
from appliance.flow.reporting import report_of, support_of
from appliance.flow.stage1_image import built_stage1, stage1_cache, stage1_folder
from appliance.flow.stocking import fetching, shown_files, stock
from appliance.flow.undoing import undo_site
from appliance.handover.short_code import decode_short_code
from appliance.paths import Paths
from appliance.site.schema import schema_json
from appliance.site.show import plan_json, plan_text

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Takes a site from bare machines to a working cluster, from one file.",
)


@app.command()
def run(
    site: SiteFile,
    interface: InterfaceName = "",
    until: Until = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    yes: Yes = False,
    clock_is_right: ClockIsRight = False,
    may_lose: MayLose = None,
    reviewed: Reviewed = "",
    proxy: Proxy = False,
    single_port: SinglePort = False,
    state: StateFolder = Paths().root,
) -> None:
    """Do everything. The same command again continues."""
    if dry_run:
        plan(site, as_json, state=state)
        return
    run_site(
        Wish(
            site,
            Paths(state),
            interface,
            until,
            as_json,
            yes,
            proxy,
            single_port,
            clock_is_right,
            frozenset(may_lose or ()),
            reviewed,
        )
    )


@app.command()
def check(
    site: SiteFile,
    interface: InterfaceName = "",
    as_json: Json = False,
    yes: Yes = False,
    proxy: Proxy = False,
    state: StateFolder = Paths().root,
) -> None:
    """Look whether a run could start: site file, files, laptop, wire. Nothing is changed."""
    check_site(Wish(site, Paths(state), interface, None, as_json, yes, proxy))


@app.command()
def plan(
    site: SiteFile,
    as_json: JsonAnswer = False,
    laptop: OfLaptop = False,
    interface: InterfaceName = "",
    state: StateFolder = Paths().root,
) -> None:
    """Print every address, name, URL and file that a run would use."""
    worked_out = look_at(site, Paths(state)).plan
    files = shown_files(worked_out)
    print_text(plan_json(worked_out, files) if as_json else plan_text(worked_out, files))
    if laptop:
        show_laptop(interface)


@app.command()
def fetch(
    site: SiteFile,
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="Import from this folder, not from upstream; several times.",
            readable=False,
        ),
    ] = None,
    mirror: Annotated[
        str, typer.Option("--mirror", help="Fetch from a mirror with upstream's layout.")
    ] = "",
    accept_ipxe: Annotated[
        bool, typer.Option("--accept-ipxe", help="Take iPXE builds of unrecorded checksums.")
    ] = False,
    keyring: Annotated[
        Path | None, typer.Option("--keyring", help="Check signed lists with this keyring.")
    ] = None,
    as_json: Json = False,
    state: StateFolder = Paths().root,
) -> None:
    """Fetch, or import from a folder, and verify every file that the site needs."""
    paths = Paths(state)
    worked_out = look_at(site, paths).plan
    show = FetchProgress(as_json=as_json)
    cache = stage1_cache()
    with fetching(paths, worked_out.site_id):
        stage1 = built_stage1(cache) if folders else stage1_folder(cache, show.say)
        gathered = stock(
            worked_out,
            paths,
            folder=folders,
            stage1=stage1,
            mirror=mirror,
            accept_ipxe=accept_ipxe,
            keyring=keyring,
            progress=show.progress,
        )
    for each in gathered:
        show.done(each.file.name, each.how, each.file.size, str(each.file.digest), each.trust)


app.command("status")(show_status)
app.command("approve")(approve)
app.command("identify")(identify_machine)
app.command("blink")(blink_machine)


@app.command("reinstall")
def install_anew(
    site: SiteFile,
    node: Annotated[str, typer.Argument(metavar="NODE", help="The machine's name.")],
    yes: Yes = False,
    state: StateFolder = Paths().root,
) -> None:
    """Re-arm an installed machine: its disk is written anew at its next network boot."""
    print_text(reinstall_machine(look_at(site, Paths(state)), node, agreed=yes))


@app.command()
def undo(
    site: Annotated[
        Path | None,
        typer.Argument(metavar="SITE", help="The site file, site.yaml.", readable=False),
    ] = None,
    whole_site: Annotated[
        bool,
        typer.Option("--site", help="Take the site down as well: virtual machines are destroyed."),
    ] = False,
    laptop: OfLaptop = False,
    interface: InterfaceName = "",
    yes: Yes = False,
    state: StateFolder = Paths().root,
) -> None:
    """Take back what a killed run left on this laptop; with --site, take the site down first."""
    if site is None and (whole_site or not laptop):
        raise InputError("what is to be taken back?", fix="name the site file, or say --laptop")
    if site is not None:
        _undo_runs(site, Paths(state), interface, whole_site=whole_site, yes=yes)
    if laptop:
        undo_laptop()


def _undo_runs(site: Path, paths: Paths, interface: str, *, whole_site: bool, yes: bool) -> None:
    if whole_site:
        undo_whole_site(Wish(site, paths, interface, None, as_json=False, yes=yes))
    done = 0
    for line in undo_site(site, paths):
        done += 1
        print_text(line)
    if not done and not whole_site:
        print_text("nothing is left to take back on this laptop")


@app.command()
def report(
    site: SiteFile,
    out: Annotated[Path | None, typer.Option("--out", help="Write the page here.")] = None,
    state: StateFolder = Paths().root,
) -> None:
    """Write the report: one page with every machine's and every step's history."""
    print_text(str(report_of(look_at(site, Paths(state)), out)))


@app.command()
def support(
    site: SiteFile,
    out: Annotated[Path | None, typer.Option("--out", help="Write the file here.")] = None,
    state: StateFolder = Paths().root,
) -> None:
    """Write one redacted file for whoever helps, and a short code to read over the phone."""
    made = support_of(look_at(site, Paths(state)), out)
    print_text(f"{made.path}\nshort code: {made.code}")


@app.command("read-code")
def read_code(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="As it was read out, such as 2J46-8HHG.")
    ],
) -> None:
    """Say what a short code means, to whoever helps over the telephone."""
    standing = decode_short_code(code)
    print_text(
        f"the run: {standing.outcome}; step: {standing.step}; "
        f"error: {f'BH{standing.error:03d}' if standing.error else 'none'}; "
        f"worst machine: {standing.state}; not ready: {standing.not_ready} of {standing.machines}"
    )


app.command("install")(install_here)
app.add_typer(export_app, name="export")
app.add_typer(power_app, name="power")
app.command("import")(import_a_state)
app.command("wipe")(wipe_a_site)
app.command("drift")(show_drift)
app.command("secret")(show_secret)
app.command("kubeconfig")(write_kubeconfig)
app.command("web")(serve_wizard)


@app.command()
def rehearse(
    site: SiteFile,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the site running.")] = False,
    as_json: Json = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where disks, consoles and reports go.")
    ] = None,
) -> None:
    """Rehearse the whole site in emulation, with real firmware, before anyone travels."""
    from appliance.lab.rehearse import rehearse_site  # noqa: PLC0415 - the lab is not on a laptop

    raise typer.Exit(rehearse_site(site, keep=keep, as_json=as_json, folder=folder))


@app.command()
def schema() -> None:
    """Print the JSON Schema of site.yaml."""
    print_text(schema_json())


def obey(arguments: list[str]) -> int:
    """Do what the command line says; give the exit code.

    Raises BridgeheadError, and KeyboardInterrupt where it was broken off.
    """
    try:
        code = app(arguments, prog_name="provision", standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        verb = context.command_path if context is not None else "provision"
        raise InputError(
            error.format_message(), where="the command line", fix=f"see '{verb} --help'"
        ) from error
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0
