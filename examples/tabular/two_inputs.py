"""A net of your own on numbers and categories, with two outputs, trained by one `fit`.

The inputs, and the targets, are tuples; each output has its loss. Steps run in C as always.
"""

import numpy as np

import fastnn
from fastnn import Trainer, nn, optim

draw = np.random.default_rng(3)
n = 2000
numbers = draw.normal(size=(n, 4)).astype(np.float32)
categories = draw.integers(0, 6, (n, 2))
value = numbers[:, 0] * 2 + (categories[:, 0] == 3) + draw.normal(0, 0.1, n)
kind = (numbers[:, 1] + categories[:, 1] / 3 > 1).astype(int)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(6, 3)
        self.body = nn.MLP(4 + 2 * 3, [64], 32, dropout=0.05)
        self.value, self.kind = nn.Linear(32, 1), nn.Linear(32, 2)

    def forward(self, numbers, categories):
        embedded = self.table(categories).reshape(len(numbers), -1)
        h = self.body(fastnn.cat([numbers, embedded], 1)).relu()
        return self.value(h), self.kind(h)


fastnn.manual_seed(0)
net = Net()
trainer = Trainer(net, ["mse", "cross_entropy"], optim.Adam(net.parameters(), lr=0.005))
train, test = slice(0, 1600), slice(1600, None)
history = trainer.fit(
    (numbers[train], categories[train]), (value[train], kind[train]), epochs=30, batch_size=64,
    validation_data=((numbers[test], categories[test]), (value[test], kind[test])), verbose=0,
)  # fmt: skip
print(trainer)
print("validation loss falls:", history.history["val_loss"][-1] < history.history["val_loss"][0])

z, logits = trainer.predict((numbers[test], categories[test]))
r2 = 1 - np.mean((z[:, 0] - value[test]) ** 2) / np.var(value[test])
print(f"R2 {r2:.2f}, accuracy {np.mean(logits.argmax(1) == kind[test]):.2f}")
