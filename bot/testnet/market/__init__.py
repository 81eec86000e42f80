"""The local testnet's market: hourly rows of a panel or a scenario, bridged to a grid, with books and takers."""
