"""The command's advice in the words of the pages: who fills in forms types no option and no YAML.

What is wrong is said in the very words of the command; only what to do about it is put otherwise,
because it is done by another hand here. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace

from appliance.errors import Problem

_NAME = r"([A-Za-z0-9][\w.-]*)"

_RULES: tuple[tuple[str, str], ...] = (
    # Which box is which, and its disk: the page Machines asks both.
    (
        r"no MAC address is given, so it cannot be told from a stranger: write mac or match",
        (
            "nobody has said yet which box it is: switch it on, booting from the network, then say "
            "so on the page Machines"
        ),
    ),
    (
        (
            r"no disk is named, and none is ever guessed: write disk: /dev/disk/by-id/… or by-path"
            r", or choose one of its report"
        ),
        "no disk is chosen yet: choose it on the page Machines, once the box has reported",
    ),
    (
        (
            r"(nobody has said yet which box it is): (switch it on, booting from the network), "
            r"then say so on the page Machines; no disk is chosen yet: .* once the box has reported"
        ),
        r"\1, nor which disk may be written: \2, then say both on the page Machines",
    ),
    (r"see 'provision status'", "see its own page"),
    (r"; or write its mac and disk in the file", ""),
    (r"give --name NAME", "choose a name, or type one"),
    (r"--erase \S+ is not the name", "what was typed is not the name"),
    (
        r"to lose it, type the machine's name again: --erase " + _NAME,
        r"if it may be lost, type the machine's name, \1, in the field below",
    ),
    (r"type --erase " + _NAME, r"type its name, \1"),
    (r" \(--erase NAME\)", ""),
    (r"leave --disk out, or change the file", "choose “As the site file says”"),
    (
        r"give --disk with one of these names, or with a selector such as 'size >= 250G'",
        "choose one of its disks",
    ),
    (
        r"for a replaced board: provision identify SITE WHICH \S+; to write its disk anew: "
        r"provision reinstall SITE " + _NAME + r" --yes",
        r"for a replaced board, or to write its disk anew, see the page of \1",
    ),
    (
        r"(?:or say so|or say which): provision identify SITE \S+ " + _NAME,
        r"or say which box \1 is, on its page",
    ),
    (
        r"end the run, 'provision reinstall SITE " + _NAME + r" --yes', then this again",
        r"pause the run, have \1 installed anew on its page, then this again",
    ),
    (r"say so: provision reinstall \S+ " + _NAME + r" --yes", r"type its name, \1, to agree"),
    (
        r"'provision reinstall SITE " + _NAME + r" --yes' gives its disk up first",
        r"have \1 installed anew on its page first",
    ),
    (r"if you are sure, say so: --yes\.", "if you are sure, tick the box."),
    (
        r"'provision reinstall SITE " + _NAME + r" --yes'",
        r"“Install anew” on the page of \1",
    ),
    (
        r"give a MAC address, a serial number or a UUID; 'provision status SITE' lists them",
        "go back to the page Machines",
    ),
    # Its switch: the page of its power.
    (r"say so: provision power \w+ SITE " + _NAME + r" --yes", r"type its name, \1, to agree"),
    (
        r"enter its password again with 'provision power password SITE " + _NAME + r"'",
        r"give its password again on the page of the power of \1",
    ),
    (
        r"(?:give it: )?'?provision power password SITE " + _NAME + r"\b'?",
        r"give the password on the page of the power of \1",
    ),
    (r"'provision power cycle SITE " + _NAME + r" --yes'", r"switch \1 off and on in its page"),
    (
        r"'provision power status SITE " + _NAME + r" --new-certificate'",
        r"say so on the page of the power of \1",
    ),
    (r",? or see 'provision power probe SITE " + _NAME + r"'", ""),
    (r"\bredfish needs one", "Redfish needs one"),
    (r"\bipmi needs one", "IPMI needs one"),
    (r"by-hand has no use for it", "by hand there is no use for it"),
    (r"wake-on-lan has no use for it", "Wake-on-LAN has no use for it"),
    (r"ipmi has no use for it", "IPMI has no use for it"),
    (r"take it out, or write another type", "empty it, or choose another way"),
    (
        r"write hypervisor\.machines\." + _NAME + r"\.mac",
        r"write that of \1 into the site file, in an editor",
    ),
    (r"a Redfish service of several needs system", "where one BMC has several, name the system"),
    (r"write bmc\.system for each of them", "say which system each of them is"),
    # What the laptop keeps of the site: the page Done.
    (
        (
            r"keep it sealed first: provision export state \S+ FILE; then say so: "
            r"provision wipe \S+ --yes"
        ),
        "export it first; then type the name of the site",
    ),
    (
        r"finish it first; or say --unfinished as well, if it is to be begun anew or never",
        "finish it first; or say below that it may go though it is not finished",
    ),
    (r"leave --files out, or wipe those sites first", "leave the files here"),
    # Files and runs: pages of their own.
    (
        (
            r"(?:run )?'provision fetch SITE', or import (?:them|it): "
            r"'provision fetch SITE --from FOLDER'"
        ),
        "bring the files on the page Files",
    ),
    (
        r"fetch it, or import it from a folder: provision fetch SITE",
        "bring it on the page Files",
    ),
    (r"run 'provision fetch(?: SITE)?'", "bring the files on the page Files"),
    (r" \('provision fetch'\)", " on the page Files"),
    (r"'provision fetch SITE'", "bring the files on the page Files"),
    (r"run 'provision support SITE'", "take the support file below"),
    (
        r"another machine in its place is named by 'provision identify'",
        "another machine in its place is named on the page Machines",
    ),
    (r"; or confirm with --yes", "; or say that it is right on the page Review"),
    (r"run the same command again to continue", "then continue"),
    (r"run the same command again", "try this step again"),
    (
        r"(?:plug the adapter in, or )?name (?:it|another) with --interface",
        "choose the network interface on the page Site",
    ),
)
_SEEN: tuple[tuple[str, str], ...] = (
    (r"a DHCP request from its firmware", "its firmware asking for an address"),
    (r"the installer reporting STARTED", "the installer saying that it begins"),
    (r"the installer reporting SUCCEEDED", "the installer saying that it is done"),
    (r"is no RFC 1123 label", "cannot be a name here"),
)
_HINTS: tuple[tuple[str, str], ...] = (
    (r"`false` stops its virtual machines", "Without the tick its virtual machines are stopped"),
    (r"`false` keeps it stopped", "Without the tick it is kept stopped"),
    (r"`false`: BIOS", "without the tick BIOS"),
    (r"`k3s` says the version", "that of K3s holds"),
    (r"`rke2` says the version", "that of RKE2 holds"),
    (
        r"`true` where there is a cluster, a virtual machine or this map",
        "there is one where a cluster or a virtual machine is",
    ),
    (r", unless there is an `iso`", ", unless it is installed from a CD"),
    (r"With an `iso` it is", "Installed from a CD it is"),
    (r"; with an `iso` none", "; installed from a CD none"),
    (r"it starts from `image`", "it starts from the image"),
    (r"beside `iso`", "beside the first"),
    (
        r"`redfish` and `ipmi` ask (.*?), `wake-on-lan` sends (.*?), `by-hand` asks",
        r"Redfish and IPMI ask \1, Wake-on-LAN sends \2, by hand asks",
    ),
    (r"It must be given for `redfish` and `ipmi`", "Redfish and IPMI need it"),
    (r"gives the BMC `address` by", "gives the BMC its address by"),
)
"""Words of the settings' own docs, which name keys and their values."""
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in (*_RULES, *_SEEN, *_HINTS))
_WITH_KEY = re.compile(r"\bwrite (?:[a-z_]+\.)*([a-z_0-9]+): (?=[^{\s…])")
_MISSING = "this key is missing"


def paged(text: str) -> str:
    """Give the command's words as a page says them; what it does not know stays as it is."""
    for pattern, words in _COMPILED:
        text = pattern.sub(words, text)
    return text


def for_field(problem: Problem) -> Problem:
    """Give a problem as it stands beside its field: the value alone is typed there, not its key."""
    if problem.what == _MISSING:
        return replace(problem, what="this is needed", fix="fill it in")
    own = problem.key.rpartition(".")[2]
    what = paged(problem.what)
    fix = _WITH_KEY.sub(lambda found: "write " if found[1] == own else found[0], paged(problem.fix))
    return replace(problem, what=what, fix=fix)
