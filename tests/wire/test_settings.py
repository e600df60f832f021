"""A wrong setting stops the start and names itself."""

import pytest
from pydantic import SecretStr, ValidationError

from tests.wire.echo import EchoSettings
from wire.settings import is_loopback, read


def test_settings_are_frozen():
    settings = EchoSettings(port=0)
    with pytest.raises(ValidationError):
        settings.port = 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_needs_no_token(host: str):
    assert is_loopback(host)
    EchoSettings(host=host, port=0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_beyond_loopback_a_token_is_needed(host: str):
    with pytest.raises(ValidationError, match="set a token"):
        EchoSettings(host=host, port=0)


def test_a_wrong_value_stops_the_start_and_names_itself(monkeypatch, capsys):
    monkeypatch.setenv("ECHO_PORT", "eighty")
    with pytest.raises(SystemExit):
        read(EchoSettings)
    assert "ECHO_PORT: Input should be a valid integer" in capsys.readouterr().err


def test_a_missing_token_names_both_settings_and_what_would_do(monkeypatch, capsys):
    monkeypatch.setenv("ECHO_PORT", "80")
    monkeypatch.setenv("ECHO_HOST", "0.0.0.0")
    with pytest.raises(SystemExit, match="1"):
        read(EchoSettings)
    assert capsys.readouterr().err == (
        "ECHO_HOST is 0.0.0.0, which other machines can reach: "
        "set a token (ECHO_TOKEN), or ECHO_HOST=127.0.0.1\n"
    )


def test_a_name_with_nothing_behind_it_is_not_set(monkeypatch):
    monkeypatch.setenv("ECHO_PORT", "80")
    monkeypatch.setenv("ECHO_MAX_CONNECTIONS", "")
    assert read(EchoSettings).max_connections == EchoSettings(port=80).max_connections == 8


def test_a_token_is_not_printed():
    assert "hush" not in repr(EchoSettings(port=0, token=SecretStr("hush")))
