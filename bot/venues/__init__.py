"""Exchanges through ccxt: the only room that imports it, and only when a venue is really opened."""
