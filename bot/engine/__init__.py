"""One tick at a time: observe, settle what is open, decide, record, act, account, report."""
