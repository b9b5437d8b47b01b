"""Flags of upstream's two commands, from files, arguments and variables."""

from __future__ import annotations

import pytest

from appliance.lab.rke2.program import flags
from appliance.lab.rke2.program.log import FatalError


def test_arguments_are_read_in_both_forms() -> None:
    """`--name value`, `--name=value`, a switch without a value, a short name."""
    found = flags.from_arguments(
        "rke2",
        "server",
        ["--node-name", "cp1", "--tls-san=a", "--tls-san", "b", "--selinux", "-t", "x"],
    )
    assert found == {
        "node-name": ["cp1"],
        "tls-san": ["a", "b"],
        "selinux": ["true"],
        "token": ["x"],
    }


@pytest.mark.parametrize("word", ["--nodename", "stray", "--https-listen-port=1"])
def test_what_is_no_flag_is_refused(word: str) -> None:
    """A K3s flag that RKE2 has dropped is none of RKE2's."""
    with pytest.raises(FatalError, match="flag provided but not defined"):
        flags.from_arguments("rke2", "server", [word])


def test_k3s_has_flags_of_its_own() -> None:
    """`cluster-init` is K3s' alone, `profile` RKE2's."""
    assert flags.from_arguments("k3s", "server", ["--cluster-init"]) == {"cluster-init": ["true"]}
    with pytest.raises(FatalError):
        flags.from_arguments("k3s", "server", ["--profile=cis"])


def test_a_misspelt_key_of_a_file_is_refused() -> None:
    """Upstream skips it with a warning; here it is met."""
    with pytest.raises(FatalError, match=r"Unknown flag --tls-sans found in config\.yaml"):
        flags.from_document("rke2", "server", {"tls-sans": ["a"]}, "config.yaml")


def test_an_agent_leaves_out_what_is_for_servers() -> None:
    """One file may be written to all members."""
    document = {"tls-san": ["a"], "token": "x", "cni": "canal"}
    assert flags.from_document("rke2", "agent", document, "config.yaml") == {"token": ["x"]}


def test_values_of_a_file_become_texts() -> None:
    """Numbers, switches, lists and nothing."""
    document = {
        "node-label": ["a=1", "b=2"],
        "selinux": True,
        "lb-server-port": 6444,
        "debug": None,
    }
    assert flags.from_document("rke2", "server", document, "config.yaml") == {
        "node-label": ["a=1", "b=2"],
        "selinux": ["true"],
        "lb-server-port": ["6444"],
        "debug": [""],
    }


@pytest.mark.parametrize("document", [["token"], "token", 3])
def test_a_file_that_is_no_map_is_refused(document: object) -> None:
    """A list of words is no configuration."""
    with pytest.raises(FatalError, match="not a map"):
        flags.from_document("rke2", "server", document, "config.yaml")


def test_a_later_file_wins_unless_its_key_goes_on() -> None:
    """`config.yaml.d`: a key with + at its end adds to the list."""
    under = {"tls-san": ["a"], "token": ["x"]}
    assert flags.lay_over(under, {"tls-san+": ["b"], "token": ["y"]}) == {
        "tls-san": ["a", "b"],
        "token": ["y"],
    }


def test_variables_fill_what_is_not_given() -> None:
    """`RKE2_TOKEN` and others stand behind file and arguments."""
    variables = {"RKE2_TOKEN": "v", "RKE2_URL": "https://a:9345", "K3S_NODE_NAME": "no"}
    given = flags.with_environment({"token": ["x"]}, variables, "rke2")
    assert given == {"token": ["x"], "server": ["https://a:9345"]}


def test_arguments_stand_after_the_file() -> None:
    """So that the last value is the argument's, and a list goes on."""
    joined = flags.with_arguments({"tls-san": ["a"]}, {"tls-san": ["b"]})
    assert joined == {"tls-san": ["a", "b"]}


def test_help_names_every_flag() -> None:
    """Switches without a value."""
    text = flags.usage("rke2", "agent", flags.known("rke2", "agent"))
    assert "--node-ip value" in text
    assert "--selinux\n" in text
    assert "tls-san" not in text
