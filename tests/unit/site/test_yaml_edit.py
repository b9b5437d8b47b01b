"""Site files are changed where they differ, and nowhere else."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import InputError
from appliance.site.yaml_edit import rewritten
from appliance.site.yaml_text import Value, read_yaml

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()

REMARKED = """\
# Before all.
site: alpha   # the place's own name

# The networks, as agreed with the site on Tuesday.
networks:
  # Only this one.
  main:
    cidr: 10.20.0.0/24 # from the IT department
    dns:
      # Theirs.
      - 10.20.0.3  # in the cellar
      - '10.20.0.4'
      # Nothing below.

# The machines.
hypervisor:
  harvester: "v1.8.2"   # not newer!
  machines: {hv1: {mac: 52:54:00:12:34:56, # the left port
                   serial: '0012'}}
# The end.
"""


def data_of(text: str) -> dict[str, Value]:
    """Read a text that is a map."""
    read = read_yaml(text, "site.yaml")
    assert isinstance(read.data, dict), read.findings
    return read.data


def changed(text: str, *path: str | None, to: Value | None) -> str:
    """Change one value of a text; None takes it out."""
    wanted = copy.deepcopy(data_of(text))
    *parents, last = path
    holder: Value = wanted
    for part in parents:
        assert isinstance(holder, dict)
        assert part is not None
        holder = holder.setdefault(part, {})
    assert isinstance(holder, dict)
    assert last is not None
    if to is None:
        del holder[last]
    else:
        holder[last] = to
    after = rewritten(text, wanted)
    assert data_of(after) == wanted
    return after


def remarks(text: str) -> list[str]:
    """Give all comments of a text in their order."""
    return re.findall(r"(?:^|(?<=\s))#.*", text, re.MULTILINE)


@pytest.mark.parametrize("text", [THREE, REMARKED, THREE.replace("\n", "\r\n")])
def test_what_is_wanted_already_stays_to_the_octet(text: str) -> None:
    """A form that changes nothing changes nothing."""
    assert rewritten(text, data_of(text)) == text


def test_one_value_changes_one_place() -> None:
    """Blanks and the remark behind a value stay."""
    after = changed(REMARKED, "site", to="beta")

    assert after == REMARKED.replace("site: alpha   #", "site: beta   #")


def test_quotes_stay_as_they_were() -> None:
    """Who quotes a version means it."""
    assert '"v1.8.3"   # not newer!' in changed(REMARKED, "hypervisor", "harvester", to="v1.8.3")
    assert "serial: '0013'}}" in changed(
        REMARKED, "hypervisor", "machines", "hv1", "serial", to="0013"
    )


def test_a_new_key_stands_behind_its_siblings_not_behind_the_next_remark() -> None:
    """The remark of the next section is not torn off it."""
    after = changed(REMARKED, "networks", "main", "mtu", to="9000")

    assert "      - '10.20.0.4'\n    mtu: 9000\n      # Nothing below.\n\n# The machines." in after
    assert remarks(after) == remarks(REMARKED)


def test_a_key_between_brackets_comes_and_goes() -> None:
    """Flow maps stay flow maps, over several lines and with remarks between."""
    after = changed(REMARKED, "hypervisor", "machines", "hv1", "erase", to="true")
    assert "serial: '0012', erase: true}}" in after
    assert changed(after, "hypervisor", "machines", "hv1", "erase", to=None) == REMARKED

    bare = changed(REMARKED, "hypervisor", "machines", "hv1", "serial", to=None)
    bare = changed(bare, "hypervisor", "machines", "hv1", "mac", to=None)
    assert "machines: {hv1: {}}" in bare


def test_lists_keep_the_remarks_of_what_stays() -> None:
    """Each entry keeps its line."""
    after = changed(REMARKED, "networks", "main", "dns", to=["10.20.0.4", "10.20.0.5"])

    assert (
        "      # Theirs.\n      # in the cellar\n      - '10.20.0.4'\n      - 10.20.0.5\n" in after
    )
    assert remarks(after) == remarks(REMARKED)


def test_a_removed_value_leaves_its_remark() -> None:
    """Only what the form says goes."""
    after = changed(REMARKED, "networks", "main", "cidr", to=None)

    assert "  main:\n    # from the IT department\n    dns:" in after


def test_the_last_key_of_a_map_leaves_an_empty_map() -> None:
    """A map without keys would be no value at all."""
    after = changed("vms:\n  # why\n  relay:\n    cpus: 2 # two\n", "vms", "relay", "cpus", to=None)

    assert after == "vms:\n  # why\n  relay:\n    {} # two\n"


def test_an_empty_value_is_filled_in_place() -> None:
    """The parser does not know where an empty value is; the colon does."""
    text = "site:  # to be named\ndomain: ~\nlab: {}\n"
    wanted: dict[str, Value] = {"site": "alpha", "domain": "a.internal", "lab": {"cpus": "2"}}

    assert rewritten(text, wanted) == (
        "site: alpha  # to be named\ndomain: a.internal\nlab: {cpus: 2}\n"
    )


def test_a_block_of_text_is_replaced_whole() -> None:
    """What follows the block stays."""
    assert changed("a: |\n  one\n  two\n# b\nb: 1\n", "a", to="x") == "a: x\n# b\nb: 1\n"


def test_a_file_without_a_last_newline_grows() -> None:
    """The new key has a line of its own."""
    assert changed("site: alpha", "domain", to="a.internal") == "site: alpha\ndomain: a.internal\n"


def test_an_empty_file_is_written_whole() -> None:
    """From nothing comes a file as people write it."""
    wanted: dict[str, Value] = {
        "site": "alpha",
        "networks": {"main": {"cidr": "10.20.0.0/24", "dns": ["10.20.0.3"]}},
        "hypervisor": {"harvester": "v1.8.2", "machines": {"node1": {}}},
        "vms": {"relay": {"cpus": "2", "memory": "4G"}},
    }
    assert rewritten("", wanted) == (
        "site: alpha\nnetworks:\n  main:\n    cidr: 10.20.0.0/24\n    dns: [10.20.0.3]\n"
        "hypervisor:\n  harvester: v1.8.2\n  machines:\n    node1: {}\n"
        "vms:\n  relay: {cpus: 2, memory: 4G}\n"
    )


@pytest.mark.parametrize(
    "value",
    [
        "a: b",
        "x #y",
        "- z",
        "",
        "~",
        "null",
        '"',
        "'",
        "[a",
        "a, b",
        "é",
        " b",
        "1: ",
        "@x",
        "\t",
        "\x7f\u2028",
        "\U0010ffff",
        "\ud800",
    ],
)
def test_whatever_is_typed_is_read_again_as_it_was_typed(value: str) -> None:
    """Nothing that is typed into a form becomes YAML of its own."""
    after = changed("a:\n  b: c # d\n", "a", "b", to=value)

    assert after.endswith(" # d\n")
    assert changed("a: {b: c}\n", "a", "b", to=value).startswith("a: {b: ")


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "- a\n", "a\n", "a: [b, ]c\n", "a: [b, ~]\n"])
def test_what_cannot_be_changed_is_refused(text: str) -> None:
    """It says so, and the file stays as it is."""
    with pytest.raises(InputError, match="cannot be changed here"):
        rewritten(text, {"a": ["z"]})


words = st.text(st.sampled_from("ab 0:#-,{}[]'\"~é"), min_size=1, max_size=6)
paths = st.sampled_from(
    [
        ("site",),
        ("domain",),
        ("networks", "main", "pool"),
        ("networks", "main", "mtu"),
        ("hypervisor", "vip"),
        ("hypervisor", "machines", "hv3", "erase"),
        ("cluster", "sizes", "servers", "cpus"),
        ("cluster", "profile"),
        ("vms", "relay", "address"),
        ("vms", "tide-tables", "efi"),
        ("staging", "disk"),
        ("staging", "cpus"),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(paths, words), min_size=1, max_size=4))
def test_no_change_of_values_costs_a_remark(changes: list[tuple[tuple[str, ...], str]]) -> None:
    """Whatever forms say, all remarks are there in their order, and so is every other line."""
    wanted = copy.deepcopy(data_of(THREE))
    for path, value in changes:
        holder: Value = wanted
        for part in path[:-1]:
            assert isinstance(holder, dict)
            holder = holder[part]
        assert isinstance(holder, dict)
        holder[path[-1]] = value

    after = rewritten(THREE, wanted)

    assert data_of(after) == wanted
    lines = after.splitlines()
    own = [line for line in THREE.splitlines() if line.strip().startswith("#")]
    assert [line for line in lines if line in own] == own
    missing = [line for line in THREE.splitlines() if line not in lines]
    assert len(missing) <= len(changes)
