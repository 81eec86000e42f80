"""The local testnet: a server on loopback that speaks an exchange's own protocol over the simulated account."""
