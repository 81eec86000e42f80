"""The command line: parse, call `bot.app`, print. No decision is taken here."""
