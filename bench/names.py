"""Names: what the keys of a name cost, how fast and how well a misspelled one is found.

In memory, without a database: 100,000 made-up names (full), 10,000 (small).
"""

import random
import time

from bench._names import country_names, misspelled
from bench.rows import Row
from kerege.apps.aimak.names.keys import index_keys
from kerege.apps.aimak.names.vocabulary import MemoryVocabulary, candidates

PREFIX = "aimak.names."
SEED = 20261124
QUERIES = 500


def rows(scale: str) -> list[Row]:
    """Measure; every figure is of the same vocabulary."""
    count = 100_000 if scale == "full" else 10_000
    names = country_names(count, SEED)
    note = f"{count:,} names"
    started = time.perf_counter()
    keys = [index_keys(name) for name in names[:5_000]]
    microseconds = (time.perf_counter() - started) / len(keys) * 1e6
    vocabulary = MemoryVocabulary(names)
    found = [
        Row("aimak.names.keys_us", microseconds, "us", note),
        Row("aimak.names.keys", sum(map(len, keys)) / len(keys), "rows/name", note),
    ]
    for mistakes in (1, 2):
        recall, p95 = _searched(vocabulary, names, mistakes)
        told = f"{note}, {mistakes} mistakes, among the first 20"
        found += [
            Row(f"aimak.names.recall_{mistakes}", recall * 100, "%", told),
            Row(f"aimak.names.search_{mistakes}.p95_ms", p95, "ms", told),
        ]
    return found


def _searched(
    vocabulary: MemoryVocabulary, names: list[str], mistakes: int
) -> tuple[float, float]:
    """Return how many of the misspelled names were found, and the time for one."""
    chance = random.Random(SEED + mistakes)
    hits, times = 0, []
    for name in chance.sample(names, QUERIES):
        query = name
        for _ in range(mistakes):
            query = misspelled(query, chance)
        started = time.perf_counter()
        found = candidates(query, vocabulary)
        times.append(time.perf_counter() - started)
        hits += any(candidate.text == name for candidate in found)
    return hits / QUERIES, sorted(times)[int(QUERIES * 0.95)] * 1e3
