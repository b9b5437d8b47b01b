"""Which reported machine is which of the site's, and on which disk it may be installed. Pure.

The order of machines and of reports never matters. A name is bound to one report or to none, and
so is a report to a name: where two could be meant, neither is, and both are told why. A serial
number or UUID that several machines report, or that vendors put on all of theirs, tells none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from appliance import advice
from appliance.discover.disk_choice import chosen_disk, disk_at
from appliance.discover.judge import (
    Chosen,
    against,
    duplicates,
    serial_of,
    shared_serials,
    shared_uuids,
    uuid_of,
    worth_telling,
)
from appliance.discover.report import encode
from appliance.discover.wanted import Code, Found, Refusal, Wanted
from appliance.site.plan import MatchRule
from appliance.values import Mac

__all__ = ["Bound", "Code", "Found", "Matching", "Refusal", "Wanted", "match"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A machine that was found, with nothing against it. `macs` begin with `mac`.

    `mac` is the card it reported by; cards that another machine reports too are left out of `macs`.
    """

    mac: Mac
    macs: tuple[Mac, ...]
    disk: str
    data_disk: str | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """What came of a matching.

    `bound`: by name, what may be installed. `refused`: by name, or by MAC address for a report,
    what speaks against it. `told`: likewise, what people should know. `matched`: by name, the card
    of the one report that is this machine, bound or refused. `unknown`: the cards of reports that
    are no machine of the site.
    """

    bound: Mapping[str, Bound] = field(default_factory=dict)
    refused: Mapping[str, tuple[Refusal, ...]] = field(default_factory=dict)
    told: Mapping[str, tuple[Refusal, ...]] = field(default_factory=dict)
    matched: Mapping[str, Mac] = field(default_factory=dict)
    unknown: tuple[Mac, ...] = ()


def match(wanted: Sequence[Wanted], found: Sequence[Found]) -> Matching:
    """Match all machines of a site with all reports there are; see Matching."""
    return _Matcher(wanted, found).match()


class _Fit(Enum):
    """How a rule fits a report."""

    NOT = 0
    PARTLY = 1
    """An identifier is right and another is not."""
    WHOLLY = 2


class _Matcher:
    """One matching: collects what speaks against whom, by name and by card."""

    def __init__(self, wanted: Sequence[Wanted], found: Sequence[Found]) -> None:
        self.wanted = sorted(wanted, key=lambda each: each.name)
        self.found = _machines(found)
        self.serials = shared_serials(self.found)
        self.uuids = shared_uuids(self.found)
        self.refused: dict[str, list[Refusal]] = {}
        self.told: dict[str, list[Refusal]] = {}

    def match(self) -> Matching:
        odd = {each.mac for each in self.found if each.mac not in each.report.macs}
        for mac in sorted(odd):
            what = f"the report that came from {mac} names no such card"
            fix = "start the machine again; if it stays, something on this network lies"
            self._refuse(str(mac), Refusal(Code.ODD_REPORT, what, fix))
        usable = [each for each in self.found if each.mac not in odd]
        fits = {
            (one.name, each.mac): self._fit(one.match, each)
            for one in self.wanted
            for each in usable
        }
        pairs = self._pairs(usable, fits)
        self._tell(pairs)
        bound = {one.name: self._bind(one, each) for one, each in pairs}
        meant = {mac for (_, mac), fit in fits.items() if fit is _Fit.WHOLLY}
        return Matching(
            bound={name: each for name, each in bound.items() if each is not None},
            refused={key: tuple(each) for key, each in sorted(self.refused.items())},
            told={key: tuple(each) for key, each in sorted(self.told.items())},
            matched={one.name: each.mac for one, each in pairs},
            unknown=tuple(each.mac for each in self.found if each.mac not in meant),
        )

    def _refuse(self, key: str, refusal: Refusal) -> None:
        self.refused.setdefault(key, []).append(refusal)

    def _fit(self, rule: MatchRule, found: Found) -> _Fit:
        """How a rule fits a report. One identifier that nobody shares must hold, or a kind."""
        identifiers = [*self._identifiers(rule, found)]
        if self._claims(rule, found):
            tells = any(own for _, own in identifiers)
            return _Fit.WHOLLY if tells or not identifiers else _Fit.NOT
        return _Fit.PARTLY if any(right and own for right, own in identifiers) else _Fit.NOT

    def _claims(self, rule: MatchRule, found: Found) -> bool:
        """Whether a report says all that a rule asks for, true or not."""
        report = found.report
        kinds = (
            part.casefold() in whole.casefold()
            for part, whole in ((rule.vendor, report.vendor), (rule.product, report.product))
            if part is not None
        )
        return (
            bool(rule) and all(right for right, _ in self._identifiers(rule, found)) and all(kinds)
        )

    def _identifiers(self, rule: MatchRule, found: Found) -> Iterator[tuple[bool, bool]]:
        """For each identifier of a rule: whether it is right, and whether it is one machine's."""
        report = found.report
        if rule.macs:
            yield not set(rule.macs).isdisjoint(report.macs), True
        if rule.serial is not None:
            serial = rule.serial.strip().casefold()
            yield serial_of(report) == serial, serial not in self.serials
        if rule.uuid is not None:
            yield uuid_of(report) == str(rule.uuid), str(rule.uuid) not in self.uuids

    def _pairs(
        self, found: Sequence[Found], fits: Mapping[tuple[str, Mac], _Fit]
    ) -> list[tuple[Wanted, Found]]:
        """Give who is who where nothing else could be meant; refuse all else."""
        wholly = {key for key, fit in fits.items() if fit is _Fit.WHOLLY}
        reports = {
            one.name: [f for f in found if (one.name, f.mac) in wholly] for one in self.wanted
        }
        names = {f.mac: [w.name for w in self.wanted if (w.name, f.mac) in wholly] for f in found}
        pairs = []
        for one in self.wanted:
            mine = reports[one.name]
            rivals = [
                f for f in found if not names[f.mac] and one.said and self._claims(one.said, f)
            ]
            if rivals:
                self._refuse_rivals(one, mine, rivals)
            elif len(mine) > 1:
                self._refuse_two_reports(one, mine, mine)
            elif len(mine) == 1 and len(names[mine[0].mac]) == 1:
                pairs.append((one, mine[0]))
            elif not mine:
                self._refuse_near_misses(one, found, fits)
                free = [each for each in found if not names[each.mac]]
                self._refuse_shared_identity(one, found, free)
        for each in found:
            if len(names[each.mac]) > 1:
                self._refuse_two_machines(each, names[each.mac])
        return pairs

    def _refuse_two_reports(
        self, one: Wanted, mine: Sequence[Found], refused: Sequence[Found]
    ) -> None:
        macs = ", ".join(str(each.mac) for each in mine)
        what = f"{len(mine)} machines report to be {one.name} ({one.match}): {macs}"
        fix = f"switch off the one that is not, {advice.say_which(one.name)}"
        for key in (one.name, *(str(each.mac) for each in refused)):
            self._refuse(key, Refusal(Code.TWO_REPORTS, what, fix))

    def _refuse_rivals(self, one: Wanted, mine: Sequence[Found], rivals: Sequence[Found]) -> None:
        """One was found already, and another says that it is the one."""
        was = ", ".join(str(mac) for mac in one.match.macs)
        others = ", ".join(str(each.mac) for each in rivals)
        what = f"{one.name} was found as the machine with the card {was}, and that with {others}"
        fix = f"switch off the one that is not, {advice.say_which(one.name)}"
        refusal = Refusal(Code.TWO_REPORTS, f"{what} reports to be it too ({one.said})", fix)
        for key in (one.name, *(str(each.mac) for each in (*mine, *rivals))):
            self._refuse(key, refusal)

    def _refuse_two_machines(self, found: Found, names: Sequence[str]) -> None:
        what = f"the machine with the card {found.mac} is {' and '.join(names)} by the site file"
        fix = "correct what these are told by, so that each is told alone"
        for key in (str(found.mac), *names):
            self._refuse(key, Refusal(Code.TWO_MACHINES, what, fix))

    def _refuse_near_misses(
        self, one: Wanted, found: Sequence[Found], fits: Mapping[tuple[str, Mac], _Fit]
    ) -> None:
        for each in found:
            if fits[one.name, each.mac] is _Fit.PARTLY:
                what = f"the machine with the card {each.mac} is {one.name} only in part"
                said = f"wanted {one.match}; it reports {_identity_text(each)}"
                fix = f"correct the site file, {advice.say_so_of('MAC', one.name)}"
                self._refuse(one.name, Refusal(Code.CONTRADICTION, f"{what}: {said}", fix))

    def _refuse_shared_identity(
        self, one: Wanted, found: Sequence[Found], free: Sequence[Found]
    ) -> None:
        """Say why nobody is this machine, where several report what it is told by.

        `free` are the reports that are no other machine; the others of them stay what they are.
        """
        serial = (one.match.serial or "").strip().casefold()
        macs = {*self.serials.get(serial, ()), *self.uuids.get(str(one.match.uuid), ())}
        sharing = [each for each in found if each.mac in macs]
        if sharing:
            self._refuse_two_reports(one, sharing, [each for each in sharing if each in free])

    def _tell(self, pairs: Sequence[tuple[Wanted, Found]]) -> None:
        """Note what is out of the ordinary, under the name where there is one, else the card."""
        names = {each.mac: one for one, each in pairs}
        for each in self.found:
            one = names.get(each.mac)
            key = one.name if one else str(each.mac)
            told = [*duplicates(each, self.serials, self.uuids), *worth_telling(one, each)]
            if told:
                self.told.setdefault(key, []).extend(told)

    def _bind(self, one: Wanted, found: Found) -> Bound | None:
        """Choose the disks and ask what speaks against it; None where anything does."""
        refusals = [*_by_another_card(one, found)]
        disk = chosen_disk(one.disk, found.report)
        data = disk_at(one.data_disk, found.report) if one.data_disk else None
        refusals += [each for each in (disk, data) if isinstance(each, Refusal)]
        chosen = None
        if not isinstance(disk, Refusal):
            chosen = Chosen(disk[0], data[0] if isinstance(data, tuple) else None)
        refusals += against(one, found, chosen)
        for refusal in refusals:
            self._refuse(one.name, refusal)
        if self.refused.get(one.name) or isinstance(disk, Refusal):
            return None
        return Bound(found.mac, self._own_cards(found), disk[1], one.data_disk)

    def _own_cards(self, found: Found) -> tuple[Mac, ...]:
        others = {mac for each in self.found if each.mac != found.mac for mac in each.report.macs}
        rest = (mac for mac in found.report.macs if mac != found.mac and mac not in others)
        return (found.mac, *rest)


def _by_another_card(one: Wanted, found: Found) -> Iterator[Refusal]:
    """What a report says of cards that it did not come from is nobody's word but its own.

    Believed, a liar's report would choose the disk of the machine whose card it names.
    """
    if one.match.macs and found.mac not in one.match.macs:
        said = ", ".join(map(str, one.match.macs))
        what = (
            f"{one.name} is told by its card {said}, and the report naming that is of {found.mac}"
        )
        fix = f"start it from its own card, {advice.say_so_of(str(found.mac), one.name)}"
        yield Refusal(Code.CONTRADICTION, what, fix)


def _machines(found: Sequence[Found]) -> list[Found]:
    """Give each machine once, by its newest report: one that used several cards reported by each.

    Two reports are one machine's where they name the very same cards, each the other's among them,
    and the same serial number and UUID: a liar's own card is not among those of its victim.
    """
    newest: list[Found] = []
    for each in sorted(found, key=_age, reverse=True):
        if not any(each.mac == other.mac or _is_same(each, other) for other in newest):
            newest.append(each)
    return sorted(newest, key=lambda each: each.mac)


def _age(found: Found) -> tuple[float, float, Mac, bytes]:
    return found.at, found.report.clock, found.mac, encode(found.report)


def _is_same(one: Found, other: Found) -> bool:
    cards = set(one.report.macs)
    return (
        cards == set(other.report.macs)
        and {one.mac, other.mac} <= cards
        and one.report.serial == other.report.serial
        and one.report.uuid == other.report.uuid
    )


def _identity_text(found: Found) -> str:
    """Say what a report tells of a machine's identity."""
    report = found.report
    cards = ", ".join(str(mac) for mac in report.macs)
    parts = (
        f"MAC {cards}",
        f"serial number {report.serial or 'none'}",
        f"UUID {report.uuid or 'none'}",
        f"{report.vendor} {report.product}".strip(),
    )
    return ", ".join(part for part in parts if part)
