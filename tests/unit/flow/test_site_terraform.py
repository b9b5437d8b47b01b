"""Terraform is put together where all of it is there. Used: tests/terraform, tests/lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ArtifactError, PreflightError
from appliance.flow.site_terraform import KUBECONFIG, SiteTerraform
from appliance.tools.secret_folder import bases
from appliance.values import Secret
from tests.site_files import whole_plan
from tests.unit.flow.support import context_in


def test_without_a_kubeconfig_the_site_is_to_be_run_first(tmp_path: Path) -> None:
    """Nothing is unpacked for nothing."""
    with (
        context_in(tmp_path) as context,
        pytest.raises(PreflightError, match="not here yet"),
        SiteTerraform(context, whole_plan(), None).opened(),
    ):
        pass


def test_without_the_program_it_is_said_where_to_get_it(tmp_path: Path) -> None:
    """And the kubeconfig was laid out nowhere."""
    before = {each for base in bases() if base.is_dir() for each in base.iterdir()}
    with context_in(tmp_path) as context:
        context.vault.put(KUBECONFIG, Secret("apiVersion: v1"))
        with (
            pytest.raises(ArtifactError, match="terraform"),
            SiteTerraform(context, whole_plan(), None).opened(),
        ):
            pass
    after = {each for base in bases() if base.is_dir() for each in base.iterdir()}
    assert after <= before
