"""What a command is answered: the effect of the decision that obeyed it, in one line."""

from __future__ import annotations

from bot.core.decision import AssetDecision, Decision
from bot.core.ending import WORDS
from bot.core.money import plain
from bot.core.states import stricter
from bot.ports import COMMANDS, Command


def result(command: Command, decision: Decision) -> str:
    """The answer; it begins with 'refused' where nothing was done."""
    if command.kind not in COMMANDS:
        return f"refused: there is no command {command.kind!r}"
    if command.asset is None:
        return _account(command.kind, decision)
    try:
        decided = decision.of(command.asset)
    except KeyError:
        return f"refused: {command.asset} is not in the configuration"
    return _asset(command.kind, decided, decision)


def _account(kind: str, decision: Decision) -> str:
    if kind == "panic":
        hedges = ", ".join(f"{plain(abs(one.short))} {one.asset}" for one in decision.assets if one.short)
        closing = f"closing {hedges}" if hedges else "no hedge is open"
        return f"{closing}; every order of ours is withdrawn; {decision.state.state.text}"
    if kind in ("pause", "resume"):
        return decision.state.state.text
    return "refused: say which coin" if kind in ("close", "finalize", "adopt", "ignore", "resolve") else "done"


def _finalising(decided: AssetDecision, decision: Decision) -> str:
    """What is sold and closed, and which coins are not free; or why nothing is."""
    said = {reason.code: reason.text for reason in decided.reasons}
    if "finalise_refused" in said:
        return f"refused: {said['finalise_refused']}"
    going = decision.state.of(decided.asset).finalising
    if going is None:
        return f"no hedge is open on {decided.asset}"
    told = said.get("finalise_requested", (
        f"{plain(going.to_sell)} {decided.asset} are {WORDS[decided.way].traded}, and the {decided.way} is closed"))
    return f"{told}; {said['coins_not_free']}" if "coins_not_free" in said else told


def _asset(kind: str, decided: AssetDecision, decision: Decision) -> str:
    state, asset = decision.state.of(decided.asset), decided.asset
    whole = stricter(decision.state.state, state.state)
    account = "" if whole == state.state else f"; the account is {whole.text}"
    closing = "no hedge is open on" if decided.short == 0 and decided.goal == 0 else f"closing {abs(decided.short)}"
    told = {
        "close": f"{closing} {asset}; it is disarmed until its drift resolves",
        "finalize": _finalising(decided, decision),
        "pause": f"{asset}: {state.state.text_of(asset)}{account}",
        "resume": f"{asset}: {state.state.text_of(asset)}{account}",
        "rearm": f"{asset} may be hedged again" if state.disarmed is None else f"{asset}: disarmed ({state.disarmed})",
        "ignore": f"{asset}: a position of {plain(state.foreign)} and {len(state.ignored_orders)} orders are left to "
                  "whoever made them",
        "panic": "refused: panic is about the whole account; `hedgerow close` closes one hedge",
    }
    return told.get(kind, "done")
