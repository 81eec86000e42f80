"""hedgerow: hold the coins, hedge the drift with short perpetual micro-contracts."""

__version__ = "0.1.0"
