"""Values from a table: weights of rows, an ensemble of folds, a time limit that is kept."""

import time

import numpy as np

from fastnn.tabular import TabularRegressor

# 1,200 flats: area, rooms, town, year of building; the rent.
draw = np.random.default_rng(1)
n = 1200
area = draw.gamma(6.0, 12.0, n)
rooms = np.maximum(1, np.round(area / 25 + draw.normal(0, 0.5, n)))
town = draw.choice(["Adorf", "Beheim", "Cestadt"], n)
year = draw.integers(1900, 2024, n)
rent = 9 * area + 120 * (town == "Cestadt") + 0.004 * (year - 1950) ** 2 + draw.normal(0, 25, n)
rows = {"area": area, "rooms": rooms, "town": town.tolist(), "year": year}
train, test = np.arange(n) < 900, np.arange(n) >= 900


def some(chosen):
    return {name: np.asarray(column)[chosen] for name, column in rows.items()}


recent = np.where(year > 1990, 2.0, 1.0)  # newer houses count twice
for title, options in (("one net", {}), ("five folds", {"n_cv": 5})):
    begun = time.perf_counter()
    model = TabularRegressor("td-s", epochs=48, random_state=0, time_limit=30.0, **options)
    model.fit(some(train), rent[train], sample_weight=recent[train])
    assert time.perf_counter() - begun < 32
    wrong = model.predict(some(test)) - rent[test]
    print(f"{title:10}  R2 {model.score(some(test), rent[test]):.3f}  "
          f"RMSE {np.sqrt(np.mean(wrong**2)):.1f}")  # fmt: skip
