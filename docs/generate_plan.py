"""Writes docs/plan-and-explain.md: its words, and what the commands on it print (a test says when it is due)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo
from rich.console import Console, RenderableType

from bot.answers import ExplainedDecision, PlanReport, plan_portfolio
from bot.cli import render, render_explain, render_plan
from bot.core.explain import explain
from bot.core.plan import decide
from bot.journal.views import RecordedDecision
from bot.settings import load_portfolio
from bot.settings.model import Section
from bot.settings.portfolio import WISHES, PortfolioSettings
from bot.settings.schema import entry_type, form_of, section_of

HERE = Path(__file__).parent
TARGET = HERE / "plan-and-explain.md"
EXAMPLE = HERE / "examples" / "first-hedge.yaml"

PAGE = """\
# What it would do, and why it did

<!-- Written by docs/generate_plan.py; edit there. -->

Two commands answer questions and send nothing: `hedgerow plan` looks ahead, `hedgerow explain` looks back.

## Plan

`hedgerow plan -c mine.yaml` asks the exchange and shows what a tick would decide now. `hedgerow plan --portfolio FILE`
does the same for an account that a file describes: no key, no network, no journal. Try a portfolio before you own it:

```sh
hedgerow plan --portfolio docs/examples/first-hedge.yaml
```

```text
{plan}```

- **The table** is the decision: weights, the short that is there, the short that is wanted, and what is done about it.
  Below it stands why, and after *not:* every guard that said no.
- **Next** is where the rule acts again if this coin alone moves and its perpetual with it, counted from after this
  decision: an increase above, a reduction and the close below. *now* means that it is reached already, and waits for
  a confirmation, a guard or margin. The price is the first one on the price tick at which the rule, with its rounding
  and the exchange's minimum order, really acts.
- **Futures** is what the futures wallet must hold at that price for the whole increase: the largest of what the cap on
  effective leverage, the runway of `stop_runway` after the trade, and the exchange's initial margin ask for. **Will
  have** is the wallet by then, less what an open short has lost on the way. What it **lacks**, move there in time; the
  bot cuts the increase to what there is.
- **Hedge, or sell now** weighs the two for every coin above its target: fees, spread and basis of either way, and the
  funding of the last 30 days (of a portfolio file: its rate). A hedge costs less up front than a sale and the purchase
  that takes it back, and then funding costs or earns every day, so the answer is a time: for how long the hedge is the
  cheaper one, if the drift resolves and if it ends in a sale anyway. `hedgerow advise BTC -c mine.yaml` shows the
  figures as a table, and with `tax.rate` and your lots in the configuration what selling now would be taxed: paying
  sooner is what that costs, not the tax. A decision that opens a hedge keeps this advice in the journal.
- **Guards** shows every reading beside its limit, tripped or not, so that you see what is close. A dash is a reading
  that there is not yet: no earlier price, no short.

`--json` prints all of it and more: prices of all triggers, the three demands on the wallet, every gauge with its unit.
Exit code 4 means that the bot would refuse to start with this account.

### A portfolio file

{example}

What is wanted (`assets`, `cash`, `triggers`, `guards`, `margin`) is written as in a
[configuration](configuration.md), here or in the configuration that `-c` names, never in both. The rest is what an
exchange would show; what is left out is the quiet case. Amounts stand in quotes, and every mistake is reported at once
with its line. A plan looks once, so set `confirm: 1` to see what two looks would do.

| key | written | default | meaning |
|---|---|---|---|
{keys}
The files in [examples/](examples/) are the worked examples of the rule, and tests hold the program to their numbers:

| file | what it shows |
|---|---|
{files}
## Explain

`hedgerow status` shows the number of the last decision. `explain` takes that number, an instant, the id of an order or
of a hedge, or `last`, and shows the arithmetic from the journal alone:

```sh
hedgerow explain last -c mine.yaml
hedgerow explain 2024-01-06T12:00:00Z -c mine.yaml
hedgerow explain btc1 -c mine.yaml
```

An instant means the decision that was in force then; a hedge's id the decision that opened it. Each step is its
formula, its numbers and, after the arrow, its result; ≈ marks a quotient whose digits are cut for showing. The example
above, told by `explain` (the second coin is left out here):

```text
{explain}```

The numbers are not read from the decision. They are computed again, by the functions that decided, from what was
recorded: prices, balances, positions, orders, the rule's memory and the configuration of that moment. The last line
says whether that gives the same. Where it does not, the line says how it differs, and the exit code is 7.
"""


def page() -> str:
    """The whole page."""
    report = plan_portfolio(EXAMPLE, None)
    example = f"```yaml\n{EXAMPLE.read_text(encoding='utf-8').partition(chr(10) * 2)[2]}```"
    return PAGE.format(
        plan=_plan(report), example=example, explain=_explain(), keys="".join(_keys(PortfolioSettings, "")),
        files="".join(_files()))


def _plan(report: PlanReport) -> str:
    return _printed(render.plan(report, render_plan.ahead(report)))


def _explain() -> str:
    """The example's decision as the journal would keep it, up to its second coin, and the last line."""
    described = load_portfolio(EXAMPLE, None, 0)
    situation, terms = described.situation, described.terms
    decision = decide(situation, terms)
    told = ExplainedDecision(
        RecordedDecision(1, 1, situation, terms, decision), explain(situation, terms, decision))
    text = _printed(render_explain.explanation(told))
    first, _, rest = text.partition("\nETH\n")
    return f"{first}\n{rest.splitlines()[-1]}\n"


def _printed(what: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=80, markup=False, emoji=False, highlight=False, color_system=None).print(what)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _keys(section: type[Section], above: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        entry = entry_type(field.annotation)
        inner = section_of(field.annotation if entry is None else entry)
        key = f"{above}{name}" if entry is None else f"{above}{name}.{'FROM' if name == 'tiers' else 'COIN'}"
        if inner is None or (not above and name in WISHES):
            form = form_of(field)
            kind = "" if form is None or name in WISHES else form.written
            yield f"| `{key}` | {kind} | {_default(field)} | {field.description} |\n"
        else:
            yield from _keys(inner, f"{key}.")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None or field.default == {}:
        return "–"
    if isinstance(field.default, dict):
        return ", ".join(f"`{name}: {value}`" for name, value in field.default.items())
    return f"`{field.default}`"


def _files() -> Iterator[str]:
    for file in sorted((HERE / "examples").glob("*.yaml")):
        title = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        yield f"| [{file.name}](examples/{file.name}) | {title} |\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
