"""What costs need: the worth of a fee in another coin when it was booked, what a hedge sold on spot, the advice with
which one was opened, and what comparing the books with the venue's own account came to.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One step forward."""
    op.add_column("fills", sa.Column("fee_value", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("advice", sa.Text(), nullable=True))
    for name in ("sold", "proceeds"):
        op.add_column("episodes", sa.Column(name, sa.Text(), nullable=False, server_default="0"))
    op.create_table(
        "comparisons",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("residuals", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_comparisons"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER comparisons_no_{change.lower()} BEFORE {change} ON comparisons "
                       "BEGIN SELECT RAISE(ABORT, 'comparisons is append-only'); END")
