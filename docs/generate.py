"""Writes docs/configuration.md from the settings' model: `python docs/generate.py` (a test says when it is due)."""

from __future__ import annotations

from pathlib import Path

from pydantic.fields import FieldInfo

from bot.settings import Settings, grammar
from bot.settings.model import Section
from bot.settings.schema import entry_type, form_of, section_of

TARGET = Path(__file__).with_name("configuration.md")

HEAD = """\
# Configuration

<!-- Written by docs/generate.py from bot/settings; edit there. -->

One YAML file, given with `-c FILE`, holds everything but keys. Commented examples: [demo.yaml](../config/demo.yaml),
[binance-demo.yaml](../config/binance-demo.yaml), [bybit.yaml](../config/bybit.yaml),
[history.yaml](../config/history.yaml). The smallest one:

```yaml
venue: binance
environment: local
assets:
  BTC: {target: "50%"}
  ETH: {target: "30%"}
cash: {USDT: "20%"}
```

Any mistake stops the start with exit code 4, and every mistake is listed at once, each with file and line, key, what is
wrong and what is allowed. Unknown keys, keys that stand twice and unknown `HEDGEROW_*` variables are mistakes too.

## How values are written

| kind | written |
|---|---|
"""

EXACT = """
Amounts and shares are exact decimals. A bare `0.001` is refused, because YAML readers make a binary float of it: write
`"0.001"`. Whole numbers need no quotes. Relative paths start at the configuration file's folder.

## Variables

Every key can be set, or set anew, by a variable: `HEDGEROW_` and the key, with `__` between its parts, in any case.
A variable wins over the file. Relative paths in variables start at the present folder.

```sh
HEDGEROW_ASSETS__ETH__TARGET=25% HEDGEROW_CASH__USDT=25% hedgerow plan -c mine.yaml
```

## Keys of the exchange

They never stand in the file. Set `HEDGEROW_API_KEY` and `HEDGEROW_API_SECRET`, or write each to a file `api_key`,
`api_secret` in a folder that `secrets_dir` names, readable by you alone (`chmod 600`). The variables win. The local
testnet needs none.

The addresses of messages to you are secrets too, because they hold tokens: `HEDGEROW_ALERT_URLS`, or a file
`alert_urls` in the same folder, one address a line, as [apprise](https://github.com/caronc/apprise) writes them.
[operations.md](operations.md#alerts) has the rest.

## Real money

`environment: live` trades only with three opt-ins that agree: `live: {enabled: true}` in the file, `--live` and
`--account ID` on the command line. The id must be the one that the exchange reports.

## All keys

"""

FORMS = (
    grammar.WEIGHT, grammar.SHARE, grammar.LEVEL, grammar.DURATION, grammar.AMOUNT, grammar.COUNT, grammar.INSTANT,
    grammar.LOTS, grammar.FILE, grammar.LOOPBACK,
)


def configuration() -> str:
    """The whole page."""
    forms = "".join(f"| {form.name} | {form.written} |\n" for form in FORMS)
    top = {name: field for name, field in Settings.model_fields.items() if not _inner(field)}
    parts = [HEAD, forms, EXACT, _table(top, "")]
    for name, field in Settings.model_fields.items():
        inner = _inner(field)
        if inner is not None:
            above = f"{name}.COIN." if entry_type(field.annotation) is not None else f"{name}."
            parts.append(f"\n### {name}\n\n{field.description or ''}\n\n{_table(inner.model_fields, above)}")
    return "".join(parts)


def _inner(field: FieldInfo) -> type[Section] | None:
    entry = entry_type(field.annotation)
    return section_of(field.annotation if entry is None else entry)


def _table(fields: dict[str, FieldInfo], above: str) -> str:
    rows = ["| key | kind | default | meaning |\n|---|---|---|---|\n"]
    for name, field in fields.items():
        form = form_of(field)
        kind = "text" if form is None else form.written if form.name == "word" else form.name
        key = f"{above}{name}.COIN" if entry_type(field.annotation) is not None else f"{above}{name}"
        rows.append(f"| `{key}` | {kind} | {_default(field)} | {field.description or ''} |\n")
    return "".join(rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None or field.default_factory is dict:
        return "–"
    text = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{text}`"


if __name__ == "__main__":
    TARGET.write_text(configuration(), encoding="utf-8")
