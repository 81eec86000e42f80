"""Binance's dialect: spot and USD-M futures REST, as its own documentation and connectors describe it."""
