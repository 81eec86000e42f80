"""The laboratory: history files, replay over them, and what is learnt from it."""
