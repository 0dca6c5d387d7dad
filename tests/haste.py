"""Compiler options for tests that compute little: compiling with care would take longer."""

IN_HASTE = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
