"""What an entry costs a step in which it is switched off: the program holds it, no member runs it.

Each entry of each table stands beside the plain method in a program of its own, and members train
by the plain one; the step is measured in turn with that of a program that holds the plain method
alone. The last row is a program that holds every entry at once.

A ratio of 7 rounds is good to about one percent, and the worst of 47 is the unluckiest too: what
comes out above 2 % is measured again in 28 rounds, and those count.
"""

import statistics

from bench.floor import GAN_OF, population, seconds_per_step
from bench.rows import print_rows, row
from normsweep.engine.devices import use_all_cores
from normsweep.engine.population import Population
from normsweep.models import SCHEDULES, Method, hyperparameters
from normsweep.models.method import ADAPTIVE, LINEAR, penalty_entry
from normsweep.objectives.adaptive import OVERFITTING_SIGNALS
from normsweep.objectives.augmentation import AUGMENTATIONS
from normsweep.objectives.constraints import CONSTRAINTS, constraint_per_layer
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES, per_layer

SIDE = 8
ROUNDS, DOUBTFUL, MORE_ROUNDS = 7, 1.02, 28


def entries() -> dict[str, Method]:
    """Every way to regularise that a program can hold, by name."""
    penalties = {name: penalty_entry(name, 1.5) for name in PENALTIES}
    able = {name: entry for name, entry in penalties.items() if entry.proximal is not None}
    made = {name: Method(entry) for name, entry in penalties.items() if entry is not LINEAR}
    made |= {f"{name} per layer": Method(per_layer(each)) for name, each in penalties.items()}
    made |= {f"{name}, decoupled": Method(e, coupling="decoupled") for name, e in penalties.items()}
    made |= {f"{name}, proximal": Method(each, coupling="proximal") for name, each in able.items()}
    made |= {name: Method(constraint=entry) for name, entry in CONSTRAINTS.items()}
    made |= {
        f"{name} per layer": Method(constraint=constraint_per_layer(entry))
        for name, entry in CONSTRAINTS.items()
    }
    changing = [name for name in SCHEDULES if name not in ("constant", ADAPTIVE)]
    made |= {f"{name} strength": Method(schedule=name) for name in changing}
    made |= {
        f"adaptive strength, {name}": Method(schedule=ADAPTIVE, signal=name)
        for name in OVERFITTING_SIGNALS
    }
    made |= {name: Method(gradient_penalty=each) for name, each in GRADIENT_PENALTIES.items()}
    made |= {name: Method(augmentation=(name,)) for name in AUGMENTATIONS}
    return made | {"dropout": Method(dropout=True)}


def main() -> None:
    """Measures on 8×8 images, where a step is short and an overhead shows most."""
    use_all_cores()
    made = entries()
    programs = {name: (Method(), method) for name, method in made.items()}
    programs["all of them"] = (Method(), *made.values())
    plain = population(SIDE, (Method(),))
    setting = hyperparameters(GAN_OF)
    seconds_per_step(plain, setting, fresh=True)
    ratios = {}
    for name, methods in programs.items():
        trained = population(SIDE, methods)
        seconds_per_step(trained, setting, fresh=True)

        def ratio(rounds: int, trained: Population = trained) -> float:
            return statistics.median(
                seconds_per_step(trained, setting) / seconds_per_step(plain, setting)
                for _ in range(rounds)
            )

        ratios[name] = ratio(ROUNDS)
        if ratios[name] > DOUBTFUL:
            print(f"{name}: {ratios[name] - 1:+.1%} in {ROUNDS} rounds")
            ratios[name] = ratio(MORE_ROUNDS)
        print(f"{name}: {ratios[name] - 1:+.1%}", flush=True)
    everything = ratios.pop("all of them")
    worst = max(ratios, key=lambda name: ratios[name])
    what = f"cost of an entry switched off, worst of {len(ratios)}"
    print_rows(
        [
            row(what, f"{ratios[worst] - 1:+.1%} ({worst})", "≤ 3 %"),
            row("cost of an entry switched off, median", f"{_median(ratios):+.1%}", "≤ 3 %"),
            row("cost of all entries in one program", f"{everything - 1:+.1%}", "–"),
        ]
    )


def _median(ratios: dict[str, float]) -> float:
    return statistics.median(ratios.values()) - 1


if __name__ == "__main__":
    main()
