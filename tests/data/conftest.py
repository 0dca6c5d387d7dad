"""What tests of data share."""

from tests.file_server import server  # noqa: F401  (a fixture)
