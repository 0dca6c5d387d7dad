"""Members per second in bfloat16 against float32, of the fully connected GAN on 28×28 images.

The two populations train in turn. Worth its name where the processor multiplies bfloat16 (AMX).
"""

import statistics
from pathlib import Path

from bench.floor import METHODS, hyperparameters, population, seconds_per_step
from bench.rows import print_rows, row
from normsweep.engine.devices import use_all_cores

ROUNDS = 3


def units() -> str:
    """What this processor has for bfloat16, as Linux tells it."""
    about = Path("/proc/cpuinfo")
    flags = set(about.read_text(encoding="utf-8").split()) if about.exists() else set()
    found = [name for name in ("amx_bf16", "avx512_bf16") if name in flags]
    return ", ".join(found) or "no units for bfloat16"


def main() -> None:
    """Measures the two in turn."""
    use_all_cores()
    setting = hyperparameters(1.0)
    names = ("float32", "bfloat16")
    trained = {name: population(28, METHODS, precision=name) for name in names}
    for each in trained.values():
        seconds_per_step(each, setting, fresh=True)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            taken[name].append(seconds_per_step(trained[name], setting))
    single, half = (statistics.median(taken[name]) for name in names)
    figure = f"{single / half:.2f} ×  ({half * 1e6:.0f} against {single * 1e6:.0f} µs a member)"
    what = f"bfloat16 against float32, 28×28, members per second; here {units()}"
    print_rows([row(what, figure, "≥ 1.4 × with AMX")])


if __name__ == "__main__":
    main()
