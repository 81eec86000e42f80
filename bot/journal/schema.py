"""The tables. Append-only, but for an episode's running account, a command's answer and the heartbeat.

Money, prices, quantities and rates are TEXT: NUMERIC would turn '0.100' into 0.1 in SQLite (DESIGN "Decimal").
Instants are integer milliseconds. `HEAD` names the newest migration; a test holds it, and these tables, to the
migrations in `bot/journal/migrations`.
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

HEAD = "0005"
"""The schema's newest revision."""

APPEND_ONLY = ("binding", "terms", "decisions", "intents", "order_events", "fills", "funding", "gaps", "comparisons")
"""Tables whose rows may be neither changed nor deleted: the triggers `<table>_no_update` and `<table>_no_delete`."""


class Money(TypeDecorator[Decimal]):
    """A Decimal kept as the text it is: digits, sign and point, no exponent, nothing rounded."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """The text that is stored. Raises ValueError for what is no finite Decimal."""
        del dialect
        return None if value is None else money_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """The Decimal that was stored."""
        del dialect
        return None if value is None else Decimal(value)


def money_text(value: Decimal) -> str:
    """How an amount is written down. Raises ValueError for what is no finite Decimal."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError(f"{value!r} is not an amount")
    return format(value, "f")


metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
})

# SQLite counts rows up by itself only in a column of type INTEGER.
_Serial = BigInteger().with_variant(Integer(), "sqlite")


def _serial() -> Column[int]:
    return Column("seq", _Serial, primary_key=True, autoincrement=True)


def _millis(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _money(name: str, *, nullable: bool = False) -> Column[Decimal]:
    return Column(name, Money, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String, nullable=nullable)


binding = Table(
    "binding", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("environment"), _text("venue"), _text("account"), _text("created_by"), _millis("created_at"),
)
"""Whose journal this is: one row. `created_at`: on the bot's clock; client order ids tell journals apart by it."""

rebuilt = Table(
    "rebuilt", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _millis("since"), _millis("made_at"), Column("unknown", Text, nullable=False),
    Column("incomplete", Text, nullable=False), _millis("confirmed_at", nullable=True),
)
"""One row in a journal that was rebuilt from the venue, none in any other. `since`: how far back the venue was asked
(its time); `unknown`: what could not be known, in words, a JSON list; `incomplete`: ids of hedges that began before
`since`, a JSON list; `confirmed_at`: when a human let a bot work with it (wall time, as `made_at`).
"""

terms = Table(
    "terms", metadata,
    Column("digest", String, primary_key=True), _millis("first_at"), Column("content", Text, nullable=False),
)
"""Policy and contract specifications (`Terms`) by the digest of their JSON."""

decisions = Table(
    "decisions", metadata,
    _serial(), _millis("at"), Column("revision", Integer, nullable=False), _text("signature"),
    Column("reasons", Text, nullable=False), _money("nav", nullable=True), _text("halted", nullable=True),
    Column("terms", ForeignKey("terms.digest"), nullable=False),
    Column("situation", Text, nullable=False), Column("decision", Text, nullable=False),
    Column("advice", Text, nullable=True), UniqueConstraint("at", "revision"),
)
"""Decisions with all they depended on. A decision taken again at an instant (a restart between two ticks) is no second
row when it, its situation and its terms are the same as before; otherwise it is the instant's next `revision`. The row
with the highest `seq` is the one that counts. `advice`: of each coin of which a hedge is opened, whether that or a sale
was the cheaper way; NULL: none is.
"""

intents = Table(
    "intents", metadata,
    Column("client_order_id", String, primary_key=True), Column("number", Integer, nullable=False, unique=True),
    Column("episode", ForeignKey("episodes.id"), nullable=False),
    _text("asset"), _text("symbol"), _text("side"), _money("quantity"), _money("price"),
    Column("reduce_only", Boolean, nullable=False), _text("time_in_force"), _money("position_before"), _money("goal"),
    _millis("decided_at"), _millis("created_at"), _text("reason"),
    _money("spot_mid", nullable=True), _money("perp_mid", nullable=True),
    Index(None, "asset", "created_at"),
)
"""Orders as meant, each committed before its request leaves."""

order_events = Table(
    "order_events", metadata,
    _serial(), Column("client_order_id", ForeignKey("intents.client_order_id"), nullable=False, index=True),
    _text("kind"), _text("state", nullable=True), _money("filled", nullable=True), _text("order_id", nullable=True),
    _money("quantity", nullable=True), _money("price", nullable=True), _money("average", nullable=True),
    _millis("venue_at", nullable=True), _text("code", nullable=True), _text("message", nullable=True), _millis("at"),
)
"""What was learnt of orders, in the order in which it was learnt. `kind`: 'report', or 'miss' (a look-up that found
nothing: then only `at` is set).
"""

fills = Table(
    "fills", metadata,
    _serial(), _text("symbol"), _text("trade_id"), _text("order_id"), _text("client_order_id", nullable=True),
    _text("side"), _money("quantity"), _money("price"), _money("fee"), _text("fee_currency"), _money("realised"),
    Column("maker", Boolean, nullable=False), _millis("at"), _millis("booked_at"), _money("fee_value", nullable=True),
    UniqueConstraint("symbol", "trade_id"),
)
"""Executions as the venue booked them, each once. `fee_value`: what a fee in another coin than the settle coin was
worth in it when it was booked; NULL: not known, or not needed.
"""

funding = Table(
    "funding", metadata,
    _serial(), _text("symbol"), _text("payment_id"), _money("amount"), _text("currency"), _millis("at"),
    Column("episode", ForeignKey("episodes.id"), nullable=True), _millis("booked_at"),
    UniqueConstraint("symbol", "payment_id"),
)
"""Funding settlements as the venue booked them, each once; `amount` positive when received."""

gaps = Table(
    "gaps", metadata,
    _serial(), _text("kind"), _millis("since"), _millis("until"), _millis("found_at"), _text("symbol", nullable=True),
)
"""What the venue had forgotten when it was asked: `kind` ('funding' or 'fills') of `since` ≤ instant < `until`;
`symbol` None where every one is concerned. The books may lack what happened then.
"""

comparisons = Table(
    "comparisons", metadata,
    _serial(), _millis("since"), _millis("until"), Column("matched", Integer, nullable=False),
    Column("residuals", Text, nullable=False), _millis("at"),
)
"""What comparing the books of `since` ≤ instant < `until` with the venue's own account came to: how many rows agree,
and those that do not (JSON of `bot.core.income.Residual`).
"""

episodes = Table(
    "episodes", metadata,
    _serial(), Column("id", String, nullable=False, unique=True), _text("asset"), _text("symbol"), _text("state"),
    _millis("started_at"), _millis("opened_at", nullable=True), _millis("closed_at", nullable=True),
    _money("short"), _money("peak_short"), _money("entry_quantity"), _money("entry_notional"), _money("exit_quantity"),
    _money("exit_notional"), _money("average_entry"), _money("realised"), _money("fees"), _money("funding_paid"),
    Column("fills", Integer, nullable=False), Column("resizes", Integer, nullable=False),
    Column("unpriced_fees", Integer, nullable=False), _millis("updated_at"),
    Column("sold", Money, nullable=False, server_default="0"),
    Column("proceeds", Money, nullable=False, server_default="0"),
)
"""Each hedge's running account. `sold`: coins on spot, for `proceeds` before fees."""

commands = Table(
    "commands", metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True), _text("kind"), _text("asset", nullable=True),
    _millis("issued_at"), _text("result", nullable=True), _millis("acknowledged_at", nullable=True),
    _text("about", nullable=True), _text("says", nullable=True), _text("said_by", nullable=True),
    sqlite_autoincrement=True,
)
"""The user's wishes to a running bot, and what became of them. An id is never used twice. `about`: the client id of an
order; `says`, `said_by`: what is said of it, and by whom.
"""

heartbeats = Table(
    "heartbeats", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _millis("decided_at"), _millis("wall_at"), Column("pid", Integer, nullable=False), _millis("poll", nullable=True),
)
"""The last beat: one row. `decided_at` is the bot's time (a story's, in a story), `wall_at` the machine's."""
