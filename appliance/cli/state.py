"""The verbs for what is kept of a site: its state for a second laptop, its secrets for people."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import JsonAnswer, SiteFile, StateFolder, Yes
from appliance.cli.printing import print_text
from appliance.cli.secret_file import given_secret
from appliance.flow.drifting import drift_of
from appliance.flow.inventories import inventory_text
from appliance.flow.looking import look_at
from appliance.flow.shown_secrets import NAMES, secrets_as_text, shown_secret
from appliance.flow.transferring import export_state, import_state
from appliance.flow.wiping import WipeWish, wipe_site
from appliance.paths import Paths
from appliance.tools.whole_file import asked_for
from appliance.values import Secret

DRIFT = 5
"""The exit code of drift found."""

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="Read the passphrase from this file's first line.",
        readable=False,
    ),
]

export_app = typer.Typer(no_args_is_help=True, help="Write what is kept of a site into a file.")


@export_app.command("state")
def export_a_state(
    site: SiteFile,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    passphrase_file: PassphraseFile = None,
    state: StateFolder = Paths().root,
) -> None:
    """Write the whole state of a site, sealed to a passphrase, for a second laptop or visit."""
    look = look_at(site, Paths(state))
    passphrase = given_secret("passphrase", "Passphrase", passphrase_file)
    print_text(str(export_state(look.plan.site_id, look.paths, out, passphrase)))


def import_a_state(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What 'export state' wrote.", readable=False)
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of the state that is here.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    state: StateFolder = Paths().root,
) -> None:
    """Take over the state of a site from the file that another laptop wrote."""

    def passphrase() -> Secret:
        return given_secret("passphrase", "Passphrase", passphrase_file, twice=False)

    site_id = import_state(file, Paths(state), passphrase, replace=replace)
    print_text(f"this laptop goes on with the site {site_id}")


@export_app.command("inventory")
def export_an_inventory(
    site: SiteFile,
    out: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The file to write; else the screen.")
    ] = None,
    state: StateFolder = Paths().root,
) -> None:
    """Write the cluster as an Ansible inventory that rke2-ansible takes too. It holds no secret."""
    look = look_at(site, Paths(state))
    text = inventory_text(look)
    if out is None:
        print_text(text.rstrip("\n"))
        return
    with asked_for(out, 0o666) as file:
        file.write(text.encode())
    print_text(str(out))


def show_drift(
    site: SiteFile, as_json: JsonAnswer = False, state: StateFolder = Paths().root
) -> None:
    """Say what differs from what was built. Nothing is changed; exit 5 if anything differs."""
    look = look_at(site, Paths(state))
    with look.writing(exclusive="provision drift") as context:
        found = drift_of(context, look.plan)
    if as_json:
        print_text(json.dumps({"site": look.plan.site_id, "drift": list(found)}))
    else:
        print_text("\n".join(found) if found else "all is as it was built")
    if found:
        raise typer.Exit(DRIFT)


def show_secret(
    site: SiteFile,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(NAMES)}.")] = "",
    yes: Yes = False,
    state: StateFolder = Paths().root,
) -> None:
    """Print one secret of a site, for whoever stays; without a name, list what there is."""
    look = look_at(site, Paths(state))
    with look.reading() as context:
        if not name:
            for line in secrets_as_text(context):
                print_text(line)
            return
        found = shown_secret(context, name)
    if not yes and sys.stdout.isatty() and not typer.confirm("Does nobody look at this screen?"):
        raise typer.Abort
    print_text(found.reveal().rstrip("\n"))


def write_kubeconfig(
    site: SiteFile,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it here (0600), not to the screen.")
    ] = None,
    state: StateFolder = Paths().root,
) -> None:
    """Give the kubeconfig of the site's cluster."""
    with look_at(site, Paths(state)).reading() as context:
        found = shown_secret(context, "kubeconfig")
    if out is None:
        print_text(found.reveal().rstrip("\n"))
        return
    with asked_for(out) as file:
        file.write(found.reveal().encode())
    print_text(f"{out}: export KUBECONFIG={out}")


def wipe_a_site(
    site: SiteFile,
    files: Annotated[
        bool, typer.Option("--files", help="Its files in the depot as well, if nobody shares them.")
    ] = False,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Also where the site is not finished.")
    ] = False,
    yes: Yes = False,
    state: StateFolder = Paths().root,
) -> None:
    """Remove what this laptop keeps of a site: journal, secrets, leases, reports."""
    lines = list(wipe_site(site, Paths(state), WipeWish(yes, unfinished, files)))
    print_text("\n".join(lines) if lines else "nothing of this site is kept on this laptop")
