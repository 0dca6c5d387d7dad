"""What a worker that serves study after study keeps compiled."""

from normsweep.engine.population import forget_programs, training_programs
from normsweep.worker.serve import Server
from normsweep.worker.submit import submit


def test_a_worker_keeps_the_programs_of_the_study_that_it_left_last(
    make_spec, databases, storage_url
) -> None:
    storage = databases.open(storage_url)
    compiled = []
    forget_programs()
    for place, width in enumerate([8, 8, 6, 8]):
        spec = make_spec(
            study__name=str(place),
            study__trials=1,
            model__generator_hidden=[width],
            train__steps=2,
            train__chunks=1,
        )
        submit(spec, storage)
        before = training_programs()
        Server(storage).serve()
        compiled.append(training_programs() - before)
    assert compiled == [1, 0, 1, 1]
