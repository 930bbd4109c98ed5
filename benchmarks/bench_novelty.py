"""The search for near motivations: our exact index against faiss, usearch, hnswlib and sqlite-vec.

    python benchmarks/bench_novelty.py [--sizes 2000 20000 200000] [--queries 50] [--only NAME ...]

Vectors are of texts mixed from the sentences of the release's motivations (an embedding is a mean over
tokens, so that of a mixed text is the weighted mean of its sentences'), with a fixed seed. Peers that are not
installed are listed as such (pip install faiss-cpu usearch hnswlib sqlite-vec, in an environment apart).
Each figure is processor time on one thread, the median over queries for the five nearest; ratios are to our
index, in the same run. `same` is the share of the five nearest that are the exact ones.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from asi_repro.archive.reader import Archive
from asi_repro.discover.novelty.embedding import shared_embedder
from asi_repro.discover.novelty.fingerprint import fingerprint
from asi_repro.discover.novelty.index import MotivationIndex

NEAREST = 5
Search = Callable[[np.ndarray], list[int]]
# (search, megabytes)
Made = tuple[Search, float]


def ours(vectors: np.ndarray) -> Made:
    index = MotivationIndex(shared_embedder())
    index.add([(key, "") for key in range(len(vectors))], vectors)
    return lambda q: [found.index for found in index.nearest_to(q, NEAREST)], index.bytes / 1e6


def matrix(vectors: np.ndarray) -> Made:
    """The product alone, without the exact sum that makes the order of ties the same everywhere."""

    def search(query: np.ndarray) -> list[int]:
        scores = vectors @ query
        best = np.argpartition(scores, -NEAREST)[-NEAREST:]
        return best[np.argsort(-scores[best])].tolist()

    return search, vectors.nbytes / 1e6


def faiss_flat(vectors: np.ndarray) -> Made:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda q: index.search(q[None], NEAREST)[1][0].tolist(), vectors.nbytes / 1e6


def faiss_hnsw(vectors: np.ndarray) -> Made:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 100, 64
    index.add(vectors)
    return lambda q: index.search(q[None], NEAREST)[1][0].tolist(), len(faiss.serialize_index(index)) / 1e6


def usearch(vectors: np.ndarray) -> Made:
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", expansion_search=64)
    index.add(np.arange(len(vectors)), vectors, threads=1)
    return lambda q: index.search(q, NEAREST).keys.tolist(), index.memory_usage / 1e6


def hnswlib(vectors: np.ndarray) -> Made:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=16, ef_construction=100, random_seed=1)
    index.set_ef(64)
    index.add_items(vectors, num_threads=1)
    with tempfile.TemporaryDirectory() as folder:
        index.save_index(f"{folder}/index")
        size = Path(f"{folder}/index").stat().st_size
    return lambda q: index.knn_query(q, NEAREST, num_threads=1)[0][0].tolist(), size / 1e6


def sqlite_vec(vectors: np.ndarray) -> Made:
    import sqlite3

    import sqlite_vec as extension

    database = sqlite3.connect(":memory:")
    if not hasattr(database, "enable_load_extension"):
        raise ImportError("this Python's sqlite3 loads no extensions", name="extensions in sqlite3")
    database.enable_load_extension(True)
    extension.load(database)
    database.execute(f"create virtual table v using vec0(e float[{vectors.shape[1]}] distance_metric=cosine)")
    rows = ((key, row.tobytes()) for key, row in enumerate(vectors))
    database.executemany("insert into v(rowid, e) values (?, ?)", rows)
    pages = database.execute("pragma page_count").fetchone()[0]
    size = pages * database.execute("pragma page_size").fetchone()[0]
    asked = f"select rowid from v where e match ? and k = {NEAREST} order by distance"
    return lambda q: [row[0] for row in database.execute(asked, [q.tobytes()])], size / 1e6


PEERS: dict[str, Callable[[np.ndarray], Made]] = {
    "ours (exact)": ours,
    "matrix product": matrix,
    "faiss flat": faiss_flat,
    "sqlite-vec": sqlite_vec,
    "faiss HNSW": faiss_hnsw,
    "usearch HNSW": usearch,
    "hnswlib HNSW": hnswlib,
}


def made_vectors(motivations: list[str], count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors, shape (count, dimension), of texts of 8 to 16 sentences."""
    sentences = sorted(
        {s.strip() for text in motivations for s in re.split(r"(?<=[.:;])\s", text) if s.strip()}
    )
    weighted = shared_embedder().embed(sentences) * np.array([[len(s)] for s in sentences], dtype=np.float32)
    random = np.random.default_rng(seed)
    rows = np.stack(
        [weighted[random.integers(len(sentences), size=random.integers(8, 17))].sum(0) for _ in range(count)]
    )
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def timed(search: Search, queries: np.ndarray) -> tuple[float, list[list[int]]]:
    """Median milliseconds of processor time a query, and what was found."""
    found, times = [], []
    search(queries[0])
    for query in queries:
        began = time.process_time()
        found.append(search(query))
        times.append(time.process_time() - began)
    return statistics.median(times) * 1e3, found


def compare(motivations: list[str], size: int, queries: int, only: list[str]) -> None:
    vectors = made_vectors(motivations, size + queries)
    known, asked = vectors[:size], vectors[size:]
    print(f"\n{size:,} motivations of {known.shape[1]} numbers")
    print(f"{'index':<16}{'build s':>9}{'ms/query':>10}{'ratio':>8}{'MB':>8}{'same':>7}")
    exact: list[list[int]] = []
    base = 0.0
    for name, make in PEERS.items():
        if only and name not in only and name != "ours (exact)":
            continue
        try:
            began = time.process_time()
            search, megabytes = make(known)
            build = time.process_time() - began
        except ImportError as error:
            print(f"{name:<16}  not run: {error}")
            continue
        each, found = timed(search, asked)
        exact, base = exact or found, base or each
        same = statistics.fmean(len(set(a) & set(b)) / NEAREST for a, b in zip(exact, found, strict=True))
        print(
            f"{name:<16}{build:>9.2f}{each:>10.3f}{each / base:>8.2f}{megabytes:>8.1f}{same:>7.2f}",
            flush=True,
        )


def one_text(motivations: list[str], programs: list[str]) -> None:
    embedder = shared_embedder()
    embedding, _ = timed(lambda text: embedder.embed([text]), motivations)  # type: ignore[arg-type]
    printed, _ = timed(fingerprint, programs)  # type: ignore[arg-type]
    characters = [statistics.fmean(map(len, texts)) for texts in (motivations, programs)]
    print(f"embedding a motivation of {characters[0]:.0f} characters: {embedding:.2f} ms")
    print(f"fingerprint of a program of {characters[1]:.0f} characters: {printed:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--archive", type=Path, default=Path("artifacts/archive"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 20_000, 200_000])
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    programs = list(Archive(arguments.archive).programs())
    motivations = [program.motivation for program in programs if program.motivation]
    print(f"{shared_embedder().name}; one thread; load average {os.getloadavg()[0]:.1f}")
    one_text(motivations[:50], [program.source for program in programs[:20]])
    for size in arguments.sizes:
        compare(motivations, size, arguments.queries, arguments.only)


if __name__ == "__main__":
    main()
