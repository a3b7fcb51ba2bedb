"""Train on a table in files, of which memory holds a small part at a time.

The files are made here, 80 MB of them, and 8 MB of rows are in memory at once. Nothing changes for
80 GB but the time.
"""

import tempfile
from pathlib import Path

import numpy as np

import fastnn
from fastnn import nn, optim
from fastnn.io import open_table

SHARDS, ROWS, WIDE = 8, 20_000, 128


def write_shards(folder: Path) -> None:
    """Rows whose class is the sign of a product, and columns on very different scales."""
    draw = np.random.default_rng(0)
    for shard in range(SHARDS):
        x = draw.normal(size=(ROWS, WIDE)).astype(np.float32)
        np.save(folder / f"y-{shard}.npy", (x[:, 0] * x[:, 1] > 0).astype(np.int64))
        np.save(folder / f"x-{shard}.npy", x * np.geomspace(0.01, 100, WIDE, dtype=np.float32))


def main() -> None:
    fastnn.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_shards(folder)
        with open_table(f"{folder}/x-*.npy", f"{folder}/y-*.npy", memory="8MB") as raw:
            table = raw.standardized()  # mean and deviation by one pass
            print(table)
            model = nn.Sequential(nn.Linear(WIDE, 64), nn.ReLU(), nn.Linear(64, 2))
            trainer = fastnn.Trainer(
                model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.003)
            )
            history = trainer.fit(
                table, epochs=3, batch_size=128, validation_split=0.1, metrics=["accuracy"],
                verbose=0,
            )  # fmt: skip
            for epoch, accuracy in enumerate(history.history["val_accuracy"]):
                print(f"epoch {epoch}: accuracy on held-out rows {accuracy:.3f}")
            out = np.lib.format.open_memmap(
                folder / "z.npy", "w+", np.float32, (table.rows, 2)
            )  # predictions may be more than memory holds, too
            trainer.predict(table, out=out)
            print(f"{len(out)} predictions in a file")


if __name__ == "__main__":
    main()
