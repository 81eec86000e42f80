"""What a fee in another coin was worth in the settle coin when it was booked."""

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
