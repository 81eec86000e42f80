"""What costs need: the worth of a fee in another coin when it was booked, what a hedge sold on spot, and the advice
with which one was opened.
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
