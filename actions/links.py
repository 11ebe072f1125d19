"""The customer in control of what is linked: which channels it is, unlinking one, undoing what was put together.

Nothing is unlinked here: the product does it, after the turn, at the custom replies `unlink` and `undo_link`.
"""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction
from rasa_sdk.executor import CollectingDispatcher

from actions.channels import ALSO_DEVICES, CHANNELS
from actions.conversation import can_undo_link, channel_of, linked_channels, preferred_channel, said
from actions.payloads import payload
from actions.texts import DomainDict, Texts, listed, texts_for


class ActionListChannels(Action):  # type: ignore[misc]
    """The channels that are linked, and the way to unlink the others."""

    def name(self) -> str:
        return "action_list_channels"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts, here, linked = texts_for(tracker, domain), channel_of(tracker), _linked(tracker)
        if len(linked) == 1:
            dispatcher.utter_message(response="utter_only_this_channel", channel=_name(linked[0], texts))
            return []
        channels = listed([_described(channel, tracker, texts) for channel in linked], texts.language)
        buttons = [_unlink(channel, texts) for channel in linked if channel != here]
        dispatcher.utter_message(response="utter_linked_channels", channels=channels, buttons=buttons)
        return []


class ActionUnlinkChannel(Action):  # type: ignore[misc]
    """Asks whether to unlink the channel that was named, or which one."""

    def name(self) -> str:
        return "action_unlink_channel"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts, linked, channel = texts_for(tracker, domain), _linked(tracker), _meant(tracker)
        if channel is None:
            buttons = [_unlink(each, texts, here=each == channel_of(tracker)) for each in linked]
            dispatcher.utter_message(response="utter_ask_which_to_unlink", buttons=buttons)
        elif channel not in linked:
            dispatcher.utter_message(response="utter_not_linked", channel=_name(channel, texts))
        else:
            here = "_here" if channel == channel_of(tracker) else ""
            buttons = _yes_or_no(texts, "unlink", payload("unlink_confirmed", channel=channel))
            dispatcher.utter_message(response=f"utter_ask_unlink{here}", channel=_name(channel, texts), buttons=buttons)
        return []


class ActionUnlink(Action):  # type: ignore[misc]
    """The customer has said yes."""

    def name(self) -> str:
        return "action_unlink"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        return unlink(dispatcher, tracker, domain, _meant(tracker))


def unlink(
    dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict, channel: str | None
) -> list[EventType]:
    """Has the product do it, if the channel still is linked, and says what that means."""
    texts = texts_for(tracker, domain)
    if channel not in _linked(tracker):
        dispatcher.utter_message(response="utter_not_linked", channel=_name(channel or "webchat", texts))
        return []
    dispatcher.utter_message(json_message={"type": "unlink", "channel": channel})
    if channel != channel_of(tracker):
        dispatcher.utter_message(response="utter_unlinked", channel=_name(channel, texts))
        return []
    dispatcher.utter_message(response="utter_unlinked_here")
    return _without_question(tracker)


class ActionUndoLink(Action):  # type: ignore[misc]
    """Asks whether to separate what was put together last."""

    def name(self) -> str:
        return "action_undo_link"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        if not can_undo_link(tracker):
            dispatcher.utter_message(response="utter_nothing_to_undo")
            return []
        buttons = _yes_or_no(texts_for(tracker, domain), "undo", payload("undo_confirmed"))
        dispatcher.utter_message(response="utter_ask_undo", buttons=buttons)
        return []


class ActionUndo(Action):  # type: ignore[misc]
    """The customer has said yes."""

    def name(self) -> str:
        return "action_undo"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        if not can_undo_link(tracker):
            dispatcher.utter_message(response="utter_nothing_to_undo")
            return []
        dispatcher.utter_message(json_message={"type": "undo_link"})
        dispatcher.utter_message(response="utter_undone")
        return _without_question(tracker)


def _linked(tracker: Tracker) -> list[str]:
    """Never empty: Rasa's own tools speak on a channel of their own."""
    return [channel for channel in linked_channels(tracker) if channel in CHANNELS] or ["webchat"]


def _meant(tracker: Tracker) -> str | None:
    """The channel that the message names: of several a linked one, and an app before a device; or the chat itself."""
    message, linked = said(tracker), _linked(tracker)
    named = [channel for channel in message.entities.get("channel", []) if channel in CHANNELS]
    if not named and message.first("this_chat"):
        return channel_of(tracker)
    return min(named, key=lambda channel: (channel not in linked, channel in ALSO_DEVICES), default=None)


def _without_question(tracker: Tracker) -> list[EventType]:
    """What an open form asks is not for this chat any more, or not what was open in it."""
    return [FollowupAction("action_listen")] if tracker.active_loop_name else []


def _name(channel: str, texts: Texts) -> str:
    return texts(f"utter_choose_{channel}")


def _described(channel: str, tracker: Tracker, texts: Texts) -> str:
    """Its name, and what is particular about it."""
    here, preferred = channel == channel_of(tracker), channel == preferred_channel(tracker)
    if not here and not preferred:
        return _name(channel, texts)
    which = "utter_this_preferred_one" if here and preferred else "utter_this_one" if here else "utter_preferred_one"
    return texts(which, channel=_name(channel, texts))


def _unlink(channel: str, texts: Texts, *, here: bool = False) -> dict[str, str]:
    title = texts("utter_forget_this_chat") if here else texts("utter_unlink", channel=_name(channel, texts))
    return {"title": title, "payload": payload("unlink_channel", channel=channel)}


def _yes_or_no(texts: Texts, what: str, yes: str) -> list[dict[str, str]]:
    return [
        {"title": texts(f"utter_yes_{what}"), "payload": yes},
        {"title": texts("utter_no_leave_it"), "payload": payload("leave_links")},
    ]
