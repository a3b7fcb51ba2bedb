"""Logistic regression: classify tumours as benign from thirty measurements of their cells.

The data are scikit-learn's breast cancer set. For PyTorch change the import lines: `fastnn` is
`torch`. The printed numbers are the same.
"""

from sklearn.datasets import load_breast_cancer

import fastnn as torch
from fastnn import nn, optim

torch.manual_seed(0)

inputs, labels = load_breast_cancer(return_X_y=True)
x = torch.tensor(inputs, dtype=torch.float32)
y = torch.tensor(labels, dtype=torch.float32).unsqueeze(1)

order = torch.randperm(len(x))
train, test = order[:400], order[400:]
mean, std = x[train].mean(dim=0), x[train].std(dim=0)
x = (x - mean) / std

model = nn.Linear(x.shape[1], 1)
criterion = nn.BCEWithLogitsLoss()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)

for epoch in range(200):
    optimizer.zero_grad()
    loss = criterion(model(x[train]), y[train])
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        print(f"epoch {epoch:3d}  loss {loss.item():.5f}")

with torch.no_grad():
    logits = model(x[test])
    test_loss = criterion(logits, y[test]).item()
    predicted = (torch.sigmoid(logits) > 0.5).float()
    accuracy = (predicted == y[test]).float().mean().item()
print(f"result: train {loss.item():.5f} test {test_loss:.5f} accuracy {accuracy:.4f}")
