"""Commands that say something of an order: of which, what, and by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One step forward."""
    for name in ("about", "says", "said_by"):
        op.add_column("commands", sa.Column(name, sa.String(), nullable=True))
