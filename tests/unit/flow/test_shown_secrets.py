"""People get the secrets they may ask for, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError, PreflightError
from appliance.flow.secrets import site_secrets
from appliance.flow.shown_secrets import NAMES, secrets_as_text, shown_secret
from appliance.values import Secret
from tests.unit.flow.support import context_in


def test_a_named_secret_is_given(tmp_path: Path) -> None:
    """What the run sealed comes out."""
    with context_in(tmp_path) as context:
        made = site_secrets(context.vault)
        assert shown_secret(context, "hypervisor-password").reveal() == made.password.reveal()
        assert shown_secret(context, "ssh-key").reveal() == made.ssh_key.reveal()


def test_others_stay_shut(tmp_path: Path) -> None:
    """A host key of a machine is nobody's to see, though the vault has it."""
    with context_in(tmp_path) as context:
        context.vault.put("vm.server1.host_key", Secret("private"))
        with pytest.raises(InputError, match="no secret is called"):
            shown_secret(context, "vm.server1.host_key")


def test_what_is_not_made_yet_is_said(tmp_path: Path) -> None:
    """A cluster that is not there has no kubeconfig."""
    with context_in(tmp_path) as context, pytest.raises(PreflightError, match="not there yet"):
        shown_secret(context, "kubeconfig")


def test_the_list_says_what_is_not_made_yet(tmp_path: Path) -> None:
    """Of a site never run that is all of them; what is there stands there without a word more."""
    with context_in(tmp_path) as context:
        assert all(each.endswith(": not there yet") for each in secrets_as_text(context))
        made = site_secrets(context.vault)
        lines = {each.split()[0]: each for each in secrets_as_text(context)}
        assert lines.keys() == NAMES.keys()
        there = {name for name, line in lines.items() if not line.endswith("not there yet")}
        assert {"hypervisor-password", "ssh-key"} <= there
        assert "kubeconfig" not in there
        assert made.password.reveal() not in "".join(lines.values())
