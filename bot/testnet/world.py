"""One story being told: the simulated account, the time it is at, and what is due at which instant."""

from __future__ import annotations

from collections.abc import Callable

from bot.core.times import Millis, next_on_grid
from bot.paper.exchange import PaperExchange
from bot.testnet.clock import StoryClock


class World:
    """Account and clock together. A request first catches up, and then sees one instant however long it takes.

    Jobs that fall due in between (a dead-man's switch) are deadlines in one schedule: the account is brought to each
    in turn, in the order of time and then of name, so that the outcome does not depend on the size of the steps.
    """

    def __init__(self, exchange: PaperExchange, clock: StoryClock) -> None:
        self.exchange = exchange
        self.clock = clock
        self._due: dict[str, tuple[Millis, Callable[[], None]]] = {}

    def now(self) -> Millis:
        """The instant at which the account is."""
        return self.exchange.now

    def catch_up(self) -> Millis:
        """Bring the account to the clock's instant, which the wall may have moved on."""
        now = self.clock.now()
        if now != self.exchange.now:
            self._bring(now)
        return now

    def advance(self, lease: str, until: Millis) -> Millis:
        """Step time as `StoryClock.advance` does, and the account with it."""
        now = self.clock.advance(lease, until)
        self._bring(now)
        return now

    def next_instant(self, *, every_grid: bool) -> Millis | None:
        """The next instant at which something may happen to the account by itself, a job is due or, if asked for, the
        markets move; None: at none.
        """
        due = [at for at, _ in self._due.values()]
        event, feed = self.exchange.next_event(), self.exchange.feed
        if event is not None:
            due.append(event)
        if every_grid:
            due.append(next_on_grid(self.now(), feed.start, feed.step))
        return min(due, default=None)

    def schedule(self, name: str, at: Millis, job: Callable[[], None]) -> None:
        """Have `job` done at `at`; a later call with the same name replaces it."""
        self._due[name] = (at, job)

    def unschedule(self, name: str) -> None:
        """Forget the job of that name, if there is one."""
        self._due.pop(name, None)

    def deadlines(self) -> dict[str, Millis]:
        """When which job is due."""
        return {name: at for name, (at, _) in sorted(self._due.items())}

    def _bring(self, now: Millis) -> None:
        while self._due:
            name, (at, job) = min(self._due.items(), key=lambda item: (item[1][0], item[0]))
            if at > now:
                break
            del self._due[name]
            if at > self.exchange.now:
                self.exchange.advance(at)
            job()
        if now > self.exchange.now:
            self.exchange.advance(now)
