"""The report as one page: no script, nothing fetched from elsewhere, every text escaped."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.money import plain
from bot.core.times import DAY, Millis, iso
from bot.core.way import went
from bot.lab import charts, report_books, report_series
from bot.lab.bulk import uncollected
from bot.lab.report import EpisodeReport, Report, report_on

if TYPE_CHECKING:
    from markupsafe import Markup

    from bot.lab.report_series import Series

PARTS = (
    ("fees of the perpetual", "futures_fees"), ("fees on spot", "spot_fees"), ("funding paid", "funding_paid"),
    ("basis", "basis"), ("slippage", "slippage"), ("slippage on spot", "spot_slippage"),
    ("between the legs of a sale", "legging"), ("rounding", "rounding"),
)
"""The parts of the net cost, in words and as `Costs` calls them."""

TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>hedgerow: {{ told.journal.venue }} {{ told.journal.account }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #24292f; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; } figcaption { color: #57606a; font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid #d8dee4; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } td.words { white-space: normal; }
tr.sum td { font-weight: 600; border-top: 2px solid #24292f; }
</style>
</head>
<body>
<h1>What the hedges cost</h1>
<p>{{ told.journal.environment }} {{ told.journal.venue }}, account {{ told.journal.account }}
{%- if told.first is not none %}; {{ told.first | day }} to {{ told.last | day }}{% endif %}.
Amounts in {{ told.settle }}: a cost is positive, what was earned is negative; ? is not known.</p>

<div class="wide"><table id="account">
<tr><th>account</th><th>{{ told.settle }}</th></tr>
<tr><td>NAV at the start</td><td>{{ told.account.nav_start | money }}</td></tr>
<tr><td>NAV at the end</td><td>{{ told.account.nav_end | money }}</td></tr>
<tr><td>hedges (open)</td><td>{{ told.account.hedges }} ({{ told.account.open_hedges }})</td></tr>
{%- for words, name in parts %}
<tr><td>{{ words }}</td><td>{{ told.account[name] | money }}</td></tr>
{%- endfor %}
<tr class="sum"><td>net cost</td><td>{{ told.account.net_cost | money }}</td></tr>
<tr><td>net cost, bp a year</td><td>{{ told.account.bp_a_year | money }}</td></tr>
<tr><td>against holding</td><td>{{ told.account.against_holding | money }}</td></tr>
{%- if told.stray_fills or told.stray_settlements %}
<tr><td>of these, fees of no hedge</td><td>{{ told.account.outside_fees | money }}</td></tr>
<tr><td>of these, funding of no hedge</td><td>{{ told.account.outside_funding | money }}</td></tr>
{%- endif %}
{%- for coin, amount in told.account.fees_charged.items() %}
<tr><td>fees charged in {{ coin }}</td><td>{{ amount | number }}</td></tr>
{%- endfor %}
{%- for coin, amount in told.account.sold.items() %}
<tr><td>{{ coin }} {{ amount | went }}</td><td>{{ amount | abs | number }}</td></tr>
{%- endfor %}
{%- for coin, amount in told.account.bought.items() %}
<tr><td>{{ coin }} bought with the proceeds</td><td>{{ amount | number }}</td></tr>
{%- endfor %}
</table></div>

{% for caption, picture in pictures -%}
<h2>{{ caption }}</h2>
<figure>{{ picture }}</figure>
{% endfor -%}

<h2>Hedge by hedge</h2>
<div class="wide"><table id="hedges">
<tr><th>hedge</th><th>opened</th><th>closed</th><th>ended by</th><th>peak size</th><th>net cost</th>
<th>bp a year</th><th>against holding</th><th>effectiveness</th></tr>
{%- for one in told.episodes %}
<tr><td><a href="#hedge-{{ loop.index }}">{{ one.id }}</a></td><td>{{ one.opened_at | day }}</td>
<td>{% if one.closed_at is none %}open{% else %}{{ one.closed_at | day }}{% endif %}</td>
<td>{{ one.ended_by or "-" }}</td><td>{{ one.peak_short | number }} {{ one.asset }}</td>
<td>{{ one.costs.net_cost | money }}</td><td>{{ one.costs.bp_a_year | money }}</td>
<td>{{ one.costs.against_holding | money }}</td>
<td>{{ one | effectiveness }}</td></tr>
{%- endfor %}
</table></div>
{% for one in told.episodes %}
<h2 id="hedge-{{ loop.index }}">{{ one.id }}: {{ one.symbol }}</h2>
<div class="wide"><table>
<tr><th>{{ one.id }}</th><th>{{ told.settle }}</th></tr>
<tr><td>opened</td><td>{{ one.opened_at | instant }}</td></tr>
<tr><td>closed</td><td>{% if one.closed_at is none %}open{% else %}{{ one.closed_at | instant }}{% endif %}</td></tr>
<tr><td>entry, exit on average</td><td>{{ one.entry_price | money }}, {{ one.exit_price | money }}</td></tr>
<tr><td>fills, resizes</td><td>{{ one.fills }}, {{ one.resizes }}</td></tr>
{%- for words, name in parts %}
<tr><td>{{ words }}</td><td>{{ one.costs[name] | money }}</td></tr>
{%- endfor %}
<tr class="sum"><td>net cost</td><td>{{ one.costs.net_cost | money }}</td></tr>
<tr><td>realised</td><td>{{ one.costs.realised | money }}</td></tr>
<tr><td>unrealised</td><td>{{ one.costs.unrealised | money }}</td></tr>
{%- if one.costs.sold %}
<tr><td>{{ one.asset }} {{ one.costs.sold | went }} on spot</td><td>{{ one.costs.sold | abs | number }}</td></tr>
<tr><td>for</td><td>{{ one.costs.proceeds | abs | money }}</td></tr>
{%- endif %}
{%- for coin, amount in one.costs.bought.items() %}
<tr><td>{{ coin }} bought with it</td><td>{{ amount | number }}</td></tr>
{%- endfor %}
{%- if one.costs.bought %}
<tr><td>for</td><td>{{ one.costs.spent | money }}</td></tr>
{%- endif %}
<tr><td>against holding</td><td>{{ one.costs.against_holding | money }}</td></tr>
<tr><td>what the hedged coins gained</td><td>{{ one.costs.hedged_move | money }}</td></tr>
<tr><td>residual against the venue's rows</td><td>{{ one | compared }}</td></tr>
</table></div>
{%- if one.ended_why %}
<p>{{ one.ended_by }}: {{ one.ended_why }}</p>
{%- endif %}
{%- if one.costs.why_unknown() %}
<p>Its net cost is not known: {{ one.costs.why_unknown() }}</p>
{%- endif %}
{%- if one.compared is not none %}
{%- for residual in one.compared.residuals %}
<p>{{ residual.row.at | instant }} {{ residual.text }}</p>
{%- endfor %}
{%- endif %}
{% endfor %}
{%- if "" in told.account.unknown %}
<p>What all hedges cost is not known: {{ told.account.unknown[""] }}</p>
{%- endif %}
{%- for gap in told.gaps %}
<p>The venue had forgotten the {{ gap.kind }} of {{ gap.since | instant }} to {{ gap.until | instant }}.</p>
{%- endfor %}
</body>
</html>
"""


def page(path: Path, *, since: Millis | None = None, until: Millis | None = None) -> str:
    """The page on a journal, as `report.make`. The same journal is the same bytes. Raises JournalError."""
    with uncollected():
        books = report_books.read(path, since=since, until=until)
        series = report_series.read(path, books, since=since, until=until)
        told = report_on(books, since=since, until=until)
    return page_of(told, series)


def page_of(told: Report, series: Series) -> str:
    """The same of what was read already."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - imported when a page is made, never before

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True)
    environment.filters.update(
        money=money, number=number, day=day, instant=instant, effectiveness=effectiveness, compared=compared,
        went=went)
    return environment.from_string(TEMPLATE).render(told=told, parts=PARTS, pictures=_pictures(told, series))


def _pictures(told: Report, series: Series) -> list[tuple[str, Markup]]:
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    found = [(f"{one.asset}: its weight without and with the hedge", charts.exposure(one)) for one in series.weights]
    if series.spent.at:
        found.append(("What hedging cost, by component", charts.spent(series.spent, told.settle)))
    if series.runway is not None and any(value is not None for value in series.runway.joint):
        found.append(("How far all shorted prices could rise before liquidation", charts.runway(series.runway)))
    if told.episodes:
        found.append(("Hedges", charts.timeline(bars(told))))
    return [(caption, Markup(picture)) for caption, picture in found]  # noqa: S704 - matplotlib escapes texts itself


def bars(told: Report) -> list[charts.Bar]:
    """Every hedge on the line of time."""
    return [bar for one in told.episodes if (bar := _bar(told, one)) is not None]


def _bar(told: Report, one: EpisodeReport) -> charts.Bar | None:
    if one.opened_at is None:
        return None
    end = one.closed_at if one.closed_at is not None else max(told.last or 0, one.opened_at)
    return charts.Bar(one.id, one.asset, one.opened_at, end, over=one.closed_at is not None)


# -- how values are written --------------------------------------------------------------------------------------------


def money(value: Decimal | None) -> str:
    """With cents; '?' where it is not known."""
    return "?" if value is None else f"{value:,.2f}"


def number(value: Decimal | None) -> str:
    """As it is."""
    return "?" if value is None else plain(value)


def day(at: Millis | None) -> str:
    """The date."""
    return "?" if at is None else iso(at // DAY * DAY)[:10]


def instant(at: Millis | None) -> str:
    """Date and time."""
    return "?" if at is None else iso(at)


def effectiveness(one: EpisodeReport) -> str:
    """To four places; 'n/a' where the price hardly moved, '?' where it is not known."""
    if one.costs.effectiveness is not None:
        return f"{one.costs.effectiveness:.4f}"
    return "?" if one.costs.futures_pnl is None or one.costs.hedged_move is None else "n/a"


def compared(one: EpisodeReport) -> str:
    """How many rows differ from the venue's."""
    if one.compared is None:
        return "not compared"
    return f"{len(one.compared.residuals)} rows differ" if one.compared.residuals else "0"
