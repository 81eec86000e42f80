"""Ten protections, each as the line of code that makes it: what a test of its fault must notice when it is gone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Protection:
    """`text` in the file at `path` is replaced by `without`; then `test` (a node id) must fail."""

    fault: int
    what: str
    path: str
    text: str
    without: str
    test: str


PROTECTIONS: tuple[Protection, ...] = (
    Protection(
        1, "an unknown outcome counts as refused", "bot/venues/failures.py",
        "return Uncertain(text) if attempt.endpoint.at_most_once else Unavailable(text)",
        "return Unavailable(text)",
        "tests/faults/test_order_path.py::test_an_order_whose_answer_is_lost_is_found_and_never_sent_again",
    ),
)
