"""Pure values and arithmetic: no I/O, no clock, no logging, no vendor types, no float money."""
