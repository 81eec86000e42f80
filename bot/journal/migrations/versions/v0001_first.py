"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_APPEND_ONLY = ("binding", "terms", "decisions", "intents", "order_events", "fills", "funding")


def upgrade() -> None:
    """One step forward."""
    op.create_table(
        "binding",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_binding")
    )
    op.create_table(
        "commands",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=True),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_commands"),
        sqlite_autoincrement=True
    )
    op.create_table(
        "episodes",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("short", sa.Text(), nullable=False),
        sa.Column("peak_short", sa.Text(), nullable=False),
        sa.Column("entry_quantity", sa.Text(), nullable=False),
        sa.Column("entry_notional", sa.Text(), nullable=False),
        sa.Column("exit_quantity", sa.Text(), nullable=False),
        sa.Column("exit_notional", sa.Text(), nullable=False),
        sa.Column("average_entry", sa.Text(), nullable=False),
        sa.Column("realised", sa.Text(), nullable=False),
        sa.Column("fees", sa.Text(), nullable=False),
        sa.Column("funding_paid", sa.Text(), nullable=False),
        sa.Column("fills", sa.Integer(), nullable=False),
        sa.Column("resizes", sa.Integer(), nullable=False),
        sa.Column("unpriced_fees", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_episodes"),
        sa.UniqueConstraint("id", name="uq_episodes_id")
    )
    op.create_table(
        "fills",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=True),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=False),
        sa.Column("fee", sa.Text(), nullable=False),
        sa.Column("fee_currency", sa.String(), nullable=False),
        sa.Column("realised", sa.Text(), nullable=False),
        sa.Column("maker", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_fills"),
        sa.UniqueConstraint("symbol", "trade_id", name="uq_fills_symbol_trade_id")
    )
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("wall_at", sa.BigInteger(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("poll", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeats")
    )
    op.create_table(
        "terms",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_terms")
    )
    op.create_table(
        "decisions",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("nav", sa.Text(), nullable=True),
        sa.Column("halted", sa.String(), nullable=True),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("situation", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["terms"], ["terms.digest"], name="fk_decisions_terms"),
        sa.PrimaryKeyConstraint("seq", name="pk_decisions"),
        sa.UniqueConstraint("at", "revision", name="uq_decisions_at_revision")
    )
    op.create_table(
        "funding",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("episode", sa.String(), nullable=True),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["episode"], ["episodes.id"], name="fk_funding_episode"),
        sa.PrimaryKeyConstraint("seq", name="pk_funding"),
        sa.UniqueConstraint("symbol", "payment_id", name="uq_funding_symbol_payment_id")
    )
    op.create_table(
        "intents",
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("episode", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=False),
        sa.Column("reduce_only", sa.Boolean(), nullable=False),
        sa.Column("time_in_force", sa.String(), nullable=False),
        sa.Column("position_before", sa.Text(), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("spot_mid", sa.Text(), nullable=True),
        sa.Column("perp_mid", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["episode"], ["episodes.id"], name="fk_intents_episode"),
        sa.PrimaryKeyConstraint("client_order_id", name="pk_intents"),
        sa.UniqueConstraint("number", name="uq_intents_number")
    )
    op.create_index("ix_intents_asset_created_at", "intents", ["asset", "created_at"], unique=False)
    op.create_table(
        "order_events",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("filled", sa.Text(), nullable=True),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("quantity", sa.Text(), nullable=True),
        sa.Column("price", sa.Text(), nullable=True),
        sa.Column("average", sa.Text(), nullable=True),
        sa.Column("venue_at", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_order_id"], ["intents.client_order_id"], name="fk_order_events_client_order_id",
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_order_events")
    )
    op.create_index("ix_order_events_client_order_id", "order_events", ["client_order_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for table in _APPEND_ONLY:
            for change in ("UPDATE", "DELETE"):
                op.execute(f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                           f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
