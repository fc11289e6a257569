"""Delivery over real sockets: what receivers get, and what must never reach anybody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import smtplib
import socket
import time
from email import message_from_string
from email.header import decode_header, make_header
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from fairlead.alerts import Alert, ChannelSettings, Notification
from fairlead.alerts.address import read_url, refuses, resolve
from fairlead.alerts.channels import check_channel
from fairlead.alerts.compose import compose
from fairlead.alerts.courier import problem_of
from fairlead.alerts.encode import SLACK_LENGTH_MAX
from fairlead.alerts.send import send
from fairlead.errors import ConfigError, DeadlineError, FairleadError, UnavailableError
from support.alerts import START_US, alert
from support.certificates import make_certificate
from support.receivers import HANG, TRICKLE, HttpReceiver, MailReceiver

NOW_S = 1_800_000_100


def notification(*alerts: Alert) -> Notification:
    changed = alerts or (alert("firing"),)
    message = compose(changed[0].cause, changed, ())
    return Notification(id="n1", channel="c", message=message, created_us=START_US, next_us=0)


def to(receiver: HttpReceiver, **changes: Any) -> ChannelSettings:
    return ChannelSettings(**{"url": receiver.url, "allow_private": True, **changes})


def by_mail(receiver: MailReceiver, **changes: Any) -> ChannelSettings:
    known = {
        "kind": "email", "host": "127.0.0.1", "port": receiver.port, "starttls": False,
        "sender": "fairlead@example.com", "to": ["ops@example.com", "ml@example.com"],
        "allow_private": True,
    }  # fmt: skip
    return ChannelSettings(**{**known, **changes})


def test_a_webhook_gets_the_alerts_signed() -> None:
    with HttpReceiver() as receiver:
        send(to(receiver, secret_env="KEY"), notification(), NOW_S, {"KEY": "s3cret\n"})
    (got,) = receiver.received
    assert got.path == "/hook"
    assert got.headers["webhook-id"] == "n1"
    assert got.headers["webhook-timestamp"] == str(NOW_S)
    signed = f"n1.{NOW_S}.".encode() + got.body
    digest = hmac.new(b"s3cret", signed, hashlib.sha256).digest()
    assert got.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert (got.json["id"], got.json["severity"]) == ("n1", "page")
    assert got.json["alerts"][0]["state"] == "firing"
    assert got.json["alerts"][0]["evidence"] == {"value": 0.9}


def test_slack_gets_text_in_which_no_field_can_call_people() -> None:
    odd = alert("firing", subject="<!channel>", cause="x" * 5000)
    with HttpReceiver() as receiver:
        send(to(receiver, kind="slack"), notification(odd), NOW_S)
    text = receiver.received[0].json["text"]
    assert "<!" not in text
    assert "&lt;!channel&gt;" in text
    assert len(text) <= SLACK_LENGTH_MAX


def test_alertmanager_gets_labels_and_times() -> None:
    with HttpReceiver() as receiver:
        channel = to(receiver, kind="alertmanager", url=f"http://127.0.0.1:{receiver.port}/am/")
        send(channel, notification(alert("firing", subject="age")), NOW_S)
        send(channel, notification(alert("firing", "resolved", subject="age")), NOW_S)
    fired, resolved = (got.json[0] for got in receiver.received)
    assert {got.path for got in receiver.received} == {"/am/api/v2/alerts"}
    assert fired["labels"] == resolved["labels"]
    assert fired["labels"]["alertname"] == "errors"
    assert fired["startsAt"] == "2027-01-15T08:00:00.000Z"
    assert fired["endsAt"] > "2027-02-01"
    assert resolved["endsAt"] == "2027-01-15T08:01:00.000Z"


def test_mail_goes_over_tls_after_logging_in(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    secret = tmp_path / "password"
    secret.write_text("p4ss\n")
    with MailReceiver(certificate) as receiver:
        channel = by_mail(
            receiver, host="localhost", starttls=True, user="fairlead", secret_file=str(secret),
            ca=str(certificate.authority),
        )  # fmt: skip
        send(channel, notification(), NOW_S)
    (mail,) = receiver.received
    assert mail.tls
    assert base64.b64decode(mail.login) == b"\0fairlead\0p4ss"
    assert mail.to == ["ops@example.com", "ml@example.com"]
    parsed = message_from_string("\n".join(mail.lines))
    assert parsed["Message-ID"] == "<n1@example.com>"
    assert parsed["Subject"] == "[page] churn: It is firing."


def test_mail_does_not_go_without_tls_where_that_is_asked_for() -> None:
    with MailReceiver() as receiver, pytest.raises(smtplib.SMTPException) as caught:
        send(by_mail(receiver, starttls=True), notification(), NOW_S)
    assert receiver.received == []
    assert "SMTPNotSupportedError" in problem_of(caught.value)


def test_a_server_with_another_name_in_its_certificate_gets_no_mail(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "elsewhere")
    with MailReceiver(certificate) as receiver, pytest.raises(OSError) as caught:
        send(
            by_mail(receiver, host="localhost", starttls=True, ca=str(certificate.authority)),
            notification(), NOW_S,
        )  # fmt: skip
    assert receiver.received == []
    assert problem_of(caught.value).startswith("TLS failed")


def test_mail_that_is_refused_is_not_delivered() -> None:
    with MailReceiver(refuse=550) as receiver, pytest.raises(smtplib.SMTPRecipientsRefused):
        send(by_mail(receiver), notification(), NOW_S)
    assert receiver.received == []


def test_a_field_s_name_cannot_write_headers() -> None:
    odd = alert("firing", subject="age\r\nBcc: all@example.com\r\n\r\nHello ä")
    with MailReceiver() as receiver:
        send(by_mail(receiver), notification(odd), NOW_S)
    parsed = message_from_string("\n".join(receiver.received[0].lines))
    assert parsed["Bcc"] is None
    assert "age Bcc: all@example.com Hello ä" in str(make_header(decode_header(parsed["Subject"])))


def test_https_is_trusted_by_the_name_that_was_asked_for(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    with HttpReceiver(certificate=certificate) as receiver:
        url = f"https://localhost:{receiver.port}/hook"
        send(to(receiver, url=url, ca=str(certificate.authority)), notification(), NOW_S)
        with pytest.raises(OSError) as caught:
            send(to(receiver, url=url), notification(), NOW_S)
    assert len(receiver.received) == 1
    assert problem_of(caught.value).startswith("TLS failed")


@pytest.mark.parametrize("how", [HANG, TRICKLE])
def test_an_attempt_ends_when_its_time_is_up(how: int) -> None:
    with HttpReceiver(how) as receiver:
        begun_s = time.monotonic()
        with pytest.raises(DeadlineError):
            send(to(receiver, timeout_s=0.3), notification(), NOW_S)
        assert time.monotonic() - begun_s < 3


def test_a_mail_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        channel = ChannelSettings(
            kind="email", host="127.0.0.1", port=mute.getsockname()[1], sender="a@b", to=["c@d"],
            allow_private=True, timeout_s=0.3,
        )  # fmt: skip
        with pytest.raises(DeadlineError):
            send(channel, notification(), NOW_S)


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500, 503])
def test_only_2xx_is_delivered_and_redirects_are_not_followed(status: int) -> None:
    with HttpReceiver(status) as receiver, pytest.raises(UnavailableError, match=str(status)):
        send(to(receiver), notification(), NOW_S)
    assert [got.path for got in receiver.received] == ["/hook"]


def test_nothing_is_sent_to_this_machine_unless_it_is_allowed() -> None:
    with HttpReceiver() as receiver:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{receiver.port}/hook"
            with pytest.raises(UnavailableError, match="allow_private"):
                send(to(receiver, url=url, allow_private=False), notification(), NOW_S)
    assert receiver.received == []


def test_the_address_that_was_looked_at_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that answers otherwise the second time is not asked a second time."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, *args: Any, **options: Any) -> Any:
        asked.append(host)
        if host != "rebound.example.com":
            return real(host, *args, **options)
        fake = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (fake, args[0]))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with HttpReceiver() as receiver:
        url = f"http://rebound.example.com:{receiver.port}/hook"
        send(to(receiver, url=url), notification(), NOW_S)
    assert [host for host in asked if host == "rebound.example.com"] == ["rebound.example.com"]
    assert receiver.received[0].headers["host"] == f"rebound.example.com:{receiver.port}"


def test_one_bad_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("93.184.215.14", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UnavailableError):
        resolve("mixed.example.com", 80, allow_private=False)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1",
        "fc00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "0.0.0.0", "::",
        "169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254", "224.0.0.1",
        "ff02::1", "::7f00:1", "255.255.255.255", "240.0.0.1", "100.100.100.200", "198.18.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(address: str) -> None:
    assert refuses(ip_address(address), allow_private=False)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "fe80::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "0.0.0.0", "224.0.0.1",
    ],
)  # fmt: skip
def test_metadata_of_clouds_is_refused_whatever_is_allowed(address: str) -> None:
    assert refuses(ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_taken(address: str) -> None:
    assert not refuses(ip_address(address), allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example.com", "ftp://example.com/", "file:///etc/passwd", "http://",
        "https://user:pass@example.com/", "https://user@example.com/", "http://2130706433/",
        "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/",
        "http://example.com\\@127.0.0.1/", "http://exa mple.com/", "http://example.com/\r\nx: y",
        "http://[fe80::1%25eth0]/", "http://[::1", "http://example.com:99999/", "http://127.0.0.1./",
        "http://ex\u00e4mple.com/", "gopher://example.com/", "http://-x/",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_url(url)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "one of 'url'"),
        ({"url": "https://a.example", "url_env": "B"}, "one of 'url'"),
        ({"url": "https://a:b@c.example"}, "a user or a password"),
        ({"kind": "email", "host": "mail.example.com"}, "needs sender and to"),
        (
            {"kind": "email", "host": "0x7f.1", "sender": "a@b", "to": ["c@d"]},
            "neither a name nor an address",
        ),
        ({"kind": "email", "host": "a", "sender": "a@b", "to": ["c"]}, "without a name or a dom"),
        ({"kind": "email", "host": "a", "sender": "a@b\r\nX: y", "to": ["c@d"]}, "without a name"),
        ({"url": "https://a.example", "secret_env": "A", "secret_file": "b"}, "two places"),
    ],
)
def test_a_channel_that_could_deliver_nothing_is_refused(
    settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        check_channel("ops", ChannelSettings(**settings))
    assert "alerts.channel.ops" in str(caught.value)


def test_secrets_are_named_but_never_shown(tmp_path: Path) -> None:
    with HttpReceiver(500) as receiver:
        for channel, environment in (
            (to(receiver, secret_env="NOT_SET"), {}),
            (to(receiver, url="", url_env="URL"), {"URL": "http://a:hush@b.example"}),
            (to(receiver, url="", url_env="URL"), {"URL": f"{receiver.url}/hush"}),
            (to(receiver, secret_file=str(tmp_path / "none")), {}),
        ):
            with pytest.raises(FairleadError) as caught:
                send(channel, notification(), NOW_S, environment)
            assert "hush" not in problem_of(caught.value)
