"""Classification of handwritten digits: a small net with a training and a validation loop.

The data are scikit-learn's digits, 8 by 8 pixels. For PyTorch change the import lines: `fastnn` is
`torch`. The printed numbers are the same.
"""

from sklearn.datasets import load_digits

import fastnn as torch
import fastnn.nn.functional as F
from fastnn import nn, optim
from fastnn.utils.data import DataLoader, TensorDataset


class Classifier(nn.Module):
    """Two hidden layers, the second one with a skip connection."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        x = F.relu(self.first(x))
        x = x + F.relu(self.second(x))
        return self.head(x)


def train(model, loader, optimizer):
    """Train for one epoch; return the mean loss."""
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
        optimizer.step()
        total += loss.item() * len(x)
    return total / len(loader.dataset)


def validate(model, loader):
    """Mean loss and accuracy."""
    model.eval()
    total, right = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            total += F.cross_entropy(logits, y, reduction="sum").item()
            right += (logits.argmax(dim=1) == y).sum().item()
    return total / len(loader.dataset), right / len(loader.dataset)


torch.manual_seed(0)
images, digits = load_digits(return_X_y=True)
x = torch.tensor(images, dtype=torch.float32) / 16.0
y = torch.tensor(digits, dtype=torch.int64)
order = torch.randperm(len(x))
x, y = x[order], y[order]

training = DataLoader(TensorDataset(x[:1437], y[:1437]), batch_size=64, shuffle=True)
validation = DataLoader(TensorDataset(x[1437:], y[1437:]), batch_size=256)

model = Classifier(64, 64, 10)
optimizer = optim.Adam(model.parameters(), lr=2e-3)
print(f"{sum(p.numel() for p in model.parameters())} parameters")

for epoch in range(10):
    train_loss = train(model, training, optimizer)
    validation_loss, accuracy = validate(model, validation)
    print(f"epoch {epoch}  train {train_loss:.4f}  validation {validation_loss:.4f}")

print(f"result: train {train_loss:.4f} validation {validation_loss:.4f} accuracy {accuracy:.4f}")
