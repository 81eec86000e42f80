"""Protections, each as the line of code that makes it: what a test of its fault must notice when it is gone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Protection:
    """`text` in the file at `path` is replaced by `without`; then `test` (a node id) must fail.

    The test is one that sees the protection alone at work: a second one behind it would hide the first.
    """

    fault: int
    what: str
    path: str
    text: str
    without: str
    test: str


PROTECTIONS: tuple[Protection, ...] = (
    Protection(
        75, "nobody looks whether the event loop turns", "bot/telemetry/watchdog.py",
        "if stands > self._stall and not self._stalled:", "if stands < 0:",
        "tests/faults/test_watchdog.py::"
        "test_a_loop_that_stands_still_is_reported_with_the_place_and_no_value_and_so_is_its_return",
    ),
    Protection(
        1, "an unknown outcome is not looked up: it counts as never sent", "bot/venues/failures.py",
        "return Uncertain(text) if attempt.endpoint.at_most_once else Unavailable(text)",
        "return Unavailable(text)",
        "tests/faults/test_order_path.py::test_an_order_whose_answer_is_lost_is_found_and_never_sent_again",
    ),
    Protection(
        31, "a finalisation closes more than it has sold", "bot/core/finalise.py",
        "min(rest, _closable(now, means)), now.leg_at)", "rest, now.leg_at)",
        "tests/faults/test_finalise.py::test_after_a_restart_between_the_legs_exactly_what_was_sold_is_closed",
    ),
    Protection(
        2, "an order counts as never sent although the position moved", "bot/engine/settle.py",
        "record.misses >= LOOKS_BEFORE_NOT_FOUND and waited and unmoved and",
        "record.misses >= LOOKS_BEFORE_NOT_FOUND and",
        "tests/faults/test_order_path_quarantine.py::"
        "test_an_order_that_is_not_found_while_the_position_moved_waits_for_a_human",
    ),
    Protection(
        12, "a sale whose name is taken counts as refused", "bot/venues/binance_spot.py",
        "        if there is None:\n            raise refusal", "        if True:\n            raise refusal",
        "tests/unit/venues/test_binance_spot.py::test_a_name_that_is_taken_is_looked_up_and_adopted",
    ),
    Protection(
        15, "a ban is not kept to", "bot/venues/budget.py",
        "        self._silent_until = max(", "        _ = max(",
        "tests/faults/test_order_path.py::test_a_ban_is_silence_until_it_ends",
    ),
    Protection(
        38, "a commit does not wait for the disk", "bot/journal/connect.py",
        '"synchronous = FULL"', '"synchronous = OFF"',
        "tests/faults/test_power_loss.py::test_behind_any_write_or_sync_every_intent_that_was_told_of_is_there",
    ),
    Protection(
        39, "an old backup gives its numbers out again", "bot/engine/twin.py",
        "last_numbers(memory.names, account_tag))\n    if strange:",
        "last_numbers(memory.names, account_tag))\n    if False:",
        "tests/faults/test_crash_journal.py::test_an_old_backup_is_refused_before_it_gives_a_number_out_twice",
    ),
    Protection(
        40, "orders of a second bot are not looked for", "bot/engine/twin.py",
        'raise SafetyStop(\n                f"a second bot works', 'print(\n                f"a second bot works',
        "tests/faults/test_second_bot.py::"
        "test_a_second_bot_that_started_at_the_same_time_stops_at_the_first_order_that_is_not_its_own",
    ),
    Protection(
        40, "two journals of one account give out the same client order ids", "bot/engine/book.py",
        "client_order_id(self._tag + self._journal_tag, name, number)", "client_order_id(self._tag, name, number)",
        "tests/faults/test_second_bot.py::"
        "test_two_bots_that_order_at_one_instant_both_stop_and_neither_takes_the_others_order_for_its_own",
    ),
    Protection(
        46, "a funding row among trades is taken for a trade", "bot/venues/bybit_history.py",
        " if said.changes_position(entry)})", "})",
        "tests/unit/venues/test_bybit_history.py::test_funding_is_no_trade_and_what_the_venue_forced_is_nobodys",
    ),
    Protection(
        51, "what the venue has forgotten is not marked", "bot/engine/history.py",
        "and hedged_within(self._book.episodes, lost_from, horizon)", "and False",
        "tests/faults/test_reads.py::test_after_a_stop_longer_than_the_venues_memory_the_gap_is_marked_and_said",
    ),
    Protection(
        54, "a jump is believed at once", "bot/core/plan.py",
        "draft.sight, refusal = guards.watch_jump(", "draft.sight, _ = guards.watch_jump(",
        "tests/faults/test_market.py::test_a_spike_of_one_poll_moves_nothing",
    ),
    Protection(
        62, "foreign orders on the symbol do not pause opening", "bot/core/guards.py",
        "    if foreign_orders:", "    if False:",
        "tests/faults/test_account.py::test_a_foreign_order_on_the_symbol_pauses_opening_and_no_longer_than_it_rests",
    ),
    Protection(
        64, "what was liquidated is opened anew", "bot/core/rule.py",
        "        draft.disarmed = standing.forced", "        pass",
        "tests/faults/test_account.py::test_what_the_venue_closes_by_force_ends_the_hedge_and_nothing_is_reopened_until_rearm",
    ),
    Protection(
        70, "a revoked key is asked with again and again", "bot/venues/failures.py",
        "    if code in codes.stop:", "    if False:",
        "tests/faults/test_account.py::test_a_key_that_is_taken_back_is_known_by_its_code_and_stops_the_bot",
    ),
    Protection(
        73, "a clock that jumped is not measured anew", "bot/venues/gateway.py",
        "        except ClockSkew:\n            await self.measure_clock()\n",
        "        except ClockSkew:\n",
        "tests/faults/test_clocks_apart.py::test_our_clock_jumps_and_no_order_goes_twice",
    ),
    Protection(
        83, "any address passes the door", "bot/venues/transport.py",
        "        if not passes:", "        if False:",
        "tests/unit/venues/test_door.py::test_no_other_address_passes",
    ),
    Protection(
        86, "a secret that others can read is read", "bot/settings/secrets.py",
        "if mode & (stat.S_IRWXG | stat.S_IRWXO):", "if False:",
        "tests/unit/settings/test_settings_secrets.py::test_a_secret_that_others_can_read_is_refused",
    ),
    Protection(
        87, "a venue's words keep our keys", "bot/venues/transport.py",
        "attempt.message = self._without_credentials(message)", "attempt.message = message",
        "tests/faults/test_secrets.py::"
        "test_what_a_venue_repeats_of_our_keys_is_in_no_log_no_journal_and_no_answer",
    ),
    Protection(
        88, "control characters of a venue's words go to the log", "bot/telemetry/redaction.py",
        "if text.isprintable():", "if True:",
        "tests/unit/telemetry/test_telemetry_logs.py::test_control_characters_are_escaped_in_file_and_console",
    ),
)
