"""The local testnet: a server on loopback that speaks an exchange's own protocol over the simulated account.

`build` puts one together from `TestnetOptions`, `server.serve` opens the door. A request is answered at one instant
of the story; only `POST /testnet/advance` moves a stepped story.

What a venue's own protocol is, its dialect says (`dialect`, `binance`, `bybit`); the account underneath is the same.
Where it differs from the venues, on purpose:

* The books shown are those of others: our own resting orders are not drawn into them.
* Limit orders only; hedge mode, isolated margin and other modes can be set and are shown, but orders in hedge mode are
  refused and margin is always cross.
* Limits run on story time, and rejected orders count too.
* The last day is seen once an hour, its volume is scaled from the takers then; the last price is the mid.
* A transfer has no endpoint (nor has it on Binance's demo); `POST /testnet/transfer` is the owner's hand,
  `POST /testnet/deposit` the world outside.
* No batch orders.
* WebSockets speak when something has changed, once per step of time about the markets; where a venue repeats what
  stands still (mark prices, first levels) they are silent. No public trades, candles or liquidations of others.
* Candles over REST are drawn of mid prices, looked at four times in each. Of a halted market there are some, of volume
  0, where Binance has at times none.
* Binance: a ban (418) follows 20 requests after a 429; Binance does not say how many.
"""
