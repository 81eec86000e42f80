"""Bybit's dialect: v5 REST for spot and linear perpetuals of a unified account, as its documentation describes it."""
