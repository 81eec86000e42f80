"""The local testnet: a server on loopback that speaks an exchange's own protocol over the simulated account.

`build` puts one together from `TestnetOptions`, `server.serve` opens the door. A request is answered at one instant
of the story; only `POST /testnet/advance` moves a stepped story.

Where it differs from Binance, on purpose:

* The books shown are those of others: our own resting orders are not drawn into bookTicker and depth.
* Limit orders only (spot: LIMIT and LIMIT_MAKER); hedge mode, multi-assets mode and isolated margin can be set and are
  shown, but orders in hedge mode are refused and margin is always cross.
* Weights and order counts run on story time. Rejected orders count too. A ban (418) follows 20 requests after a 429;
  Binance does not say how many.
* ticker/24hr sees the last day once an hour, its volume is scaled from the takers then; the last price is the mid.
* A transfer between the wallets has no endpoint (nor has it on Binance's demo); `POST /testnet/transfer` is the
  owner's hand, `POST /testnet/deposit` the world outside.
* No klines, no WebSocket, no batch orders.
"""
