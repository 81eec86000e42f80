"""A simulated account on a simulated exchange: books, matching, fees, margin, funding, liquidation."""
