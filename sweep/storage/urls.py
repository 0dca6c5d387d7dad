"""URLs of storages: read, and printed without what is secret in them.

A secret may be the password, the value of a parameter or, in what is no URL, nearly anything: shown
is what is known to be harmless.
"""

import os
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from normsweep.errors import UserError

STORAGE_VARIABLE = "SWEEP_STORAGE"
_HIDDEN = "***"
_OF_SQLITE = (
    "cache cached_statements check_same_thread detect_types immutable isolation_level mode nolock "
    "psow timeout uri vfs"
)
"""Parameters whose values are shown: sqlite.org/uri.html, and Python's module."""
_OF_LIBPQ = (
    "application_name channel_binding client_encoding connect_timeout dbname "
    "fallback_application_name gssencmode host hostaddr keepalives keepalives_count "
    "keepalives_idle keepalives_interval krbsrvname load_balance_hosts port replication "
    "require_auth sslcompression sslmode sslnegotiation sslsni target_session_attrs "
    "tcp_user_timeout user"
)
"""The same: postgresql.org/docs/current/libpq-connect.html, section 34.1.2."""
_KEPT = (
    "options passfile password service ssl_max_protocol_version ssl_min_protocol_version sslcert "
    "sslcertmode sslcrl sslcrldir sslkey sslpassword sslrootcert"
)
"""Others of libpq."""
_HARMLESS = frozenset(_OF_SQLITE.split() + _OF_LIBPQ.split())
_KNOWN = _HARMLESS | frozenset(_KEPT.split())


def parse_url(text: str) -> URL:
    """Reads a URL; raises `UserError` for what is none, with nothing secret in it."""
    told = f"storage {shown(text)!r} is no database URL"
    accepted = "; accepted: sqlite:///FILE, postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
    if "@" in text:
        accepted += "; in a user name or a password write @ as %40, : as %3A and / as %2F"
    if (url := _parsed(text)) is None:
        raise UserError(told + accepted)
    if _is_ambiguous(url, text):
        raise UserError(f"{told}: it may be taken apart in several ways{accepted}")
    return url


def shown(url: str | URL) -> str:
    """A URL, or what was to be one, as it may be printed."""
    if isinstance(url, str):
        parsed = _parsed(url)
        if parsed is None or _is_ambiguous(parsed, url):
            scheme, rest = _parts(url)
            return scheme + (rest if _is_harmless(rest) else _HIDDEN)
        url = parsed
    query = {name: value if name in _HARMLESS else _HIDDEN for name, value in url.query.items()}
    rendered = url.set(query=query, database=_shown_database(url))
    return rendered.render_as_string(hide_password=True).replace(quote_plus(_HIDDEN), _HIDDEN)


def _shown_database(url: URL) -> str | None:
    """The name of a database or a file, which in a file's URL may be what was to be a server's."""
    in_file = url.get_backend_name() == "sqlite"
    hidden = in_file and re.search(r":.*@", url.database or "", re.DOTALL)
    return _HIDDEN if hidden else url.database


def _parts(text: str) -> tuple[str, str]:
    """What is not quite a URL: its scheme, which is shown, and the rest."""
    found = re.match(r"(?:[\w+]*:)?//+|(?:sqlite|postgres(?:ql)?)(?:\+\w+)?:", text)
    end = found.end() if found else 0
    return text[:end], text[end:]


def _is_harmless(rest: str) -> bool:
    """Whether there can be no password, and no parameter, in what follows a scheme.

    A port may stand there by its name, as examples have it.
    """
    return not re.search(r"[:@=?&]", re.sub(r"^[\w.-]+:port\b", "", rest))


def holds_secret(url: str) -> bool:
    """Whether there is something in a URL that is not printed."""
    return any(_secrets(url))


def without_secrets(text: str, *urls: str | URL) -> str:
    """A text without what is secret in `urls`, and without the password of any other URL."""
    given = [
        url if isinstance(url, str) else url.render_as_string(hide_password=False) for url in urls
    ]
    for url in filter(holds_secret, given):
        # Also as `repr` writes it.
        text = text.replace(url, shown(url)).replace(repr(url)[1:-1], shown(url))
    for secret in sorted({each for url in given for each in _secrets(url)}, key=len, reverse=True):
        # Of few letters, it is part of many a word.
        edge, end = (r"(?<!\w)", r"(?!\w)") if len(secret) < 4 else ("", "")
        text = re.sub(edge + re.escape(secret) + end, _HIDDEN, text)
    # But for what we write ourselves of what is accepted.
    return re.sub(r"(\w://[^\s/:@'\"]*):(?!PASSWORD@)[^\s'\"]*@", rf"\1:{_HIDDEN}@", text)


def urls_of_call(arguments: Sequence[str]) -> list[str]:
    """What of a command's arguments, or of its environment, may be a URL with a secret in it."""
    found = [os.environ.get(STORAGE_VARIABLE, "")]
    # What `sweep log` writes to is rarely a URL, and told by its name.
    databases = ("--storage",) if arguments[:1] == ["log"] else ("--storage", "--to")
    for before, argument in zip(("", *arguments), arguments, strict=False):
        name, given, value = argument.partition("=")
        if not (argument.startswith("--") and given):
            name, value = before, argument
        if name in databases or re.search(r"://|:[^/\s]*@", value):
            found.append(value)
    return [url for url in found if url]


def _parsed(text: str) -> URL | None:
    try:
        text.encode()
        return None if "\0" in text else make_url(text)
    # ValueError: a port that is no number; a character that is none.
    except (ArgumentError, ValueError):
        return None


def _is_ambiguous(url: URL, text: str) -> bool:
    """Whether the end of the password, or a host, may not be where SQLAlchemy takes it to be."""
    if url.get_backend_name() == "sqlite":
        return url.host is not None or url.username is not None or url.port is not None
    if re.search(r"[\s?=&/'\"]", url.username or ""):
        return True
    # As SQLAlchemy does, which has the password end at the first @.
    after = re.sub(r"^[\w+]+://(?:[^:/]*(?::[^@]*)?@)?", "", text, count=1)
    place, _, query = after.partition("?")
    names = {piece.partition("=")[0] for piece in query.split("&")}
    return "@" in place or ("@" in query and not names <= _KNOWN)


def _secrets(text: str) -> Iterator[str]:
    """What is secret in a URL, in each form in which it may be written."""
    url = _parsed(text)
    if url is None or _is_ambiguous(url, text):
        rest = _parts(text)[1]
        if not _is_harmless(rest):
            yield rest
        return
    if url.password:
        yield from _forms(str(url.password))
        yield text.partition("://")[2].partition(":")[2].partition("@")[0]
    if url.database and _shown_database(url) == _HIDDEN:
        yield from _forms(url.database)
        yield from re.findall(r":(.*)@", url.database, re.DOTALL)
    for name, value in url.query.items():
        if name not in _HARMLESS:
            for each in (value,) if isinstance(value, str) else value:
                yield from _forms(each)


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=" +"), quote(secret), quote_plus(secret)} - {""}
