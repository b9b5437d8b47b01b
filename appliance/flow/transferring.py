"""`provision export state` and `provision import`: a site's state for a second laptop or visit.

Exported: main.db (journal, frozen values, vault), leases, Terraform's state, reports. The vault's
secrets are sealed to the passphrase on the way, and to the new laptop's own key at its end.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path, PurePosixPath

from appliance import advice
from appliance.errors import InputError, PreflightError
from appliance.handover.sealed import about, seal, unseal
from appliance.paths import Paths, SitePaths
from appliance.store.database import open_database
from appliance.store.lock import hold
from appliance.store.vault import Vault, host_key
from appliance.tools.clock import Clock, as_text
from appliance.tools.whole_file import asked_for
from appliance.values import Secret

_VAULT = "vault.json"
_FOLDERS = ("terraform", "reports")
_LEFT_OUT = (".terraform", "kubeconfig", "terraform.rc")
"""Of Terraform's folder: what the next run makes anew."""


def export_state(site_id: str, paths: Paths, out: Path, passphrase: Secret) -> Path:
    """Write a site's whole state into one sealed file, mode 0600; give its path.

    Raises PreflightError if the site was never run here, BusyError while a run goes on, InputError
    for a passphrase that is too short or where `out` cannot be written.
    """
    site = paths.site(site_id)
    if not site.database.exists():
        raise PreflightError(
            f"there is no state of the site {site_id} on this laptop",
            where=str(site.folder),
            fix=advice.same_state(),
        )
    now = as_text(Clock.of_this_machine().utc())
    with hold(site.lock, who="provision export", since=now):
        content = _pack(site, host_key(paths.host_key))
    sealed = seal(content, passphrase, about={"site": site_id, "exported": now})
    with asked_for(out) as file:
        file.write(sealed)
    return out


def import_state(
    file: Path, paths: Paths, passphrase: Callable[[], Secret], *, replace: bool = False
) -> str:
    """Take over a site's state from a sealed file; give the site's id.

    `passphrase` is asked for once nothing but it can be wrong. Nothing is changed unless all of it
    is there. Raises InputError for a file that does not open, PreflightError if the site is
    known here already and `replace` is not said, BusyError.
    """
    try:
        sealed = file.read_bytes()
    except OSError as error:
        raise InputError(
            "the file cannot be read", where=str(file), why=error, fix=advice.sealed_state()
        ) from error
    site_id = about(sealed, where=str(file)).get("site", "")
    try:
        site = paths.site(site_id)
    except ValueError as error:
        raise InputError(
            "the file names no site",
            where=str(file),
            why=error,
            fix="bring it once more: it was changed after it was written",
        ) from error
    if site.database.exists() and not replace:
        raise PreflightError(
            f"this laptop has a state of the site {site_id} already",
            where=str(site.folder),
            why="what was done from here would be forgotten",
            fix=f"{advice.newer_state()}; the old state is kept beside it",
        )
    content = unseal(sealed, passphrase(), where=str(file))
    now = as_text(Clock.of_this_machine().utc())
    paths.root.mkdir(parents=True, exist_ok=True, mode=0o711)
    with hold(site.lock, who="provision import", since=now):
        draft = Path(tempfile.mkdtemp(dir=paths.root, prefix=f".{site_id}-"))
        try:
            draft.chmod(0o711)
            _unpack(content, draft, host_key(paths.host_key))
            _take_place(draft, site, f"{site_id}.before-{now.replace(':', '')}")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return site_id


def _pack(site: SitePaths, key: Secret) -> bytes:
    buffer = io.BytesIO()
    with (
        tempfile.TemporaryDirectory(dir=site.folder, prefix=".export-") as folder,
        tarfile.open(fileobj=buffer, mode="w:xz", preset=1) as tar,
    ):
        copy = Path(folder) / "main.db"
        secrets = _copy_without_secrets(site.database, copy, key)
        tar.add(copy, "main.db")
        _add_bytes(tar, _VAULT, json.dumps(secrets).encode())
        leases = site.boot / "boot.db"
        if leases.exists():
            copied = Path(folder) / "boot.db"
            _copy_database(leases, copied)
            tar.add(copied, "boot/boot.db")
        for name in _FOLDERS:
            if (site.folder / name).is_dir():
                tar.add(site.folder / name, name, filter=_wanted)
    return buffer.getvalue()


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if PurePosixPath(entry.name).name in _LEFT_OUT or not (entry.isfile() or entry.isdir()):
        return None
    return entry


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))


def _copy_without_secrets(database: Path, copy: Path, key: Secret) -> dict[str, str]:
    """Copy main.db; give its secrets, which are not in the copy."""
    with closing(open_database(database)) as original:
        vault = Vault(original, key)
        names = [row["name"] for row in original.execute("SELECT name FROM vault")]
        secrets = {name: found.reveal() for name in names if (found := vault.get(name))}
        with closing(sqlite3.connect(copy)) as target:
            original.backup(target)
            target.execute("DELETE FROM vault")
            # What the first laptop has yet to take back is not the second one's to do.
            target.execute("DELETE FROM left_behind")
            target.commit()
            target.execute("VACUUM")
    return secrets


def _copy_database(original: Path, copy: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{original}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def _unpack(content: bytes, folder: Path, key: Secret) -> None:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:xz") as tar:
        for entry in tar:
            _extract(tar, entry, folder)
    secrets = json.loads((folder / _VAULT).read_text("utf-8"))
    (folder / _VAULT).unlink()
    with closing(open_database(folder / "main.db")) as connection:
        vault = Vault(connection, key)
        for name, value in secrets.items():
            vault.put(name, Secret(value))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _extract(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    """Extract one file into its place; of a name that leads elsewhere, nothing."""
    name = PurePosixPath(entry.name)
    content = tar.extractfile(entry) if entry.isfile() else None
    if content is None or name.is_absolute() or ".." in name.parts:
        return
    target = folder / name
    # boot.db is read by a process without rights: its folder is given to it by the next run.
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file)


def _take_place(draft: Path, site: SitePaths, aside: str) -> None:
    """Put the new state where the site's is; what was there is kept beside it."""
    old = [each for each in site.folder.iterdir() if each != site.lock]
    if old:
        kept = site.folder / aside
        kept.mkdir(mode=0o700)
        for each in old:
            if not each.name.startswith(site.folder.name + ".before-"):
                each.rename(kept / each.name)
    for each in draft.iterdir():
        each.rename(site.folder / each.name)
