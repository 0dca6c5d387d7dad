"""A secret in a storage's URL, or in what was to be one, is printed by nothing."""

import logging
import traceback
from urllib.parse import unquote

import pytest

from normsweep.errors import UserError
from normsweep.storage import open_storage
from normsweep.storage.urls import holds_secret, shown, without_secrets

SECRET = "g3heim"
NOT_QUITE = (
    "postgresql://me:p@{}@127.0.0.1:1/db",
    "postgresql://me:{}@x@127.0.0.1:1/db",
    "postgresql://me:p@/{}@127.0.0.1:1/db",
    "postgresql://me:p@x?w={}@127.0.0.1:1/db",
    "postgresql://me:p@x?{}=w@127.0.0.1:1/db",
    "postgresql://m/e:{}@127.0.0.1:1/db",
    "postgresql:me:{}@127.0.0.1:1/db",
    "postgresql:/me:{}@127.0.0.1:1/db",
    "postgresql:\\\\me:{}@127.0.0.1:1/db",
    "me:{}@127.0.0.1:1/db",
    "//me:{}@127.0.0.1:1/db",
    "postgresql://me:{}",
    "postgresql://me:{}/db",
    "postgresql:me:{}",
    "postgresql://me:{}@127.0.0.1:port/db",
    "host=127.0.0.1 port=1 user=me password={}",
    "host=127.0.0.1 port=1 user=me password = 'my {}'",
    "host=127.0.0.1 port=1 user=me password=me@{} dbname=x",
    "'postgresql://me:{}@127.0.0.1:1/db'",
    " postgresql://me:{}@127.0.0.1:1/db\n",
    "sqlite://me:{}@127.0.0.1/db",
    '{{"password": "{}"}}',
    "postgresql://me:w@127.0.0.1:1/db?pasword=a@{}",
)
QUITE = (
    "postgresql+psycopg://me:{}@127.0.0.1:1/db",
    "postgresql+psycopg://me@corp:{}@127.0.0.1:1/db",
    "postgresql+psycopg://me:p%40{}%2F@127.0.0.1:1/db",
    "postgresql+psycopg://me@127.0.0.1:1/db?password={}",
    "postgresql+psycopg://127.0.0.1:1/db?user=me&sslpassword=%40{}&connect_timeout=2",
    "postgresql+psycopg://127.0.0.1:1/db?pasword={}",
    "unknown://me:{}@127.0.0.1:1/db",
    "sqlite:///me:{}@nowhere/x.db",
    "sqlite:///nowhere/x.db?key={}",
)


@pytest.mark.parametrize("form", (*NOT_QUITE, *QUITE))
def test_no_error_shows_it_nor_do_the_errors_behind_it(form: str, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    url = form.format(SECRET)
    with pytest.raises(UserError) as caught:
        open_storage(url, create=True)
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told.replace(f"url = {form!r}", "")
    assert SECRET not in caplog.text
    assert SECRET not in shown(url)
    assert holds_secret(url)
    assert SECRET not in without_secrets(f"what is {url}, or {url!r}?", url)


@pytest.mark.parametrize("form", [form for form in NOT_QUITE if "@" in form])
def test_what_is_not_quite_a_url_is_told_how_to_write_it(form: str) -> None:
    with pytest.raises(UserError, match=r"is no database URL.*write @ as %40"):
        open_storage(form.format(SECRET))


def test_a_password_with_an_at_sign_in_it_never_makes_another_host_of_its_end() -> None:
    with pytest.raises(UserError, match="several ways"):
        open_storage("postgresql+psycopg://me:pa@ss/word@127.0.0.1:1/db")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////home/me@corp/studies.db",
        "sqlite:///C:/studies.db",
        "sqlite:///file:studies.db?mode=ro&uri=true",
        "postgresql+psycopg://me@127.0.0.1:5432/db?application_name=sweep&sslmode=require",
        "studies.db",
    ],
)
def test_what_is_not_secret_is_shown(url: str) -> None:
    assert unquote(shown(url)) == url
    assert not holds_secret(url)


def test_a_short_secret_leaves_words_whole_in_which_it_stands() -> None:
    url = "postgresql+psycopg://me:a@host/db"
    assert without_secrets("a password (a) was refused", url) == "*** password (***) was refused"
    assert without_secrets("a cat", "sqlite:///x.db") == "a cat"
