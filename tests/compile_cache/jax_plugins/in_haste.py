"""Lets a process compile in haste: most tests compute little, and compiling would take longest.

JAX finds this by its folder on the path and runs it before it compiles anything. The process
compiles so whenever the environment says it (see `conftest.py`), and what it starts does too.
"""

import os
from functools import wraps
from typing import Any

from jax._src import compiler

VARIABLE = "SWEEP_TESTS_IN_HASTE"
OPTIONS = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    # Unoptimised, a loop's rounding follows from what else is in its part of the program: of one
    # part, two programs that compute the same agree. It also takes a tenth less of the CPU.
    "xla_cpu_parallel_codegen_split_count": 1,
}


def initialize() -> None:
    """What JAX calls when it starts."""
    options_of = compiler.get_compile_options
    if hasattr(options_of, "__wrapped__"):
        return

    @wraps(options_of)
    def hastily(*arguments: Any, env_options_overrides: Any = None, **named: Any) -> Any:
        options = dict(env_options_overrides or {})
        if os.environ.get(VARIABLE):
            options = OPTIONS | options
        return options_of(*arguments, env_options_overrides=options, **named)

    compiler.get_compile_options = hastily
