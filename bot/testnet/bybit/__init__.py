"""Bybit's dialect: v5 for spot and linear perpetuals of a unified account, as its documentation describes it.

Where it differs from Bybit, on purpose:

* A coin is worth its perpetual's mark, in US dollars a settle coin is 1, and each coin has one collateral ratio,
  whatever the amount.
* Debts bear no interest, and are not limited: what a unified account owes, it owes until it is paid back. Liquidation
  closes perpetuals only, at the mark and without a fee; it sells no coins.
* Initial and maintenance margin do not include the estimated fee of closing.
* Open interest is 0; candles look at the mid at five places each.
"""
