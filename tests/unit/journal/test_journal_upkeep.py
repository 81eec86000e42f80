"""Looking after a journal: what `check` finds, what a copy is, what pruning leaves, what can be rebuilt."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from lived_journal import TAG, Lived, opened

from bot.core.episode import Episode, EpisodeState
from bot.core.market import Side
from bot.core.orders import Fill, OrderReport, OrderState, PastOrder, TimeInForce
from bot.core.times import DAY, Millis
from bot.errors import JournalError, JournalLocked, JournalUnconfirmed
from bot.journal.check import CheckReport, check
from bot.journal.reader import read_books, read_decisions, read_episodes
from bot.journal.rebuild import Rebuilt, Remembered, rebuild, write
from bot.journal.upkeep import backup, confirm, prune
from bot.ports import Memory

D = Decimal
KEPT = ("binding", "intents", "order_events", "fills", "funding", "episodes", "commands", "heartbeats")


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return Lived(tmp_path_factory.mktemp("lived"))


@pytest.fixture
def path(lived: Lived, tmp_path: Path) -> Path:
    (tmp_path / "journal.db").write_bytes(lived.content)
    return tmp_path / "journal.db"


def spoil(path: Path, *statements: str) -> None:
    """Change rows behind the journal's back: without its guards and without its links."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount, statement
        for _, text in guards:
            connection.execute(text)


def table(path: Path, name: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()  # noqa: S608 -- our own names


def wrong(report: CheckReport) -> dict[str, str]:
    return {one.name: " | ".join(one.problems) for one in report.checks if not one.ok}


def test_a_lived_journal_agrees_with_itself(path: Path) -> None:
    report = check(path)
    assert report.ok, wrong(report)
    looked = {one.name: one.examined for one in report.checks}
    assert looked["orders"] > 10
    assert looked["fills"] > 10
    assert looked["episodes"] >= 2
    assert looked["decisions"] == len(table(path, "decisions"))


@pytest.mark.parametrize(("statement", "name", "says"), [
    ("UPDATE fills SET quantity = '0.5' WHERE seq = 1", "fills", "its executions sum to"),
    ("UPDATE fills SET client_order_id = 'nobody' WHERE seq = 1", "fills", "belongs to no order of ours"),
    ("UPDATE fills SET side = 'buy' WHERE seq = 1", "fills", "is booked to"),
    ("UPDATE fills SET fee = '99' WHERE seq = 1", "episodes", "fees is"),
    ("UPDATE funding SET amount = '-99' WHERE episode IS NOT NULL", "episodes", "funding_paid is"),
    ("UPDATE episodes SET average_entry = '1' WHERE seq = 1", "episodes", "average_entry is 1"),
    ("UPDATE episodes SET state = 'open' WHERE state = 'closed'", "episodes", "its fills make it closed"),
    ("UPDATE order_events SET state = 'not_found' WHERE state = 'filled'", "orders", "cannot go from"),
    ("UPDATE order_events SET at = 5 WHERE seq = (SELECT max(seq) FROM order_events)", "orders", "follows one of"),
    ("UPDATE order_events SET filled = '0' WHERE state = 'filled'", "orders", "is called filled with 0"),
    ("UPDATE intents SET number = 1000 WHERE number = 3", "orders", "intent 1000 follows intent"),
    ("DELETE FROM terms", "links", "decisions row"),
    ("DELETE FROM binding", "binding", "names no account"),
    ("UPDATE alembic_version SET version_num = '0000'", "schema", "it has schema 0000"),
    ("UPDATE decisions SET nav = '1', situation = replace(situation, '\"taken_at\":', '\"taken_at\":1') WHERE seq = 3",
     "decisions", "this version decides otherwise"),
    ("UPDATE decisions SET signature = 'x' WHERE seq = 3", "decisions", "its columns do not say what it says"),
    ("UPDATE decisions SET situation = '{' WHERE seq = 3", "decisions", "cannot be read"),
    ("UPDATE terms SET content = replace(content, '\"0.5\"', '\"0.6\"')", "decisions", "do not have that digest"),
])
def test_a_row_that_was_tampered_with_is_found(path: Path, statement: str, name: str, says: str) -> None:
    spoil(path, statement)
    report = check(path)
    assert not report.ok
    assert says in wrong(report)[name]


def test_an_execution_booked_twice_is_found_even_where_the_index_is_gone(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        text = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'fills'").fetchone()[0]
        connection.execute("CREATE TABLE kept AS SELECT * FROM fills")
        connection.execute("DROP TABLE fills")
        connection.execute(text.replace(", \n\tCONSTRAINT uq_fills_symbol_trade_id UNIQUE (symbol, trade_id)", ""))
        connection.execute("INSERT INTO fills SELECT * FROM kept")
        connection.execute("INSERT INTO fills SELECT seq + 1000, symbol, trade_id, order_id, client_order_id, side, "
                           "quantity, price, fee, fee_currency, realised, maker, at, booked_at, fee_value "
                           "FROM kept LIMIT 1")
    found = wrong(check(path))
    assert "is booked 2 times" in found["doubles"]
    assert "fills may be changed" in found["schema"]


def test_a_broken_page_is_a_finding_and_not_a_crash(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle:middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    assert "file" in wrong(check(path))


def test_what_is_no_database_is_a_finding_and_what_is_not_there_an_error(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no journal at all, but a text of some length\n" * 50)
    assert "not a database" in wrong(check(tmp_path / "text"))["file"]
    with pytest.raises(JournalError, match="there is no journal"):
        check(tmp_path / "nowhere")


async def test_a_journal_of_the_schema_before_is_brought_to_this_one_with_all_it_holds(path: Path) -> None:
    before = {name: table(path, name) for name in (*KEPT, "decisions")}
    books = read_books(path)
    spoil_schema(path)
    assert read_books(path) == books  # also before a bot has brought it here
    assert "it has schema 0001" in wrong(check(path, decisions=0))["schema"]
    journal = await opened(path)
    await journal.close()
    assert {name: table(path, name) for name in before} == before
    assert check(path, decisions=1).ok


def spoil_schema(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for column in ("about", "says", "said_by"):
            connection.execute(f"ALTER TABLE commands DROP COLUMN {column}")
        connection.execute("ALTER TABLE fills DROP COLUMN fee_value")
        connection.execute("ALTER TABLE decisions DROP COLUMN advice")
        for column in ("sold", "proceeds"):
            connection.execute(f"ALTER TABLE episodes DROP COLUMN {column}")
        for name in ("rebuilt", "gaps", "comparisons"):
            connection.execute(f"DROP TABLE {name}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")


def test_only_the_newest_decisions_are_decided_again_where_that_is_asked(path: Path) -> None:
    spoil(path, "UPDATE decisions SET signature = 'x' WHERE seq = 1")
    steps: list[tuple[int, int]] = []
    report = check(path, decisions=3, progress=lambda done, of: steps.append((done, of)))
    assert report.ok
    assert steps == [(1, 3), (2, 3), (3, 3)]


async def test_a_copy_made_beside_a_writer_is_whole_and_for_its_owner_alone(path: Path, tmp_path: Path) -> None:
    journal = await opened(path)
    await journal.beat(8)
    made = await asyncio.to_thread(backup, path, tmp_path / "copy.db")
    await journal.beat(9)
    await journal.close()
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert not any((tmp_path / f"copy.db{end}").exists() for end in ("-wal", "-shm", "-journal"))
    assert made.size == made.file.stat().st_size
    assert check(made.file, decisions=5).ok
    assert [row[1] for row in table(made.file, "heartbeats")] == [8]
    assert all(table(made.file, name) == table(path, name) for name in KEPT if name != "heartbeats")


def test_a_copy_never_overwrites(path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear to me")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("mine", "link"):
        with pytest.raises(JournalError, match="never overwrites"):
            backup(path, tmp_path / name)
    assert (tmp_path / "mine").read_text() == "dear to me"
    assert not (tmp_path / "elsewhere").exists()


def test_a_copy_of_a_damaged_journal_is_refused_and_leaves_nothing(path: Path, tmp_path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle:middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(JournalError):
        backup(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_pruning_takes_old_decisions_only_and_what_acted_stays(path: Path) -> None:
    before = {name: table(path, name) for name in KEPT}
    decisions = list(read_decisions(path))
    caused = {row[0] for row in table_of(path, "SELECT decided_at FROM intents")}
    limit = decisions[-1].decision.at - 5 * DAY
    expected = [
        row.seq for row in decisions if row.decision.at >= limit or row in (decisions[0], decisions[-1])
        or any(one.intent for one in row.decision.assets) or row.decision.at in caused
    ]
    told = prune(path, 5 * DAY, dry_run=True)
    assert len(list(read_decisions(path))) == len(decisions)
    size = path.stat().st_size
    done = prune(path, 5 * DAY)
    assert [row.seq for row in read_decisions(path)] == expected
    assert {name: table(path, name) for name in KEPT} == before
    assert (told.decisions, told.terms, told.kept, told.text) == (done.decisions, done.terms, done.kept, done.text)
    assert done.decisions == len(decisions) - len(expected) > 100
    assert done.kept > 0
    assert done.before == limit
    assert done.size == path.stat().st_size < size / 2
    report = check(path)
    assert report.ok, wrong(report)


def table_of(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_pruning_keeps_the_newest_decision_whatever_its_age(path: Path) -> None:
    newest = list(read_decisions(path))[-1].seq
    prune(path, 0)
    assert [row.seq for row in read_decisions(path)][-1] == newest
    assert next(read_decisions(path)).seq == 1


def test_after_pruning_the_tables_are_guarded_again(path: Path) -> None:
    prune(path, DAY)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.Error, match="append-only"):
        connection.execute("DELETE FROM decisions")


def test_terms_that_no_decision_names_any_more_go_with_them(path: Path) -> None:
    spoil(path, "INSERT INTO terms VALUES ('unused', 1, '{}')",
          "UPDATE decisions SET terms = 'unused' WHERE seq = 2")
    assert prune(path, DAY, dry_run=True).terms == 1
    assert prune(path, DAY).terms == 1
    assert len(table(path, "terms")) == 1


async def test_pruning_is_refused_beside_a_bot_and_counting_is_not(path: Path) -> None:
    journal = await opened(path)
    try:
        with pytest.raises(JournalLocked):
            prune(path, DAY)
        assert prune(path, DAY, dry_run=True).decisions
    finally:
        await journal.close()


async def test_a_pruned_journal_recalls_what_it_recalled_before(path: Path) -> None:
    async def recalled() -> object:
        journal = await opened(path)
        try:
            return await journal.recall("USDT")
        finally:
            await journal.close()

    before = await recalled()
    prune(path, DAY)
    after = await recalled()
    assert after == before


def test_an_interrupted_pruning_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = table(path, "decisions")
    monkeypatch.setattr("bot.journal.upkeep._UNUSED", "no_such_column = 1")
    with pytest.raises(JournalError):
        prune(path, DAY)
    assert table(path, "decisions") == before
    assert check(path, decisions=1).ok


def test_without_a_journal_nothing_is_laid_beside_it(tmp_path: Path) -> None:
    for work in (lambda: prune(tmp_path / "none.db", DAY), lambda: confirm(tmp_path / "none.db", 1)):
        with pytest.raises(JournalError, match="there is no journal"):
            work()
    assert not list(tmp_path.iterdir())


# -- rebuilding --------------------------------------------------------------------------------------------------------


def remembered(lived: Lived, since: Millis = 0) -> Remembered:
    """What a venue that forgets unfilled orders would tell of the story."""

    async def ask() -> Remembered:
        symbols = [spec.symbol for spec in lived.terms.instruments.values()]
        fills = [fill for symbol in symbols for fill in await lived.venue.fills(symbol, since)]
        snapshot = await lived.venue.snapshot()
        orders = []
        for order in lived.exchange.orders.values():
            report = await lived.venue.find_order(order.symbol, order.client_order_id)
            assert report is not None
            if order.filled and order.created_at >= since:
                orders.append(PastOrder(report, order.side, order.quantity, order.price, order.reduce_only,
                                        order.time_in_force, order.created_at))
        return Remembered(
            account="1", since=since, at=lived.exchange.now, orders=tuple(orders),
            fills=tuple(sorted(fills, key=lambda fill: fill.at)), funding=await lived.venue.funding(since),
            positions={held.symbol: held.quantity for held in snapshot.positions},
        )

    return asyncio.run(ask())


def rebuilt(lived: Lived, file: Path, seen: Remembered) -> Rebuilt:
    found = rebuild(seen, lived.terms, TAG)
    write(file, found, seen, lived.terms, environment="local", venue="binance", wall=5)
    return found


def by_the_venue(one: Episode) -> tuple[object, ...]:
    return (one.id, one.state, one.short, one.peak_short, one.entry_notional, one.exit_notional, one.average_entry,
            one.realised, one.fees, one.funding_paid, one.fills, one.opened_at, one.closed_at)


def test_what_the_venue_remembers_gives_the_same_books_and_hedges(lived: Lived, tmp_path: Path) -> None:
    found = rebuilt(lived, tmp_path / "new.db", remembered(lived))
    assert found.incomplete == ()
    ours, lost = read_books(tmp_path / "new.db"), read_books(lived.path)
    assert {(f.symbol, f.trade_id): f for f in ours.fills} == {(f.symbol, f.trade_id): f for f in lost.fills}
    assert sorted(ours.funding, key=str) == sorted(lost.funding, key=str)
    traded = [one for one in read_episodes(lived.path) if one.state is not EpisodeState.VOID]
    assert [by_the_venue(one) for one in read_episodes(tmp_path / "new.db")] == [
        by_the_venue(one) for one in traded]
    report = check(tmp_path / "new.db")
    assert report.ok, wrong(report)
    assert any("why it was placed" in text for text in found.unknown)


def test_a_hedge_older_than_the_history_is_marked_and_still_has_its_short(lived: Lived, tmp_path: Path) -> None:
    first = next(one for one in read_episodes(lived.path) if one.fills > 1 and one.opened_at is not None)
    fills = [f for f in read_books(lived.path).fills if f.symbol == first.symbol]
    since = fills[0].at + 1
    seen = remembered(lived, since)
    found = rebuilt(lived, tmp_path / "new.db", seen)
    assert first.id in found.incomplete
    assert any(first.id in text and "before" in text for text in found.unknown)
    again = next(one for one in read_episodes(tmp_path / "new.db") if one.id == first.id)
    assert (again.state, again.short, again.opened_at) == (first.state, first.short, since)
    report = check(tmp_path / "new.db")
    assert report.ok, wrong(report)


async def test_no_bot_starts_on_a_rebuilt_journal_before_a_human_confirmed_it(
    lived: Lived, tmp_path: Path,
) -> None:
    file = tmp_path / "new.db"
    await asyncio.to_thread(rebuilt, lived, file, await asyncio.to_thread(remembered, lived))
    with pytest.raises(JournalUnconfirmed, match=f"hedgerow journal confirm {file}"):
        await opened(file)
    assert confirm(file, 6)
    assert not confirm(file, 7)
    journal = await opened(file)
    memory = await journal.recall("USDT")
    await journal.close()
    with closing(sqlite3.connect(lived.path)) as connection:
        assert memory.intents >= connection.execute("SELECT max(number) FROM intents i JOIN fills USING "
                                                    "(client_order_id)").fetchone()[0]


def halfway(seen: Remembered) -> Remembered:
    """The same account at the instant of its third execution."""
    at = seen.fills[2].at
    fills = tuple(fill for fill in seen.fills if fill.at <= at)
    positions: dict[str, Decimal] = {}
    for fill in fills:
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        positions[fill.symbol] = positions.get(fill.symbol, D(0)) + signed
    return replace(
        seen, at=at, fills=fills, orders=tuple(order for order in seen.orders if order.created_at <= at),
        funding=tuple(payment for payment in seen.funding if payment.at <= at), positions=positions)


async def test_an_open_hedge_is_rebuilt_open_and_a_bot_goes_on_from_it(lived: Lived, tmp_path: Path) -> None:
    file, seen = tmp_path / "new.db", halfway(await asyncio.to_thread(remembered, lived))
    await asyncio.to_thread(rebuilt, lived, file, seen)
    report = check(file)
    assert report.ok, wrong(report)
    confirm(file, 6)
    journal = await opened(file)
    memory = await journal.recall("USDT")
    await journal.close()
    still_open = {one.symbol: -one.short for one in memory.episodes if one.state is EpisodeState.OPEN}
    assert still_open
    assert still_open == {symbol: held for symbol, held in seen.positions.items() if held}
    assert memory.orders == ()
    assert memory.funding_at == max((payment.at for payment in seen.funding), default=None)


def test_numbers_go_on_after_the_highest_that_the_venue_remembers(lived: Lived, tmp_path: Path) -> None:
    seen = remembered(lived)
    first = rebuild(seen, lived.terms, TAG).orders[0][0].number
    fewer = replace(seen, orders=tuple(
        order for order in seen.orders if not order.report.client_order_id.startswith(f"hr{TAG}_btc1_")))
    found = rebuilt(lived, tmp_path / "new.db", fewer)
    assert [intent.number for intent, _ in found.orders] == sorted(intent.number for intent, _ in found.orders)
    assert found.orders[0][0].number > first
    assert check(tmp_path / "new.db").ok
    assert any("is of no order of ours" in text for text in found.unknown)
    memory = fold_memory(tmp_path / "new.db")
    assert memory.intents == found.orders[-1][0].number > len(found.orders)


def test_coins_that_were_sold_with_a_hedge_belong_to_it_and_those_of_the_user_to_nobody(
    lived: Lived, tmp_path: Path,
) -> None:
    seen = remembered(lived)
    first = rebuild(seen, lived.terms, TAG).episodes[0]
    spot, last = lived.terms.instruments[first.asset].spot_symbol, max(
        order.created_at for order in seen.orders if order.report.client_order_id.startswith(f"hr{TAG}_{first.id}_"))
    name = f"hr{TAG}_{first.id}_zz"
    sale = PastOrder(
        OrderReport(name, spot, OrderState.FILLED, D("0.5"), order_id="77", quantity=D("0.5"), price=D(100)),
        Side.SELL, D("0.5"), D(100), reduce_only=False, time_in_force=TimeInForce.GTX, created_at=last)
    ours = Fill("9001", "77", spot, Side.SELL, D("0.5"), D(100), D("0.05"), "USDT", D(0), maker=True, at=last)
    theirs = replace(ours, trade_id="9002", order_id="78", side=Side.BUY)
    with_sale = replace(seen, orders=(*seen.orders, sale),
                        fills=tuple(sorted((*seen.fills, ours, theirs), key=lambda fill: fill.at)))
    found = rebuilt(lived, tmp_path / "new.db", with_sale)
    again = next(one for one in found.episodes if one.id == first.id)
    assert (again.sold, again.proceeds, again.fees) == (D("0.5"), D(50), first.fees + D("0.05"))
    assert by_the_venue(replace(again, fees=first.fees, fills=first.fills)) == by_the_venue(first)
    assert [fill.trade_id for fill in found.fills if fill.symbol == spot] == ["9001"]
    assert not any("9002" in text for text in found.unknown)
    assert read_books(tmp_path / "new.db").fills == found.fills


def test_coins_bought_with_the_proceeds_belong_to_the_hedge_though_all_else_of_it_is_forgotten(
    lived: Lived,
) -> None:
    seen = remembered(lived)
    mine = [order for order in seen.orders if order.report.client_order_id.startswith(f"hr{TAG}_btc1_")]
    last = max(order.created_at for order in mine)
    bought = PastOrder(
        OrderReport(f"hr{TAG}_btc1_zz", "ETH/USDT", OrderState.FILLED, D(2), order_id="77", quantity=D(2),
                    price=D(1_000)), Side.BUY, D(2), D(1_000), reduce_only=False, time_in_force=TimeInForce.GTX,
        created_at=last)
    fill = Fill("9001", "77", "ETH/USDT", Side.BUY, D(2), D(1_000), D("0.002"), "ETH", D(0), maker=True, at=last,
                fee_value=D(2))
    whole = rebuild(replace(seen, orders=(*seen.orders, bought), fills=(*seen.fills, fill)), lived.terms, TAG)
    before = rebuild(seen, lived.terms, TAG).episodes[0]
    assert whole.episodes[0] == replace(before, fees=before.fees + 2, fills=before.fills + 1)
    gone = {order.report.order_id for order in mine}
    left = replace(seen, orders=(*(order for order in seen.orders if order not in mine), bought),
                   fills=(*(one for one in seen.fills if one.order_id not in gone), fill))
    hedge = next(one for one in rebuild(left, lived.terms, TAG).episodes if one.id == "btc1")
    assert (hedge.asset, hedge.symbol, hedge.sold, hedge.fees) == ("BTC", "BTC/USDT:USDT", D(0), D(2))


def fold_memory(file: Path) -> Memory:
    async def recalled() -> Memory:
        confirm(file, 6)
        journal = await opened(file)
        try:
            return await journal.recall("USDT")
        finally:
            await journal.close()

    return asyncio.run(recalled())


def test_a_hedge_counts_on_from_its_number_where_the_first_ones_are_forgotten(lived: Lived, tmp_path: Path) -> None:
    seen = remembered(lived)
    renamed = tuple(
        replace(order, report=replace(order.report, client_order_id=order.report.client_order_id.replace(
            "_btc1_", "_btc7_"))) for order in seen.orders)
    rebuilt(lived, tmp_path / "new.db", replace(seen, orders=renamed))
    assert fold_memory(tmp_path / "new.db").episode_numbers == {"BTC": 7, "ETH": 1}


def test_a_journal_that_was_not_rebuilt_cannot_be_confirmed(path: Path) -> None:
    with pytest.raises(JournalError, match="was not rebuilt"):
        confirm(path, 6)


def test_an_execution_of_somebody_else_and_a_position_nobody_explains_are_told(lived: Lived) -> None:
    seen = remembered(lived)
    stranger = seen.orders[-1]
    report = OrderReport("hrother1_btc1_1", stranger.report.symbol, OrderState.FILLED, D(1), order_id="x")
    others = [order for order in seen.orders if order is not stranger]
    told = rebuild(Remembered(
        seen.account, seen.since, seen.at, (*others, PastOrder(
            report, stranger.side, D(1), D(1), stranger.reduce_only, stranger.time_in_force, 1)),
        seen.fills, seen.funding, seen.positions), lived.terms, TAG)
    assert any("is not this account's" in text for text in told.unknown)
    assert any("is of no order of ours" in text for text in told.unknown)
    assert any("holds still until they agree" in text for text in told.unknown)


def test_a_rebuilt_journal_is_a_new_file_or_none(lived: Lived, path: Path, tmp_path: Path) -> None:
    seen = remembered(lived)
    with pytest.raises(JournalError, match="is there already"):
        rebuilt(lived, path, seen)
    found = rebuild(seen, lived.terms, TAG)
    twice = Rebuilt(found.orders * 2, found.fills, found.funding, found.episodes, (), ())
    with pytest.raises(JournalError, match="UNIQUE"):
        write(tmp_path / "new.db", twice, seen, lived.terms, environment="local", venue="binance", wall=5)
    assert not list(tmp_path.glob("new.db*"))
    assert path.read_bytes() == lived.content


def test_the_new_file_is_for_its_owner_alone(lived: Lived, tmp_path: Path) -> None:
    rebuilt(lived, tmp_path / "new.db", remembered(lived))
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        mark = connection.execute("SELECT unknown, confirmed_at FROM rebuilt").fetchone()
    assert json.loads(mark[0])
    assert mark[1] is None


def test_the_page_about_the_journal_names_every_table_and_every_check(path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "journal.md").read_text(encoding="utf-8")
    tables = {str(row[0]) for row in table_of(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    for name in tables - {"sqlite_sequence"}:
        assert f"| `{name}` |" in page
    for one in check(path, decisions=0).checks:
        assert f"| {one.name} |" in page
