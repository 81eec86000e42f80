"""Writes docs/venues.md: its words, what each venue offers, and what differs when both play the same story.

The comparison takes a minute; a test plays it too and says when the page is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from compare_venues import VENUES, differences, play_both, table

from bot.core.money import plain
from bot.environment import OFFERS
from bot.testnet.specs import BYBIT, INSTRUMENTS

HERE = Path(__file__).parent
TARGET = HERE / "venues.md"
STORY = HERE.parent / "config" / "demo.yaml"

ALIKE: Mapping[str, str] = {"HEDGEROW_STORY__FUTURES_SHARE": "100%", "HEDGEROW_STORY__DAYS": "20"}
"""All cash behind the shorts on both: Binance's futures wallet holds it, as Bybit's one wallet does.

The same rise and fall in 20 days has every change of a hedge in it that 35 days have.
"""

PAGE = """\
# Venues

<!-- Written by docs/generate_venues.py; edit there. -->

Two exchanges can be traded on. The bot decides the same on both; what is different lies below the decision.

## What there is

| venue | environment | hosts that may be called |
|---|---|---|
{environments}

`local` is the testnet on this machine. It speaks the protocol of the venue that the configuration names, on loopback,
and needs no key:

```sh
hedgerow demo --venue binance
hedgerow demo --venue bybit
```

Every request passes one door that knows these names and no others; a redirect to another host is refused. An
environment that a venue lacks is refused when the configuration is read, with the reason:

| venue | not there | why |
|---|---|---|
| Binance | `testnet` | {binance_lacks} |
| BingX | all but live | {bingx_lacks} |
| MEXC | all but live | {mexc_lacks} |
| WEEX | all but live | {weex_lacks} |

BingX, MEXC and WEEX cannot be chosen at all: what cannot be tried with play money first is not offered with real
money.

## What works where

| | Binance demo | Binance live | Bybit testnet | Bybit demo | Bybit live |
|---|---|---|---|---|---|
| orders, positions, fills, funding | yes | yes | yes | yes | yes |
| prices | of its own market | real | of its own market, thin | the real market's | real |
| what the key may do (`doctor`) | not told | told | told | not told | told |
| fees of the account | told | told | told | not told: 0.02%, 0.055%, spot 0.1% are assumed | told |
| whose account it is | user id | user id | user id | known by its key: a new one is another | user id |
| cash to the margin account | by hand | where permitted | one wallet | one wallet | one wallet |
| orders remembered unfilled | 3 days | 3 days | 1 day | 7 days | 1 day |
| dead man's switch for orders, perpetuals | per symbol | per symbol | institutions | institutions | institutions |
| an order on spot that rests can be moved | no: cancelled and placed anew | no | yes | yes | yes |
| a sale of coins is charged in | USDT, or BNB | USDT, or BNB | USDT | USDT | USDT |

`not told` is `unknown` in `hedgerow doctor`, never `ok`.

## Keys

Nothing here needs a key until orders are to be placed: `run --dry-run` and `plan` look at public prices.

**Binance demo.** <https://demo.binance.com>, API management there. A key of the real exchange does not work, and the
other way round. Put USDT into the demo's futures wallet by hand.

**Bybit testnet.** <https://testnet.bybit.com>, API, *system-generated*, Read-Write: *Contract: Orders, Positions* and
*Spot: Trade*, nothing under *Wallet*. It has users, money and prices of its own.

**Bybit demo.** In your account at <https://www.bybit.com>, switch to *Demo Trading*, then API. The demo has a user of
its own. A key made inside the *testnet's* demo trading works nowhere.

**Live.** Allow futures (Bybit: contract orders and positions) and reading, and spot trading if hedges are ever to be
finalised, that is, coins sold; neither withdrawal nor transfer. Bind the key to this machine's address. A Bybit key
without an address expires after three months; `doctor` warns two weeks before.

```console
$ export HEDGEROW_API_KEY=... HEDGEROW_API_SECRET=...
$ hedgerow doctor -c config/bybit.yaml
$ hedgerow run -c config/bybit.yaml
```

## What must be set at the venue

| | Binance | Bybit |
|---|---|---|
| position mode | one-way; set by the bot while nothing is open | one-way; verified, never set |
| margin | cross, per symbol; set by the bot | cross, for the whole account; verified, never set |
| account | single-asset, no portfolio margin; verified | unified, no portfolio margin; verified |
| leverage | set and verified | set and verified |

Anything else is a safety stop (exit 6) that names what to change.

## Traps

**Binance**

- Two wallets: coins and cash in the spot wallet do nothing for the short. `futures_share` of a story is that split.
- A post-only order that would trade is refused at once and stands in no history; the journal has it as cancelled
  (`-5022`).
- A client order id is unique among open orders only: sending the same one again after a fill would be accepted. The
  bot never sends one twice.
- `hedgerow` reads all open orders every 30 seconds while none of ours rests: that request is dear.
- Spot's interface refuses an order that would cross, one whose name is taken and one that the wallet does not cover
  with the same code (`-2010`), told apart by its words; a rejection in other words is looked up before it is believed.
- A spot order has no dead man's switch: one that rests when the bot dies stays until it is withdrawn or filled, and
  the next start looks it up.

**Bybit**

- One wallet: cash, coins and the shorts' profit and loss are in it, each counted once. A coin is worth what lies in
  the wallet, less what was borrowed and the interest due; coins below zero are a debt. Debts in coins outside the
  portfolio lower NAV.
- Coins are collateral at a ratio (BTC 0.95 on the testnet's table): a rising short is covered by rising coins. With
  enough of them no rise liquidates, and the runway has no end. Switch a coin off as collateral at the venue and it
  counts nothing. The ratio of very large holdings falls in steps; the bot reckons with the first.
- Orders are acknowledged before they are done. *Sent* means acknowledged; what became of an order is read. A
  post-only order that would trade is accepted, then cancelled (`EC_PostOnlyWillTakeLiquidity`), and so is what the
  venue rejects afterwards; what had filled stays.
- A limit price out of range is moved by the venue, not refused: the order is looked up and its own price reported.
- A reduce-only order above the largest size is split by the venue: its parts are one order here.
- Funding in the list of executions has the opposite sign of the wallet's; the bot books the wallet's own log.
- Profits of closing fills stand in that log too, a moment later: a fill is booked when its profit is known.
- HTTP 403 is either too many requests or a place that is not served: ten minutes of silence follow, in the second
  case a safety stop.
- Positions settled in other coins (USDC, inverse, options) share the margin but are not listed: `doctor` names the
  coin whose margin they hold.

## One idle tick

Binance: six requests, seven while an order rests. Bybit: four, five while an order rests, however many coins
(accounts with more than 200 positions or 50 orders need a page more).

## The same story on both

`hedgerow testnet serve --specs equal` gives both venues the same steps, minimums, fees and margin tables. With all
cash behind the shorts on both (`story.futures_share: "100%"`) the story of `config/demo.yaml`, here in 20 days
(`story.days`), is decided and filled alike:

{alike}
With each venue's own, in all its 35 days:

| | Binance BTC | Bybit BTC | Binance ETH | Bybit ETH |
|---|---|---|---|---|
{specifications}

{own}"""


def environments() -> str:
    """Each venue's hosts by environment."""
    rows = []
    for venue in VENUES:
        offer = OFFERS[venue]
        for kind in offer.environments:
            hosts = ", ".join(sorted(offer.hosts.get(kind, ()))) or "127.0.0.1"
            rows.append(f"| {venue.capitalize()} | `{kind}` | {hosts} |")
    return "\n".join(rows)


def specifications() -> str:
    """The two testnets' markets beside each other."""
    columns = [INSTRUMENTS["BTC"], BYBIT["BTC"], INSTRUMENTS["ETH"], BYBIT["ETH"]]
    fields = {
        "contract step": "amount_step", "minimum order, USDT": "min_notional", "price tick": "price_tick",
        "spot lot": "spot_lot", "maker fee": "maker_fee", "taker fee": "taker_fee",
        "counts as collateral": "collateral_ratio",
    }
    rows = [
        f"| {what} | {' | '.join(plain(getattr(column, name)) for column in columns)} |"
        for what, name in fields.items()
    ]
    lowest = " | ".join(plain(column.tiers[0].rate) for column in columns)
    return "\n".join([*rows, f"| maintenance margin, lowest tier | {lowest} |"])


def page(alike: str, own: str) -> str:
    """The page with the two tables of differences."""
    why = {f"{venue}_lacks": OFFERS[venue].lacks for venue in ("binance", "bingx", "mexc", "weex")}
    return PAGE.format(
        environments=environments(), alike=alike, own=own, specifications=specifications(), **why)


def played() -> tuple[str, str]:
    """The two tables, by playing the story four times."""
    return (
        table(differences(*play_both(STORY, specs="equal", environ=ALIKE))),
        table(differences(*play_both(STORY, specs="venue"))),
    )


if __name__ == "__main__":
    TARGET.write_text(page(*played()), encoding="utf-8")

