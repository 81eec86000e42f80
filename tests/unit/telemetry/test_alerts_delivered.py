"""Alerts that really leave: over HTTP, to services that are up, dead, slow, or never answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_service import TOKEN, AlertService

from bot.core.times import HOUR
from bot.errors import ConfigError
from bot.ports import Alerts, Urgency
from bot.telemetry.alert_desk import Alert, Desk
from bot.telemetry.alerts import MOST_WAITING, Alerter, Postman
from bot.telemetry.apprise_alerts import AppriseAlerts, secrets_of
from bot.telemetry.redaction import REDACTED, Redactor

T0 = 1_700_000_000_000


class Said:
    """What was said, from whichever thread."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def named(self, event: str) -> list[dict[str, object]]:
        return [fields for name, fields in self.events if name == event]


@pytest.fixture
def service() -> Iterator[AlertService]:
    with AlertService().serving() as one:
        yield one


def alert(text: str = "m", kind: str = "safety_stop") -> Alert:
    return Alert(kind, "", text, Urgency.URGENT, T0)


def postman(alerts: Alerts, said: Said, timeout: float = 5.0) -> Postman:
    return Postman(alerts, said, name="hedgerow test", timeout=timeout, first_pause=0.01)


def until(reached: object, within: float = 10.0) -> None:
    assert callable(reached)
    ends = time.monotonic() + within
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_an_alert_arrives_over_http_with_what_to_do(service: AlertService) -> None:
    sender = postman(AppriseAlerts([service.url]), Said())
    sender.post(alert("the key was revoked"))
    (one,) = service.wait(1)
    assert one["title"] == "hedgerow test: Safety stop"
    assert one["message"].startswith("the key was revoked\n2023-11-14 22:13:20 UTC")
    assert "docs/operations.md#safety-stop" in one["message"]
    assert one["type"] == "failure"
    sender.close()


def test_a_dead_service_is_said_once_retried_and_its_return_too() -> None:
    service, said = AlertService(), Said()
    service.status = 503
    with service.serving():
        sender = postman(AppriseAlerts([service.url]), said)
        sender.post(alert("first"))
        sender.post(alert("second"))
        until(lambda: service.asked >= 3)
        assert len(said.named("alert.failed")) == 1
        assert TOKEN not in str(said.events)
        service.status = 200
        assert [one["message"].splitlines()[0] for one in service.wait(2)] == ["first", "second"]
        until(lambda: said.named("alert.back"))
        sender.close()


def test_nobody_at_the_address_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = Said()
    caplog.set_level("DEBUG")
    sender = postman(AppriseAlerts([f"json://127.0.0.1:{port}/{TOKEN}"]), said)
    sender.post(alert())
    until(lambda: said.named("alert.failed"))
    sender.close()
    assert TOKEN not in caplog.text + str(said.events), "nor does a library say it"


def test_a_service_that_never_answers_costs_nobody_but_itself_time(service: AlertService) -> None:
    service.delay = 1.5
    said = Said()
    sender = postman(AppriseAlerts([service.url]), said, timeout=0.1)
    began = time.monotonic()
    for _ in range(3 * MOST_WAITING):
        sender.post(alert())
    assert time.monotonic() - began < 0.1, "a tick would not notice"
    until(lambda: said.named("alert.failed"))
    assert "no answer within 0.1 s" in str(said.named("alert.failed")[0]["message"])
    began = time.monotonic()
    sender.close()
    assert time.monotonic() - began < 1.0
    assert service.asked <= 2, "no second request while the first is out"


def test_what_a_library_raises_is_a_failure_like_any_other() -> None:
    class Broken:
        def deliver(self, title: str, text: str, urgency: Urgency) -> None:
            raise RuntimeError(f"{title} {text} {urgency}: https://x/{TOKEN}")

    said = Said()
    sender = postman(Broken(), said)
    sender.post(alert())
    until(lambda: said.named("alert.failed"))
    sender.close()
    assert "RuntimeError" in str(said.events)
    assert TOKEN not in str(said.events)


def test_the_last_words_leave_before_the_process_does(service: AlertService) -> None:
    service.delay = 0.2
    sender = postman(AppriseAlerts([service.url]), Said())
    sender.post(alert())
    sender.close()
    assert len(service.taken) == 1


def test_one_dead_address_of_two_keeps_no_alert_from_the_other(service: AlertService) -> None:
    alerts = AppriseAlerts(["json://127.0.0.1:9/x", service.url])
    alerts.deliver("t", "m", Urgency.NOTE)
    assert service.titles() == ["t"]
    assert alerts.each("t", "m", Urgency.NOTE) == [("json", False), ("json", True)]


@pytest.mark.fault(87)
def test_no_alert_carries_a_secret(service: AlertService) -> None:
    key, secret = "planted-api-key", "planted-api-secret"
    sender = postman(AppriseAlerts([service.url]), Said())
    redactor = Redactor((key, secret, *secrets_of([service.url])))
    alerter = Alerter(Desk(repeat=HOUR, per_hour=9), sender.post, lambda: T0, Said(), redactor=redactor)
    alerter.hear("safety.stopped", {"message": (
        f"GET /x?timestamp=1&signature=deadbeef X-MBX-APIKEY: {key} {secret} {service.url} \x1b[31m\r\nred")})
    (one,) = service.wait(1)
    sender.close()
    assert REDACTED in one["message"]
    for planted in (key, secret, TOKEN, "deadbeef", "\x1b", "\r"):
        assert planted not in str(one), planted


def test_an_alert_that_cannot_be_made_is_said_once_and_raises_nothing() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    said = Said()
    alerter = Alerter(Desk(repeat=HOUR, per_hour=9), lambda _: None, broken, said, redactor=Redactor())
    for _ in range(3):
        alerter.hear("safety.stopped", {"message": "m"})
        alerter.look()
    assert [event for event, _ in said.events] == ["alert.failed"]


def test_events_of_two_threads_are_heard_one_after_the_other() -> None:
    posted: list[Alert] = []
    alerter = Alerter(Desk(repeat=HOUR, per_hour=10_000), posted.append, lambda: T0, Said(), redactor=Redactor())

    def tell(thread: int) -> None:
        for number in range(100):
            alerter.hear("hedge.forced", {"asset": f"C{thread}-{number}", "message": ""})

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.subject for one in posted}) == 400


@pytest.mark.parametrize("url", ["plain-words", "nonsense://x/y", "tgram://short"])
def test_an_address_that_apprise_does_not_know_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="number 2") as refused:
        AppriseAlerts(["json://127.0.0.1/", url])
    assert url not in str(refused.value)


def test_without_apprise_the_way_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="make alerts"):
        AppriseAlerts(["json://127.0.0.1/"])


def test_every_part_of_an_address_that_may_be_a_token_is_a_secret() -> None:
    url = "tgram://123456789:AAbbCCddEEffGGhh/12315544/?topic=tokenlike"
    found = secrets_of([url, "json://alerts.example.com/hook-token"])
    assert {"123456789", "AAbbCCddEEffGGhh", "12315544", "tokenlike", "hook-token", url} <= set(found)
    assert "alerts.example.com" not in found


def test_what_was_told_is_remembered_on_disk_for_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    alerter = Alerter(
        Desk(repeat=HOUR, per_hour=9), lambda _: None, lambda: T0, Said(), redactor=Redactor(), memory=file)
    alerter.hear("safety.stopped", {"message": "m"})
    assert "safety_stop" in file.read_text()
