"""What the playbook is given, and that the units it writes are shut in."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ruamel.yaml import YAML

from appliance.errors import InputError
from appliance.site.artifact_names import registry_files
from appliance.site.plan import Plan
from appliance.staging.config import FillConfig, ServeConfig, StagedFile
from appliance.staging.inventory import inventory, staged_names
from tests.plans import plan
from tests.staged import staged

ROLE = Path(__file__).resolve().parents[3] / "playbooks" / "roles" / "staging"
IMAGE = "site-hello.oci.tar"
FULL = staged(images=(IMAGE,))


def files_of(wanted: Plan) -> dict[str, StagedFile]:
    """Give a file of every name that is wanted."""
    names = (registry_files().archive, IMAGE, *staged_names(wanted))
    return {name: StagedFile(name, len(name), f"{at:064x}") for at, name in enumerate(names)}


def variables(**without: str) -> dict[str, Any]:
    """Give the one host's variables."""
    files = {name: file for name, file in files_of(FULL).items() if name not in without.values()}
    made = inventory(FULL, files, bundle="/run/bundle.tar.gz", bundle_sha256="ab" * 32)
    assert list(made["staging_machines"]["hosts"]) == ["staging"]
    given: dict[str, Any] = made["staging_machines"]["hosts"]["staging"]
    return given


def test_the_laptop_is_named_only_where_things_are_fetched_from() -> None:
    """What is written to the machine and answered there does not know it."""
    given = variables()
    laptop = str(FULL.provisioning.bridge)
    for name in ("staging_serve_config", "staging_registry_config"):
        assert not re.search(rf"\b{re.escape(laptop)}\b", str(given[name]))
    assert all(each["url"].startswith(f"http://{laptop}/a/") for each in given["staging_files"])
    served = ServeConfig.from_json(given["staging_serve_config"])
    assert [each for each in served.hosts if each[0] == "cluster"] == [
        each for each in FULL.hosts if each[0] == "cluster"
    ]
    assert (served.name, served.address) == ("staging", FULL.services)


def test_what_another_member_needs_stays() -> None:
    """The cluster's artifacts and kubectl; the registry's archive is fetched, not offered."""
    given = variables()
    served = ServeConfig.from_json(given["staging_serve_config"])
    assert [each.name for each in served.files] == [
        "rke2.linux-amd64.tar.gz",
        "kubectl-v1.36.3-linux-amd64",
    ]
    assert given["staging_files"][0]["name"] == registry_files().archive
    filled = FillConfig.from_json(given["staging_fill_config"])
    assert [each.url for each in filled.images] == [f"{FULL.base_url}/a/{IMAGE}"]
    assert filled.program == f"{given['staging_registry']}/registry"


def test_other_content_of_the_bundle_is_another_folder() -> None:
    """So that the new one is started, and nothing of the old one is imported."""
    assert variables()["staging_programs"].endswith("/staging-abababababab")


@pytest.mark.parametrize("name", [registry_files().archive, IMAGE, "rke2.linux-amd64.tar.gz"])
def test_a_file_that_nobody_vouches_for_is_named(name: str) -> None:
    """Before anything is touched."""
    with pytest.raises(InputError, match=re.escape(name)):
        variables(name=name)


def test_a_site_without_a_staging_machine_has_none() -> None:
    """And one without a cluster keeps no files."""
    with pytest.raises(InputError, match="no staging machine"):
        inventory(plan(), {}, bundle="", bundle_sha256="")
    assert staged_names(plan()) == ()


def units(folder: Path) -> list[Path]:
    """Write the units as the role does."""
    shared = YAML(typ="safe").load(ROLE / "vars" / "main.yml")
    written = []
    for name in shared["staging_units"]:
        text = (ROLE / "templates" / f"{name}.j2").read_text()
        template = jinja2.Template(text, undefined=jinja2.StrictUndefined, trim_blocks=True)
        path = folder / name
        path.write_text(template.render(**shared, **variables()))
        written.append(path)
    return written


def test_every_unit_is_shut_in(tmp_path: Path) -> None:
    """systemd's own judgement is below 3.0, and no unit runs as root."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in units(tmp_path):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        assert found, done.stderr
        assert float(found[1]) < 3.0
        assert "User=bridgehead-staging\n" in unit.read_text()


def test_the_machine_is_looked_at_in_one_go() -> None:
    """Plain sh, which changes nothing and says what it found as JSON."""
    shared = YAML(typ="safe").load(ROLE / "vars" / "main.yml")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters["quote"] = shlex.quote
    text = environment.from_string((ROLE / "templates" / "look.sh.j2").read_text())
    here, absent = str(Path(__file__)), "/nonexistent/of bridgehead"
    given = {"staging_folders": [str(ROLE), absent], "staging_seen_paths": [here, absent]}
    script = text.render(**{**shared, **variables(), **given})
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["missing_folders"] == [absent]
    assert list(seen["files"]) == [here]
    assert seen["files"][here].endswith(hashlib.sha256(Path(here).read_bytes()).hexdigest())
    assert (seen["user"], seen["unpacked"], seen["running"], seen["filled"]) == (False,) * 4


def test_every_variable_of_the_role_is_given() -> None:
    """Its defaults only say what they mean."""
    defaults = YAML(typ="safe").load(ROLE / "defaults" / "main.yml")
    assert set(variables()) == {*defaults, "ansible_host"}
