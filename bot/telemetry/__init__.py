"""What the bot says of itself: a table of events, JSON lines in a file, transitions on the console, no secrets."""
