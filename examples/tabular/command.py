"""The command on a table of your own: train with a report, evaluate, predict, search.

The same lines work in a shell, `fastnn train penguins.csv --target species ...`.
"""

import csv

import numpy as np

from fastnn.cli import main

# 300 penguins, roughly as the real ones are.
draw = np.random.default_rng(4)
MEANS = {"Adelie": (38.8, 190, 3700), "Chinstrap": (48.8, 196, 3730), "Gentoo": (47.5, 217, 5080)}
with open("penguins.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["species", "island", "bill", "flipper", "mass"])
    for _ in range(300):
        species = str(draw.choice(list(MEANS)))
        bill, flipper, mass = np.array(MEANS[species]) * draw.normal(1, [0.06, 0.03, 0.09])
        island = {"Adelie": draw.choice(["Torgersen", "Biscoe", "Dream"]), "Gentoo": "Biscoe"}
        gap = draw.random() < 0.03
        writer.writerow([species, island.get(species, "Dream"), round(bill, 1), round(flipper),
                         "" if gap else round(mass)])  # fmt: skip

main(["train", "penguins.csv", "--target", "species", "--preset", "td-s", "--epochs", "64",
      "--report", "penguins.html"])  # fmt: skip
main(["evaluate", "penguins.safetensors", "penguins.csv"])
main(["predict", "penguins.safetensors", "penguins.csv", "--out", "predictions.csv"])
main(["tune", "penguins.csv", "--target", "species", "--budget", "20", "--trials", "4",
      "--out", "tuned.safetensors"])  # fmt: skip
