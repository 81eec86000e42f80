"""The schema's history, one file a step. `upgrade.py` runs it; nothing here is imported by a journal at head."""
