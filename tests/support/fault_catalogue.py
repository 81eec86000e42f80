"""Every fault that must be survived, by number: what happens, and what must be true afterwards.

`@pytest.mark.fault(number)` on a test says that it injects that fault; docs/faults.md is written from both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Fault(NamedTuple):
    """What happens, and what must be true afterwards."""

    what: str
    expected: str


@dataclass(frozen=True)
class Section:
    """Faults of one kind."""

    name: str
    faults: dict[int, Fault]


_FOUND = "uncertain: the symbol is frozen, the order is looked up by client id, there is exactly one"

SECTIONS = (
    Section("Order path", {
        1: Fault("time-out after the venue accepted the order", _FOUND),
        2: Fault("time-out before it accepted",
                 "“not found” counts only by the protocol; then a new intent, never the old one"),
        3: Fault("the server closes without a reply", _FOUND),
        4: Fault("TCP reset", _FOUND),
        5: Fault("the body is truncated", _FOUND),
        6: Fault("HTTP 200 with an HTML page", _FOUND),
        7: Fault("HTTP 524", _FOUND),
        8: Fault("Binance -1007, -1006, -1000", _FOUND),
        9: Fault("HTTP 503 with JSON", _FOUND),
        10: Fault("Bybit 10016", _FOUND),
        11: Fault("DNS failure, refused connection, bad certificate", "proven not sent: safe to try again"),
        12: Fault("duplicate client id", "looked up and adopted"),
        13: Fault("not found right after it was created", "not final: looked for again"),
        14: Fault("an HTML page on the look-up", "never read as “not found”"),
        15: Fault("429, 418", "backs off; after a 418 no call until Retry-After"),
        16: Fault("a post-only order would cross (refused, or accepted and cancelled later)",
                  "repriced, at most so often; never silently a taker"),
        17: Fault("partial fill, then the connection is lost",
                  "fills booked by trade id, the remainder sized from the position"),
        18: Fault("partial fill, then cancelled", "the filled part stays"),
        19: Fault("a cancel races a fill", "read again, no error"),
        20: Fault("a cancel is acknowledged, the order still open", "tried again, then an alert"),
        21: Fault("a reduce-only order is refused", "read again; flat means done"),
        22: Fault("a close larger than the position", "clamped; the sign never flips"),
        23: Fault("the venue says closed on a partial fill", "filled amounts are trusted"),
        24: Fault("a reduce order is split into several", "the children are summed"),
        25: Fault("the venue changed price or quantity", "its values are recorded"),
        26: Fault("insufficient margin", "no increase; closes still allowed"),
        27: Fault("below the minimum notional", "the drift accumulates, nothing is asked in a loop"),
        28: Fault("too many open orders", "stops, and alerts"),
    }),
    Section("Crash and journal", {
        29: Fault("killed between intent and sending", "the restart ends in the state of an unbroken run"),
        30: Fault("killed between sending and the reply", "the restart ends in the state of an unbroken run"),
        31: Fault("killed between a fill and the journal", "the restart ends in the state of an unbroken run"),
        32: Fault("killed during reconciliation", "the restart ends in the state of an unbroken run"),
        33: Fault("SIGTERM with an order resting", "cancels increases, keeps the hedge, exits within the grace period"),
        34: Fault("cancelled while creating an order", "uncertain"),
        35: Fault("disk full", "refuses to send"),
        36: Fault("journal locked", "waits a bounded time, then refuses"),
        37: Fault("journal corrupt", "refuses to start; can be rebuilt from the venue, a human confirms"),
        38: Fault("power loss after a commit", "the intent is there"),
        39: Fault("an old backup was restored", "the venue wins, and an alert says so"),
        40: Fault("two bots on one account", "the second exits"),
        41: Fault("the journal of another environment or account", "refused"),
    }),
    Section("Reads", {
        42: Fault("positions cannot be read, or are malformed", "unavailable, never flat"),
        43: Fault("positions lag behind fills", "no new decision"),
        44: Fault("empty balances", "no action"),
        45: Fault("a truncated page of open orders", "the other pages are read, or the read fails"),
        46: Fault("a funding row among trades", "filtered"),
        47: Fault("duplicate pages", "de-duplicated"),
        48: Fault("fields that are null", "the figure is unknown, never 0"),
        49: Fault("funding comes late", "back-filled; unknown until then, never 0"),
        50: Fault("funding's sign by venue", "positive means received, on each"),
        51: Fault("beyond the venue's memory", "the gap is marked"),
    }),
    Section("Market", {
        52: Fault("stale ticker", "no rule-driven order; the margin ladder still acts"),
        53: Fault("crossed or empty book", "no rule-driven order; the margin ladder still acts"),
        54: Fault("a spike of one poll", "no rule-driven order until two observations agree"),
        55: Fault("NaN, 0 or negative price", "no rule-driven order; the margin ladder still acts"),
        56: Fault("maintenance", "pauses; the journal is kept"),
        57: Fault("symbol delisted", "no opening; the close path alerts"),
        58: Fault("contract size, tick or step changed", "loaded anew; a mismatch with the configuration refuses"),
        59: Fault("the funding interval changes (8 h, 4 h, 1 h)", "accounting stays right"),
    }),
    Section("Account", {
        60: Fault("the position is changed by hand", "pauses and says so; `adopt` or `ignore`; never fights"),
        61: Fault("our order is cancelled by hand", "decided anew"),
        62: Fault("a foreign order on the symbol", "opening pauses"),
        63: Fault("auto-deleveraging", "recorded as such, disarmed until `rearm`, alert; no reopening loop"),
        64: Fault("liquidation", "recorded as such, disarmed until `rearm`, alert; no reopening loop"),
        65: Fault("leverage or margin mode changed", "increases pause"),
        66: Fault("hedge mode", "refuses to start"),
        67: Fault("multi-assets mode, portfolio margin", "refuses to start"),
        68: Fault("coins moved to Earn", "every rule-driven order held, closes too, until accepted or reversed"),
        69: Fault("deposit or withdrawal in mid-cycle",
                  "every rule-driven order held, closes too, until accepted or reversed"),
        70: Fault("the key is revoked while running", "detected by its code; stops"),
        71: Fault("the key is about to expire", "warns"),
        72: Fault("the account is reduce-only", "no opening"),
    }),
    Section("Time and system", {
        73: Fault("the clock is 2 s ahead, 10 s behind, jumps back", "measured again; nothing is sent twice"),
        74: Fault("the process is paused for 60 s", "the stale decision is dropped"),
        75: Fault("the event loop stalls", "a watchdog reports it"),
        76: Fault("10,000 ticks", "no session and no descriptor leaks"),
    }),
    Section("Configuration and security", {
        77: Fault("weights that do not sum to 100%", "refused at start: file, key, what is wrong, what is allowed"),
        78: Fault("negative, NaN or unquoted amounts", "refused at start: file, key, what is wrong, what is allowed"),
        79: Fault("close at or above open", "refused at start: file, key, what is wrong, what is allowed"),
        80: Fault("unknown symbol, asset or key", "refused at start: file, key, what is wrong, what is allowed"),
        81: Fault("duplicate keys", "refused at start: file, key, what is wrong, what is allowed"),
        82: Fault("live without all opt-ins", "refused"),
        83: Fault("demo with a live host", "refused"),
        84: Fault("a test environment on MEXC", "refused, with the reason"),
        85: Fault("a key that may withdraw", "refused"),
        86: Fault("a secret file that others can read", "refused"),
        87: Fault("keys in exceptions, headers and dumps of the configuration", "absent everywhere"),
        88: Fault("CR, LF and ANSI codes in a venue's message", "escaped"),
        91: Fault("markup in a name or an error's text", "text on the report's page, never markup"),
        93: Fault("a formula in a name, in an export", "text in every spreadsheet; negative numbers stay numbers"),
        94: Fault("an unknown or corrupt history file", "refused, with line and reason"),
    }),
)

FAULTS = {number: fault for section in SECTIONS for number, fault in section.faults.items()}
