"""What people are advised to do, each piece said once: as a command, and as the pages put it.

An error, a finding or a journal holds the words for who types commands. The pages find these very
words in it again and show their own instead (`appliance.web.wording`), so that one who fills in
forms types no option. Where only a command line helps, both say the same (`alike`).

A piece that nothing gives any more stays here as long as a journal may hold it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice in two ways. `{machine}` stands for what is filled in.

    `command` is a part of a sentence, and `page` fits into the same sentence in its place.
    """

    command: str
    page: str

    @property
    def names(self) -> tuple[str, ...]:
        """What is filled in, in the order in which the command's words need it."""
        return tuple(dict.fromkeys(_NAME.findall(self.command)))

    def _filled(self, *given: str) -> str:
        return self.command.format(**dict(zip(self.names, given, strict=True)))


class Always(Advice):
    """Advice in which nothing is filled in."""

    __slots__ = ()

    def __call__(self) -> str:
        """Give the command's words."""
        return self.command


class For(Advice):
    """Advice for one machine, say: its name is filled in."""

    __slots__ = ()

    def __call__(self, one: str, /) -> str:
        """Give the command's words."""
        return self._filled(one)


class ForTwo(Advice):
    """Advice in which two things are filled in, in the order of the command's words."""

    __slots__ = ()

    def __call__(self, one: str, other: str, /) -> str:
        """Give the command's words."""
        return self._filled(one, other)


def alike(words: str) -> Always:
    """Advice that only a command line can follow: a page says it in the same words."""
    return Always(words, words)


def every() -> tuple[Advice, ...]:
    """Give every piece of this module."""
    return tuple(each for each in globals().values() if isinstance(each, Advice))


# ---------------------------------------------------------------- files

fetch = Always("run 'provision fetch SITE'", "bring the files on the page Files")
fetch_again = Always("run 'provision fetch' again", "bring the files on the page Files again")
fetch_it_again = Always(
    "fetch it again: 'provision fetch SITE'", "bring it again on the page Files"
)
fetch_or_import = For(
    "'provision fetch SITE', or import {them}: 'provision fetch SITE --from FOLDER'",
    "bring the files on the page Files",
)
fetch_or_import_it = Always(
    "fetch it, or import it from a folder: provision fetch SITE", "bring it on the page Files"
)
fetch_stage1 = Always(
    "fetch our small Linux with 'provision fetch SITE'", "bring our small Linux on the page Files"
)
with_internet = Always(
    ": 'provision fetch SITE' where there is Internet",
    ", by fetching on the page Files where there is Internet",
)
import_from_folder = Always(
    "put it into a folder: 'provision fetch SITE --from FOLDER'",
    "put it into a folder, and import that on the page Files",
)
by_fetching = Always("('provision fetch')", "on the page Files")
accept_ipxe = Always(
    "with 'provision fetch SITE --accept-ipxe'",
    "at the laptop itself by 'provision fetch SITE --accept-ipxe'",
)
check_files = Always("run 'provision check SITE'", "look at the page Files")
check_site = Always(
    "correct the site file, then run 'provision check SITE'",
    "correct the site file, then look at the page Review",
)

# ---------------------------------------------------------------- which box is which, its disk

give_name = Always("give --name NAME", "choose a name, or type one")
give_disk = Always(
    "give --disk with one of these names, or with a selector such as 'size >= 250G'",
    "choose one of its disks",
)
keep_disk = Always("leave --disk out, or change the file", "choose “As the site file says”")
other_name_typed = ForTwo(
    "--erase {typed} is not the name {machine}", "what was typed is not the name {machine}"
)
erase_all = For(
    "to lose all on its disk, type --erase {machine}",
    "to lose all on its disk, type its name, {machine}",
)
erase_data = For(
    "to lose it, type the machine's name again: --erase {machine}",
    "if it may be lost, type the machine's name, {machine}, in the field below",
)
have_erased = Always(
    "type the machine's name to have it erased (--erase NAME)",
    "type the machine's name to have it erased",
)
other_board_or_anew = For(
    "for a replaced board: provision identify SITE WHICH {machine}; "
    "to write its disk anew: provision reinstall SITE {machine} --yes",
    "for a replaced board, or to write its disk anew, see the page of {machine}",
)
say_which = For(
    "or say which: provision identify SITE MAC {machine}",
    "or say which box {machine} is, on its page",
)
say_so_of = ForTwo(
    "or say so: provision identify SITE {mac} {machine}",
    "or say which box {machine} is, on its page",
)
name_by_card = Always(
    "give a MAC address, a serial number or a UUID; 'provision status SITE' lists them",
    "go back to the page Machines",
)
other_box = Always(
    "another machine in its place is named by 'provision identify'",
    "another machine in its place is named on the page Machines",
)
if_sure = Always("if you are sure, say so: --yes", "if you are sure, tick the box")
see_status = Always("see 'provision status'", "see its own page")
reinstall = For(
    "'provision reinstall SITE {machine} --yes'", "“Install anew” on the page of {machine}"
)
reinstall_first = For(
    "'provision reinstall SITE {machine} --yes' gives its disk up first",
    "have {machine} installed anew on its page first",
)
reinstall_between = For(
    "end the run, 'provision reinstall SITE {machine} --yes', then this again",
    "pause the run, have {machine} installed anew on its page, then this again",
)
agree_to_reinstall = ForTwo(
    "say so: provision reinstall {site} {machine} --yes", "type its name, {machine}, to agree"
)

# ---------------------------------------------------------------- what the file says of it

or_in_the_file = Always("; or write its mac and disk in the file", "")
write_mac = For(
    "write hypervisor.machines.{machine}.mac",
    "write that of {machine} into the site file, in an editor",
)
other_type = Always("take it out, or write another type", "empty it, or choose another way")
name_system = Always(
    "a Redfish service of several needs system", "where one BMC has several, name the system"
)
name_systems = Always("write bmc.system for each of them", "say which system each of them is")

# ---------------------------------------------------------------- its switch

agree_to_switch = ForTwo(
    "say so: provision power {verb} SITE {machine} --yes", "type its name, {machine}, to agree"
)
power_on = For("'provision power on SITE {machine}'", "switch {machine} on in its page")
until_power_on = For(
    "until 'provision power on SITE {machine}'", "until {machine} is switched on in its page"
)
power_cycle = For(
    "'provision power cycle SITE {machine} --yes'", "switch {machine} off and on in its page"
)
power_password = For(
    "'provision power password SITE {machine}'",
    "give the password on the page of the power of {machine}",
)
missing_password = For(
    "give it: provision power password SITE {machine}",
    "give the password on the page of the power of {machine}",
)
password_again = For(
    "enter its password again with 'provision power password SITE {machine}'",
    "give its password again on the page of the power of {machine}",
)
password_elsewhere = Always(
    "is given by 'provision power password SITE [NODE]'", "is given on the page of its power"
)
password_not_here = Always(
    "the password is given by 'provision power password'",
    "the password is given on the page of its power",
)
or_see_probe = For(", or see 'provision power probe SITE {machine}'", "")
send_probe = For(
    "send what 'provision power probe SITE {machine}' writes",
    "send what 'sudo provision power probe SITE {machine}' at the laptop itself writes",
)

# ---------------------------------------------------------------- a run

run_again = Always("run the same command again", "try this step again")
continue_run = Always("run the same command again to continue", "then continue")
confirm_clock = Always("or confirm with --yes", "or say that it is right on the page Review")
may_lose = For("--may-lose {machine}", "{machine}")
agree_to_loss = For(
    "take the change back, or run again and agree ({lost})",
    "take the change back, or agree on the page Run",
)
support = Always("run 'provision support SITE'", "take the support file below")
undo = Always("'provision undo SITE'", "'sudo provision undo SITE' at the laptop itself")
undo_whole = Always(
    "'provision undo SITE --site'", "'sudo provision undo SITE --site' at the laptop itself"
)
undo_first = Always(
    "run 'provision undo' for it first",
    "run 'sudo provision undo' for it first at the laptop itself",
)
undo_machine = Always(
    "remove the machine ('provision undo')",
    "remove the machine ('sudo provision undo' at the laptop itself)",
)

# ---------------------------------------------------------------- this laptop

name_interface = Always("name it with --interface", "choose the network interface on the page Site")
other_interface = Always(
    "name another with --interface", "choose the network interface on the page Site"
)
beside_server = Always("run with --proxy", "have it run at the laptop itself with --proxy")
export_then_wipe = For(
    "keep it sealed first: provision export state {site} FILE; "
    "then say so: provision wipe {site} --yes",
    "export it first; then type the name of the site",
)
wipe_unfinished = Always(
    "say --unfinished as well, if it is to be begun anew or never",
    "say below that it may go though it is not finished",
)
keep_files = Always(
    "leave --files out, or wipe those sites first",
    "leave the files here",
)
sealed_state = Always(
    "give the file that 'provision export state' wrote", "give the sealed state of the page Done"
)
other_state = Always(
    "run as root, or give another folder with --state",
    "start the wizard as root, or with another folder (--state), at the laptop itself",
)
state_folder = Always(
    "give another folder with --state",
    "start the wizard with another folder (--state) at the laptop itself",
)
same_state = alike("give the --state with which it was run")
newer_state = alike("say --replace if the file's is the newer one")
wizards_state = alike("run as the user who started the wizard before, or give another --state")
install = Always("'provision install'", "'sudo provision install' at the laptop itself")
name_wheel = alike("name its wheel with --wheel")
other_port = alike("give another port with --listen")
own_address = alike("give an address of this laptop with --listen")
choose_here = alike("start it without --interface to choose here")
wizard_as_root = alike("stop it where it was started, or run 'sudo provision web'")
new_password = alike("provision web --reset-password, at the laptop itself")
