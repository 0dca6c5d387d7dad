"""Workers as Ray actors, on a real cluster of two nodes that run on this machine."""

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from normsweep.engine.population import Population
from normsweep.errors import UserError
from normsweep.storage.events import no_log
from normsweep.worker.launch import launch
from normsweep.worker.pool import Ended
from normsweep.worker.ray_cluster import Node, Share, check_reach, connected, share_of
from tests.worker.test_shared_confirmation import held_by

pytestmark = [
    pytest.mark.usefixtures("alone"),
    # Ray starts its processes by fork and exec, of which JAX warns once it runs; nothing of JAX is
    # touched in between.
    pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning"),
]


@pytest.fixture(scope="module")
def head(alone: Path) -> Iterator[Any]:
    """A cluster with a node of one CPU."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield found
    found.shutdown()


@pytest.fixture
def second(head) -> Iterator[Any]:
    """A second node of it, which may be removed."""
    node = head.add_node(num_cpus=1)
    yield node
    if node in head.worker_nodes:
        head.remove_node(node)


@pytest.fixture
def cluster(head, second) -> Any:
    """A cluster of two nodes with a CPU each."""
    return head


@pytest.fixture
def closed_port() -> int:
    """A port at which nothing answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.slow
def test_a_study_ends_with_the_same_bits_when_a_node_is_removed_under_it(
    run, make_spec, outcome, query, cluster, second, database, tmp_path
) -> None:
    spec = make_spec(train__steps=240, train__chunks=24, service__checkpoint_every=2)
    undisturbed = run(spec, url=f"sqlite:///{tmp_path / 'undisturbed.db'}")
    removed: list[int] = []
    heard: list[str] = []

    def remove_second(_: Any) -> None:
        at_work = query(database, "select distinct worker from sweep_claims")
        rows = query(database, "select 1 from sweep_measurements")
        if len(at_work) == 2 and rows and not removed:
            cluster.remove_node(second, allow_graceful=False)
            removed.append(len(rows))

    launched = run(
        spec,
        on="ray",
        address=cluster.address,
        workers=2,
        watch=remove_second,
        log=lambda event, **facts: heard.append(event),
    )
    assert removed
    assert launched.done
    assert "worker died" in heard and "trial of a dead worker" in heard
    assert outcome(launched.study) == outcome(undisturbed.study)
    assert {trial.state.name for trial in launched.study.get_trials()} == {"COMPLETE"}
    assert query(database, "select * from sweep_claims") == []


def test_a_study_is_confirmed_by_the_workers_that_searched_it_to_the_bits_of_one_process(
    run, make_spec, outcome, databases, query, cluster, storage_url, database, tmp_path, monkeypatch
) -> None:
    spec = make_spec(study__trials=2, confirm__seeds=2, confirm__top=1)
    other = f"sqlite:///{tmp_path / 'one.db'}"
    one = run(spec, url=other)
    heard: list[tuple[str, int]] = []

    def log(event: str, **facts: Any) -> None:
        if event == "confirmed":
            heard.append((facts["arm"], facts["seed"]))

    # Who launches trains nothing.
    monkeypatch.setattr(Population, "advance", None)
    launched = run(spec, on="ray", address=cluster.address, workers=2, log=log)
    assert launched.done
    assert outcome(launched.study) == outcome(one.study)
    found = held_by(launched.study, databases.open(storage_url))
    assert found == held_by(one.study, databases.open(other))
    assert len(found) == 4 and all(entry[-1] for entry in found.values())
    assert sorted(heard) == sorted((arm, seed) for _, arm, seed in found)
    assert query(database, "select * from sweep_claims") == []


def test_a_cluster_without_room_for_all_workers_is_refused(
    cluster, make_spec, storage_url, database
) -> None:
    # A node that was removed just now may be counted still.
    wanted = r"--workers 99: the Ray cluster has room for \d, with \d CPUs and 0 GPUs in all"
    with pytest.raises(UserError, match=wanted):
        launch(make_spec(), storage_url, on="ray", address=cluster.address, workers=99)
    assert not database.exists()


def test_what_a_worker_cannot_do_comes_back_as_status_and_message(
    cluster, databases, storage_url
) -> None:
    with connected(cluster.address):
        from normsweep.worker.ray_workers import RayWorkers

        workers = RayWorkers("absent", databases.open(storage_url), Share(1, 0))
        worker = workers.start(0)
        worker.wait()
        ended = worker.poll()
    assert ended is not None
    assert ended.status == 2
    assert ended.reason.startswith("study 'absent' is not in sqlite:///")


def test_a_worker_that_cannot_even_be_made_says_why_in_a_line(cluster) -> None:
    class Unmade:
        def __init__(self) -> None:
            raise ModuleNotFoundError("No module named 'sweep'")

        def serve(self) -> None: ...

        def events(self) -> None: ...

    with connected(cluster.address):
        import ray

        from normsweep.worker.ray_workers import RayWorker

        worker = RayWorker(ray.remote(Unmade).options(max_concurrency=2).remote(), no_log)
        worker.wait()
        ended = worker.poll()
    assert ended == Ended(1, "ModuleNotFoundError: No module named 'sweep'")


def test_a_worker_for_which_there_is_no_room_need_not_be_waited_for(
    cluster, databases, storage_url
) -> None:
    with connected(cluster.address):
        from normsweep.worker.ray_workers import RayWorkers

        worker = RayWorkers("absent", databases.open(storage_url), Share(2, 0)).start(0)
        assert worker.poll() is None
        begun = time.monotonic()
        worker.terminate()
        worker.wait()
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("nodes", "count", "share"),
    [
        ([Node("a", 8)], 3, Share(2, 0)),
        # Six CPUs for three, but not in twos: no node has room for two of those.
        ([Node("a", 3), Node("b", 3)], 3, Share(1, 0)),
        ([Node("a", 4), Node("b", 9)], 3, Share(4, 0)),
        ([Node("a", 16, 2), Node("b", 8, 2)], 4, Share(4, 1)),
        # A node without an accelerator has no room where others have some.
        ([Node("a", 64), Node("b", 8, 1)], 1, Share(8, 1)),
    ],
)
def test_workers_have_equal_shares_that_all_fit(nodes: Any, count: int, share: Share) -> None:
    assert share_of(nodes, count) == share


def test_more_workers_than_accelerators_are_refused() -> None:
    with pytest.raises(UserError, match=r"--workers 3: .* room for 2, with 64 CPUs and 2 GPUs"):
        share_of([Node("a", 64, 2)], 3)


def test_sqlite_is_refused_where_the_cluster_has_other_machines() -> None:
    nodes = [Node("10.0.0.1", 4), Node("10.0.0.2", 4)]
    with pytest.raises(UserError, match=r"SQLite serves one machine, .*\(10\.0\.0\.2\); use Post"):
        check_reach("sqlite:///studies.db", nodes, "10.0.0.1")
    check_reach("sqlite:///studies.db", nodes[:1], "10.0.0.1")
    check_reach("postgresql+psycopg://host/sweep", nodes, "10.0.0.1")


def test_without_ray_there_is_a_word_on_how_to_install_it(
    monkeypatch, make_spec, storage_url, database
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"--on ray: .*pip install 'normsweep\[ray\]'"):
        launch(make_spec(), storage_url, on="ray")
    assert not database.exists()


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", "host:port", ":6379"])
def test_an_address_that_is_none_is_refused(make_spec, storage_url, address: str) -> None:
    with pytest.raises(UserError, match=f"--address {address}: no address of a Ray cluster; acc"):
        launch(make_spec(), storage_url, on="ray", address=address)


def test_an_address_at_which_nothing_answers_is_refused_by_where_it_is_from(
    monkeypatch, alone, closed_port, make_spec, storage_url, database
) -> None:
    address = f"127.0.0.1:{closed_port}"
    with pytest.raises(UserError, match=f"--address {address}: nothing answers there"):
        launch(make_spec(), storage_url, on="ray", address=address)
    latest = alone / "ray" / "ray_current_cluster"
    latest.parent.mkdir(exist_ok=True)
    latest.write_text(address)
    with pytest.raises(UserError, match=rf"--on ray: {address} \(by {latest}.*nothing answers"):
        launch(make_spec(), storage_url, on="ray")
    latest.unlink()
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UserError, match=f"RAY_ADDRESS = {address}: nothing answers there"):
        launch(make_spec(), storage_url, on="ray")
    assert not database.exists()


def test_a_place_that_is_none_and_an_address_of_none_are_refused(make_spec, storage_url) -> None:
    with pytest.raises(UserError, match="--on slurm: accepted: local, ray"):
        launch(make_spec(), storage_url, on="slurm")
    with pytest.raises(UserError, match=r"--address 10\.0\.0\.1:6379: .* accepted with --on ray"):
        launch(make_spec(), storage_url, address="10.0.0.1:6379")
