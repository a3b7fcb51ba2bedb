"""Quickstart: images through a data pipeline, a network, `train.Model` with callbacks, a file.

The images are made up: ten patterns of 8 x 8 points under noise. For MindSpore change the import
lines: `fastnn.mindspore` is `mindspore`. The printed numbers are the same.
"""

import os
import tempfile

import numpy as np

import fastnn.mindspore as mindspore
from fastnn.mindspore import Tensor, nn
from fastnn.mindspore.dataset import GeneratorDataset, transforms, vision
from fastnn.mindspore.train import CheckpointConfig, LossMonitor, Model, ModelCheckpoint

numbers = np.random.RandomState(0)
patterns = numbers.randint(0, 256, (10, 8, 8, 1))


class Images:
    """Noisy pictures of the patterns, bytes of shape (8, 8, 1)."""

    def __init__(self, n):
        self.labels = numbers.randint(0, 10, n)
        noise = 90 * numbers.standard_normal((n, 8, 8, 1))
        self.images = np.clip(patterns[self.labels] + noise, 0, 255).astype(np.uint8)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


def datapipe(source, batch_size):
    """Scaled images, channels first, in batches."""
    image_transforms = [
        vision.Rescale(1.0 / 255.0, 0),
        vision.Normalize(mean=(0.5,), std=(0.3,)),
        vision.HWC2CHW(),
    ]
    label_transform = transforms.TypeCast(mindspore.int32)
    dataset = GeneratorDataset(source, ["image", "label"], shuffle=False)
    dataset = dataset.map(image_transforms, "image")
    dataset = dataset.map(label_transform, "label")
    return dataset.batch(batch_size, drop_remainder=True)


train_dataset = datapipe(Images(640), 64)
test_dataset = datapipe(Images(320), 64)
for image, label in test_dataset.create_tuple_iterator():
    print(f"image {image.shape}, label {label.shape}, mean {float(image.mean().asnumpy()):.4f}")
    break


def start(*shape):
    """Initial values independent of the library."""
    return Tensor((numbers.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32))


class Network(nn.Cell):
    """MLP with one hidden layer, normalized."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.layers = nn.SequentialCell(
            nn.Dense(64, 32, start(32, 64), "zeros"),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Dense(32, 10, start(10, 32), "zeros"),
        )

    def construct(self, x):
        x = self.flatten(x)
        return self.layers(x)


net = Network()
loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
steps = train_dataset.get_dataset_size()
rates = nn.cosine_decay_lr(0.001, 0.05, 4 * steps, steps, 4)
optimizer = nn.Momentum(net.trainable_params(), learning_rate=rates, momentum=0.9)
model = Model(net, loss, optimizer, metrics={"accuracy": nn.Accuracy(), "loss": nn.Loss()})

with tempfile.TemporaryDirectory() as folder:
    config = CheckpointConfig(save_checkpoint_steps=steps, keep_checkpoint_max=2)
    saver = ModelCheckpoint(prefix="net", directory=folder, config=config)
    model.train(4, train_dataset, callbacks=[LossMonitor(5), saver], dataset_sink_mode=False)
    files = sorted(name for name in os.listdir(folder) if name.endswith(".ckpt"))
    print(f"kept {files}")
    params = mindspore.load_checkpoint(os.path.join(folder, files[-1]))
    mindspore.load_param_into_net(net, params)

found = model.eval(test_dataset, dataset_sink_mode=False)
print(f"accuracy {found['accuracy']:.4f} loss {found['loss']:.4f}")
data, label = next(test_dataset.create_tuple_iterator())
predicted = model.predict(data).asnumpy().argmax(axis=1)
print(f"predicted {predicted[:10]}, right {label.asnumpy()[:10]}")
print(f"result: {found['accuracy']:.4f} {found['loss']:.4f}")
