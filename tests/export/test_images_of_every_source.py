"""The same real pictures through every source: one data set, and the same scores to the bit."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from normsweep.export.again import score_config
from normsweep.score.setup import prepare
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.config import Config
from normsweep.spec.images import load_images
from tests.data.pictures import encoded
from tests.pictures import mnist, patches, samples, write_parquet, write_tar

NAMES = ("astronaut", "cat", "flower")
MINE = '''
from pathlib import Path

from PIL import Image


class Photographs:
    """Grain's protocol: a length, and items by their number."""

    def __init__(self):
        self.files = sorted(Path(__file__).parent.glob("folder/*/*.png"), reverse=True)
        self.classes = sorted({file.parent.name for file in self.files})

    def __len__(self):
        return len(self.files)

    def __getitem__(self, place):
        file = self.files[place]
        return {"image": Image.open(file), "label": self.classes.index(file.parent.name)}
'''
SOURCES: dict[str, str | None] = {
    "folder": "folder",
    "zip": "stylegan.zip",
    "parquet": "shards",
    "webdataset": "patches.tar",
    "mine.py:Photographs": None,
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pieces of photographs as each source has them, in orders and by names of their own."""
    folder = tmp_path_factory.mktemp("images")
    images, labels = patches(40, 8)
    pictures = [encoded(image) for image in images]
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        place = folder / "folder" / NAMES[label] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(picture)
    with zipfile.ZipFile(folder / "stylegan.zip", "w") as archive:
        told = []
        for number, (image, label) in enumerate(zip(images[::-1], labels[::-1], strict=True)):
            name = f"00000/img{number:08d}.png"
            archive.writestr(name, encoded(image, compress_level=0))
            told.append([name, int(label)])
        archive.writestr("dataset.json", json.dumps({"labels": told}))
    (folder / "shards").mkdir()
    for shard in range(2):
        rows = slice(shard, None, 2)
        write_parquet(
            folder / "shards" / f"train-{shard:05d}-of-00002.parquet",
            pictures[rows],
            label=labels[rows],
            names=NAMES,
            rows=50,
        )
    order = np.random.default_rng(0).permutation(len(pictures)).tolist()
    write_tar(folder / "patches.tar", samples([pictures[i] for i in order], labels[order].tolist()))
    (folder / "mine.py").write_text(MINE)
    return folder


def spec(here: Path, source: str, **data: Any) -> Spec:
    path = SOURCES[source]
    tables = {
        "study": {"name": "one", "trials": 1, "sampler": "grid", "slots": 1},
        "data": {"source": source if path else f"{here}/{source}"}
        | ({"path": str(here / path)} if path else {})
        | data,
        "model": {"latent": 2, "generator_hidden": [4], "discriminator_hidden": [4]},
        "train": {"steps": 2, "chunks": 1, "batch": 4},
        "penalty": {"strength": 1e-2, "order": 1.0},
        "score": {"folds": 2, "features": "pca", "dimension": 4},
    }
    return spec_from_tables(tables, "here")


def test_every_source_makes_the_same_data_set_of_the_same_pictures(here: Path) -> None:
    found = {source: load_images(spec(here, source).data) for source in SOURCES}
    assert len({dataset.fingerprint for dataset in found.values()}) == 1
    one = found["parquet"]
    assert one.images.shape == (120, 8, 8, 3)
    assert one.classes is not None and tuple(one.classes) == NAMES
    assert found["webdataset"].classes is None
    treated = {
        load_images(spec(here, source, size=4, colour="grey", limit=30).data).fingerprint
        for source in SOURCES
    }
    assert len(treated) == 1


def test_a_config_scores_the_same_to_the_bit_on_each(here: Path) -> None:
    found = {score_config(Config(spec(here, source), {})).fold_scores for source in SOURCES}
    assert len(found) == 1
    assert np.isfinite(list(found)).all()


def test_the_users_file_counts_besides_what_it_yields(here: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE.replace("Path(__file__).parent", f"Path({str(here)!r})"))
    SOURCES["mine.py:Photographs"] = None
    before = prepare(spec(tmp_path, "mine.py:Photographs")).fingerprints()
    with (tmp_path / "mine.py").open("a") as file:
        file.write("# An edit.\n")
    after = prepare(spec(tmp_path, "mine.py:Photographs")).fingerprints()
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {str(tmp_path / "mine.py")}


def test_real_digits_are_the_same_through_parquet_and_tar(tmp_path: Path) -> None:
    images, labels = mnist(100)
    pictures = [encoded(image) for image in images]
    write_parquet(tmp_path / "d.parquet", pictures, label=labels)
    write_tar(tmp_path / "d.tar", samples(pictures, labels.tolist()))
    found = [
        load_images(spec_from_tables({"data": {"source": s, "path": str(p)}}, "here").data)
        for s, p in (("parquet", tmp_path / "d.parquet"), ("webdataset", tmp_path / "d.tar"))
    ]
    assert found[0] == found[1]
    assert found[0].images.shape == (100, 28, 28, 1)
    assert found[0].labels is not None
    assert np.bincount(found[0].labels).tolist() == [10] * 10
    assert Image.fromarray(images[0]).mode == "L"
