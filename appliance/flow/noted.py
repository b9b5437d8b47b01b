"""What is set on this laptop for a time: noted before, so that a killed run's is taken back."""

from __future__ import annotations

from contextlib import suppress

from appliance.errors import StoreFullError
from appliance.flow.context import Context
from appliance.tools.interface import Setting, about_to_set, take_back


class Noted:
    """One setting of an interface, in the journal under a key of its own."""

    def __init__(self, context: Context, key: str) -> None:
        self._context = context
        self._key = key

    def note(self, setting: Setting) -> Setting:
        """Note what is about to be set; give it as it is to be taken back.

        What a killed run noted of the same place is taken over; of another it is taken back first.
        """
        left = self._context.journal.left
        kept = left.read(self._key)
        before = None if kept is None else Setting.from_json(kept)
        if before is not None and before.is_same_place(setting):
            return before
        for each in self.undo():
            self._context.tell("undone", f"of a killed run: {each}")
        if before is not None:
            setting = about_to_set(
                setting.interface, setting.address.ip, setting.address.network.prefixlen
            )
        left.write(self._key, setting.as_json())
        return setting

    def take_back(self, setting: Setting) -> tuple[str, ...]:
        """Take a setting back and forget the note; say what was done."""
        done = take_back(setting)
        # On a full disk the note stays, and is found to be done by whoever reads it.
        with suppress(StoreFullError):
            self._context.journal.left.forget(self._key)
        return done

    def undo(self) -> tuple[str, ...]:
        """Take back what is noted, if anything is; say what was done."""
        kept = self._context.journal.left.read(self._key)
        return () if kept is None else self.take_back(Setting.from_json(kept))
