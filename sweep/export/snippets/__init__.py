"""A config as code for somebody's own training: text in Python that needs none of our packages."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from normsweep.export.snippets.as_optax import optax_snippet
from normsweep.export.snippets.as_pytorch import pytorch_snippet
from normsweep.spec.config import Config

SNIPPETS: Mapping[str, Callable[[Config], str]] = MappingProxyType(
    {"optax": optax_snippet, "pytorch": pytorch_snippet}
)
"""Snippets by the name of what they are for. Each raises `UserError` where a config has something
that would be silently missing."""
