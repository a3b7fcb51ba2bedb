"""Training a network: data set, loss, optimizer, loops for training and test.

Points on two circles are told apart. For MindSpore change the import lines: `fastnn.mindspore` is
`mindspore`. The printed numbers are the same.
"""

import numpy as np

import fastnn.mindspore as mindspore
from fastnn.mindspore import Tensor, nn
from fastnn.mindspore.dataset import GeneratorDataset, transforms

numbers = np.random.RandomState(0)


class Circles:
    """Noisy points on two circles; an image is a row of two coordinates."""

    def __init__(self, n):
        self.labels = numbers.randint(0, 2, n)
        angles = numbers.uniform(0, 2 * np.pi, n)
        radii = 1.0 + self.labels + 0.2 * numbers.standard_normal(n)
        self.points = np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.points[index], self.labels[index]


def datapipe(source, batch_size):
    """Rows as batches of tensors."""
    data = GeneratorDataset(source, column_names=["point", "label"], shuffle=False)
    data = data.map(transforms.TypeCast(mindspore.float32), "point")
    data = data.map(transforms.TypeCast(mindspore.int32), "label")
    return data.batch(batch_size)


train_dataset = datapipe(Circles(512), batch_size=64)
test_dataset = datapipe(Circles(256), batch_size=64)


def start(*shape):
    """Initial values independent of the library."""
    return Tensor((numbers.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32))


class Network(nn.Cell):
    """MLP with two hidden layers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.SequentialCell(
            nn.Dense(2, 16, start(16, 2), "zeros"),
            nn.LeakyReLU(),
            nn.Dense(16, 16, start(16, 16), "zeros"),
            nn.GELU(),
            nn.Dense(16, 2, start(2, 16), "zeros"),
        )

    def construct(self, x):
        return self.layers(x)


epochs, learning_rate = 10, 0.1
model = Network()
loss_fn = nn.CrossEntropyLoss()
optimizer = nn.SGD(model.trainable_params(), learning_rate=learning_rate, momentum=0.9)


def forward_fn(data, label):
    """Loss and logits."""
    logits = model(data)
    loss = loss_fn(logits, label)
    return loss, logits


grad_fn = mindspore.value_and_grad(forward_fn, None, optimizer.parameters, has_aux=True)


def train_step(data, label):
    """One step; returns the loss."""
    (loss, _), grads = grad_fn(data, label)
    optimizer(grads)
    return loss


def train_loop(dataset):
    """One pass of training."""
    size = dataset.get_dataset_size()
    model.set_train()
    for batch, (data, label) in enumerate(dataset.create_tuple_iterator()):
        loss = train_step(data, label)
        if batch % 4 == 0:
            print(f"loss: {float(loss.asnumpy()):>7f}  [{batch}/{size}]")


def test_loop(dataset):
    """Accuracy and mean loss."""
    num_batches = dataset.get_dataset_size()
    model.set_train(False)
    total, test_loss, correct = 0, 0.0, 0.0
    for data, label in dataset.create_tuple_iterator():
        pred = model(data)
        total += len(data)
        test_loss += float(loss_fn(pred, label).asnumpy())
        correct += float((pred.argmax(1) == label).asnumpy().sum())
    return correct / total, test_loss / num_batches


for t in range(epochs):
    if t % 3 == 0:
        print(f"Epoch {t + 1}")
        train_loop(train_dataset)
        accuracy, loss = test_loop(test_dataset)
        print(f"Test: accuracy {100 * accuracy:>0.1f}%, loss {loss:>8f}")
    else:
        for data, label in train_dataset.create_tuple_iterator():
            train_step(data, label)
accuracy, loss = test_loop(test_dataset)
print(f"result: accuracy {accuracy:.4f} loss {loss:.4f}")
