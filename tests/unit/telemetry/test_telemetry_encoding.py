"""What streams that have few signs are given."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from bot.telemetry.console import console_for
from bot.telemetry.encoding import never_fail, spelt
from bot.telemetry.events import EVENTS


def ascii_stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)


def test_signs_that_an_encoding_lacks_are_spelt_and_the_others_left_alone() -> None:
    text = "short 0 → 0.2 − §3 125 × 0.001, é, 價"
    assert spelt(text, None) == spelt(text, "utf-8") == text
    assert spelt(text, "ascii") == "short 0 -> 0.2 - section 3 125 x 0.001, \\xe9, \\u50f9"
    assert spelt(text, "latin-1") == "short 0 -> 0.2 - §3 125 × 0.001, é, \\u50f9"
    assert spelt("→", "no such encoding") == "->"


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if event.says])
def test_every_event_fits_a_narrow_encoding_and_its_width(name: str) -> None:
    fields = dict.fromkeys(EVENTS[name].required, Decimal("0.1")) | {
        "event": name, "ts": "2021-01-28T00:15:00Z", "message": "→ × − § " * 20}
    shown = console_for(ascii_stream()).render(fields)
    assert shown.isascii()
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_an_answer_printed_to_an_ascii_stream_is_spelt_instead_of_failing() -> None:
    stream = ascii_stream()
    never_fail(stream)
    stream.write("125 × 0.001 → −")
    assert isinstance(stream.buffer, io.BytesIO)
    assert stream.buffer.getvalue() == b"125 x 0.001 -> -"
