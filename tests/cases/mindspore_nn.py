"""More of `cases/mindspore.py`: arithmetic, cells, losses, gradients, rates and metrics."""

from __future__ import annotations

from cases.mindspore import TABLES as TENSORS, read

ELEMENTS = read("""
ops.equal(x, x) => x == x
ops.not_equal(x, y) => x != y
ops.less(x, y) => x < y
ops.greater(x, y) => x > y
ops.greater_equal(x, y) => x >= y
ops.less_equal(x, 2.0) => x <= 2
ops.add(x, y) => x + y
ops.sub(x, 1.0) => x - 1
ops.mul(x, y) => x * y
ops.div(x, y) => x / y
ops.div(x, y, rounding_mode='floor') => np.floor(x / y)
ops.floor_div(i, t(2)) => i // 2
ops.pow(x, 2) => x ** 2
ops.maximum(x, y) => np.maximum(x, y)
ops.exp(x) => np.exp(x)
ops.log(p) => np.log(p)
ops.square(x) => x * x
ops.sqrt(p) => np.sqrt(p)
ops.clip_by_value(x, -1.0, 1.0) => x.clip(-1, 1)
ops.clip_by_norm(v, 1.0) => v / np.sqrt(14.0)
ops.clip_by_global_norm((v, v), 1.0) => (v / np.sqrt(28), v / np.sqrt(28))
ops.clamp(x, 0.0, 2.0) => x.clip(0, 2)
ops.matmul(x, y.T) => x @ y.T
ops.mm(x, y.T) => x @ y.T
ops.dot(x, y.T) => x @ y.T
ops.dense(x, z) => x @ z.T
ops.addn((x, y, x)) => x + y + x
ops.bias_add(x, v) => x + v
ops.MatMul(transpose_b=True)(x, y) => x @ y.T
ops.MatMul(True)(x, y) => x.T @ y
ops.Add()(x, y) => x + y
ops.RealDiv()(x, y) => x / y
ops.Maximum()(x, y) => np.maximum(x, y)
ops.Exp()(x) => np.exp(x)
ops.Square()(x) => x * x
ops.Equal()(x, x) => x == x
ops.Greater()(x, y) => x > y
ops.L2Loss()(x) => (x * x).sum() / 2
ops.isnan(x) => np.isnan(x)
ops.logical_and(b, b) => b
ops.xdivy(q, x) => q / x
""")

NUMPY = read("""
mnp.std(x) => x.std()
mnp.mean(x, axis=0) => x.mean(0)
mnp.array([1, 2]) => np.array([1, 2])
mnp.arange(4) => np.arange(4)
mnp.linspace(0, 1, 5) => np.linspace(0, 1, 5)
mnp.ones((2, 2)) => np.ones((2, 2))
mnp.full((2,), 7) => np.full(2, 7)
mnp.eye(2) => np.eye(2)
mnp.dot(x, y.T) => x @ y.T
mnp.concatenate((x, y), 1) => np.concatenate((x, y), 1)
mnp.stack((x, y)) => np.stack((x, y))
mnp.transpose(x) => x.T
mnp.max(x, 1) => x.max(1)
mnp.where(b, x, y) => np.where(b, x, y)
mnp.clip(x, -1, 1) => x.clip(-1, 1)
mnp.exp(x) => np.exp(x)
mnp.sum(x, axis=1, keepdims=True) => x.sum(1, keepdims=True)
mnp.unique(t([3, 1, 3])) => np.array([3, 1])
""")

ACTIVATIONS = read("""
nn.GELU()(x) => tanh_gelu(x)
ops.gelu(x, 'tanh') => tanh_gelu(x)
nn.LeakyReLU()(x) => np.where(x > 0, x, 0.2 * x)
ops.leaky_relu(x) => np.where(x > 0, x, 0.2 * x)
nn.ELU()(x) => np.where(x > 0, x, np.expm1(x))
ops.elu(x) => np.where(x > 0, x, np.expm1(x))
nn.CELU(2.0)(x) => np.where(x > 0, x, 2 * np.expm1(x / 2))
nn.SeLU()(x) => 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))
ops.selu(v) => 1.0507009873554805 * np.where(v > 0, v, 1.6732632423543772 * np.expm1(v))
nn.SiLU()(x) => x * sigmoid(x)
ops.silu(x) => x * sigmoid(x)
nn.Mish()(x) => x * np.tanh(np.log1p(np.exp(x)))
ops.mish(x) => x * np.tanh(np.log1p(np.exp(x)))
nn.ReLU()(x) => np.maximum(x, 0)
nn.ReLU6()(x * 2) => (2 * x).clip(0, 6)
nn.Sigmoid()(x) => sigmoid(x)
nn.Tanh()(p) => np.tanh(p)
nn.LogSigmoid()(x) => np.log(sigmoid(x))
nn.Softmax()(x) => softmax(x)
nn.Softmax(axis=0)(x) => softmax(x, 0)
nn.LogSoftmax()(x) => np.log(softmax(x))
ops.softmax(x) => softmax(x)
ops.log_softmax(x) => np.log(softmax(x))
nn.HSigmoid()(x) => (x / 6 + 0.5).clip(0, 1)
nn.HSwish()(x) => x * (x / 6 + 0.5).clip(0, 1)
nn.Softsign()(x) => x / (1 + np.abs(x))
nn.HShrink()(x) => np.where(np.abs(x) > 0.5, x, 0)
nn.SoftShrink()(x) => np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)
nn.Hardtanh()(x) => x.clip(-1, 1)
nn.Tanhshrink()(x) => x - np.tanh(x)
nn.Threshold(1.0, 7.0)(x) => np.where(x > 1, x, 7)
nn.PReLU()(x) => np.where(x > 0, x, 0.25 * x)
nn.FastGelu()(x) => x * sigmoid(1.702 * x)
nn.GLU()(ops.concat((x, y), 1)) => x * sigmoid(y)
ops.Softmax()(x) => softmax(x)
ops.ReLU()(x) => np.maximum(x, 0)
ops.GeLU()(x) => tanh_gelu(x)
nn.get_activation('leakyrelu')(x) => np.where(x > 0, x, 0.2 * x)
""")

LAYERS = read("""
nn.Dense(3, 2, 'ones', 'zeros')(x) => x.sum(1, keepdims=True) * np.ones(2)
nn.Dense(3, 2, 0.5, 1.0, activation='relu')(x)
    => np.maximum(x.sum(1, keepdims=True) * 0.5 + 1, 0) * np.ones(2)
nn.Dense(3, 4, z, 'ones')(x) => x @ z.T + 1
nn.LayerNorm((3,))(x) => normal(x, 1e-7, 1)
nn.LayerNorm([3], epsilon=0.5)(x) => normal(x, 0.5, 1)
nn.GroupNorm(1, 3)(x) => normal(x, 1e-5, 1)
nn.GroupNorm(3, 3, gamma_init=2.0, beta_init='ones')(x) => x * 0 + 1
nn.GroupNorm(1, 3, 0.5, False)(x) => normal(x, 0.5, 1)
nn.BatchNorm1d(3)(x) => x / np.sqrt(1 + 1e-5)
nn.BatchNorm1d(3).set_train()(z) => normal(z, 1e-5, 0)
nn.BatchNorm1d(3, use_batch_statistics=True)(z) => normal(z, 1e-5, 0)
moving(nn.BatchNorm1d(3), z) => (0.1 * z.mean(0), 0.9 + 0.1 * z.var(0, ddof=1))
moving(nn.BatchNorm1d(3, momentum=0.5), z) => (0.5 * z.mean(0), 0.5 + 0.5 * z.var(0, ddof=1))
nn.Embedding(4, 3, embedding_table=z)(c) => np.vstack([z[2], z[0]])
nn.Flatten()(one) => one.reshape(1, 2)
nn.Dropout(p=0.5)(x) => x
nn.Identity()(x) => x
nn.SequentialCell(nn.Dense(3, 2, 'ones', 'zeros'), nn.LeakyReLU())(x)
    => np.where(x.sum(1) > 0, x.sum(1), 0.2 * x.sum(1))[:, None] * np.ones(2)
nn.SequentialCell([nn.Dense(3, 2), nn.BatchNorm1d(2)])[1].training => False
sorted(nn.CellList([nn.BatchNorm1d(3)]).parameters_dict())
    => ['0.beta', '0.gamma', '0.moving_mean', '0.moving_variance']
sorted(p.name for p in nn.BatchNorm1d(3).trainable_params()) => ['beta', 'gamma']
sorted(nn.SequentialCell(nn.Dense(2, 2), nn.LayerNorm((2,))).parameters_dict())
    => ['0.bias', '0.weight', '1.beta', '1.gamma']
nn.Embedding(4, 3).embedding_table.name => 'embedding_table'
[p.name for p in nn.PReLU().get_parameters()] => ['a']
""")

LOSSES = read("""
nn.SmoothL1Loss()(x, y) => smooth(x - y)
nn.SmoothL1Loss(reduction='mean')(x, y) => smooth(x - y).mean()
nn.SmoothL1Loss(2.0)(x, y) => smooth(x - y, 2.0)
ops.smooth_l1_loss(x, y) => smooth(x - y)
nn.MSELoss()(x, y) => ((x - y) ** 2).mean()
nn.MSELoss('sum')(x, y) => ((x - y) ** 2).sum()
nn.L1Loss()(x, y) => np.abs(x - y).mean()
nn.MAELoss('none')(x, y) => np.abs(x - y)
nn.RMSELoss()(x, y) => np.sqrt(((x - y) ** 2).mean())
nn.HuberLoss()(x, y) => smooth(x - y).mean()
ops.huber_loss(x, y, 'none', 2.0) => smooth(x - y, 2.0) * 2
nn.CrossEntropyLoss()(x, i32(c)) => cross(x, c).mean()
nn.SoftmaxCrossEntropyWithLogits(sparse=True)(x, i32(c)) => cross(x, c)
nn.SoftmaxCrossEntropyWithLogits(True, 'mean')(x, i32(c)) => cross(x, c).mean()
nn.SoftmaxCrossEntropyWithLogits()(x, q) => -(q * np.log(softmax(x))).sum(1)
nn.NLLLoss()(x, i32(c)) => -x[[0, 1], c].mean()
ops.nll_loss(x, i32(c), reduction='sum') => -x[[0, 1], c].sum()
nn.BCELoss()(p, q) => -(q * np.log(p) + (1 - q) * np.log(1 - p)).mean()
nn.BCEWithLogitsLoss()(x, q) => (np.log1p(np.exp(-x)) + (1 - q) * x).mean()
nn.KLDivLoss('sum')(ops.log(p), p) => np.array(0.0)
nn.HingeEmbeddingLoss('none' and 1.0)(x, ops.sign(y))
    => np.where(y > 0, x, np.maximum(0, 1 - x)).mean()
nn.SoftMarginLoss()(x, ops.sign(y)) => np.log1p(np.exp(-np.sign(y) * x)).mean()
nn.MultilabelMarginLoss()(x, i32(t([[0, -1, 0], [1, 0, -1]])))
    => ((0 + 1.5) / 3 + 0) / 2
nn.DiceLoss()(p, q) => 1 - 2 * (p * q).sum() / ((p * p).sum() + (q * q).sum() + 1e-5)
ops.cross_entropy(x, i32(c)) => cross(x, c).mean()
ops.binary_cross_entropy(p, q) => -(q * np.log(p) + (1 - q) * np.log(1 - p)).mean()
ops.SoftmaxCrossEntropyWithLogits()(x, q) => (-(q * np.log(softmax(x))).sum(1), softmax(x) - q)
ops.SparseSoftmaxCrossEntropyWithLogits()(x, i32(c)) => cross(x, c).mean()
""")

GRADIENTS = read("""
mindspore.grad(lambda a: a.std())(v) => (v - v.mean()) / (3 * v.std())
mindspore.grad(lambda a: (a ** 3).var())(v) => 3 * v**2 * 2 * (v**3 - (v**3).mean()) / 3
mindspore.value_and_grad(lambda a: a.max(axis=1).sum())(x)
    => (np.array(6.0), np.array([[0.0, 0, 1], [1, 0, 0]]))
mindspore.grad(lambda a: ops.flatten(a).std(1), 0)(x)
    => (x - x.mean(1, keepdims=True)) / (3 * x.std(1, keepdims=True))
mindspore.grad(mindspore.grad(lambda a: (a ** 3).sum()))(v) => 6 * v
mindspore.jvp(lambda a: a * a.var(), v, v)
    => (v * v.var(), v * v.var() + v * (2 * (v - v.mean()) / 3 * v).sum())
ops.GradOperation(get_all=True)(lambda a, s: a * s.std())(v + 1, v)
    => (np.full(3, v.std()), (v + 1).sum() * (v - v.mean()) / (3 * v.std()))
mindspore.vmap(lambda a: a.std())(x) => x.std(1)
mindspore.jacrev(lambda a: a * a)(v) => np.diag(2 * v)
""")

RATES = read("""
nn.piecewise_constant_lr([2, 5], [0.1, 0.05]) => [0.1, 0.1, 0.05, 0.05, 0.05]
nn.cosine_decay_lr(0.01, 0.1, 6, 2, 2) => [0.1, 0.1, 0.055, 0.055, 0.01, 0.01]
nn.exponential_decay_lr(0.1, 0.9, 6, 2, 2) => [0.1 * 0.9 ** (k // 2 / 2) for k in range(6)]
nn.exponential_decay_lr(0.1, 0.9, 6, 1, 2, True) => [0.1 * 0.9 ** (k // 2) for k in range(6)]
nn.natural_exp_decay_lr(0.1, 0.9, 6, 2, 2) => [0.1 * np.exp(-0.9 * (k // 2)) for k in range(6)]
nn.natural_exp_decay_lr(0.1, 0.9, 6, 1, 2, True)
    => [0.1 * np.exp(-0.9 * (k // 2 * 2)) for k in range(6)]
nn.inverse_decay_lr(0.1, 0.5, 6, 1, 1) => [0.1 / (1 + 0.5 * k) for k in range(6)]
nn.polynomial_decay_lr(0.1, 0.01, 6, 2, 2, 0.5)
    => [0.09 * max(0, 1 - k // 2 / 2) ** 0.5 + 0.01 for k in range(6)]
nn.polynomial_decay_lr(0.1, 0.01, 6, 1, 2, 0.5, True)
    => [0.09 * (1 - k / (2 * max(1, -(-k // 2)))) ** 0.5 + 0.01 for k in range(6)]
nn.warmup_lr(0.1, 6, 2, 2) => [0.0, 0.0, 0.05, 0.05, 0.1, 0.1]
nn.ExponentialDecayLR(0.1, 0.9, 4)(t(2)) => 0.1 * 0.9 ** 0.5
nn.ExponentialDecayLR(0.1, 0.9, 4, True)(t(6)) => 0.1 * 0.9
nn.NaturalExpDecayLR(0.1, 0.9, 4)(t(2)) => 0.1 * np.exp(-1.8)
nn.NaturalExpDecayLR(0.1, 0.2, 4, True)(t(6)) => 0.1 * np.exp(-0.8)
nn.InverseDecayLR(0.1, 0.9, 4)(t(2)) => 0.1 / 1.45
nn.CosineDecayLR(0.01, 0.1, 4)(t(1)) => 0.01 + 0.045 * (1 + np.cos(np.pi / 4))
nn.CosineDecayLR(0.01, 0.1, 4)(t(9)) => 0.01
nn.PolynomialDecayLR(0.1, 0.01, 4, 0.5)(t(2)) => 0.09 * 0.5 ** 0.5 + 0.01
nn.PolynomialDecayLR(0.1, 0.01, 4, 0.5, True)(t(6)) => 0.09 * 0.25 ** 0.5 + 0.01
nn.WarmUpLR(0.1, 4)(t(1)) => 0.025
nn.WarmUpLR(0.1, 4)(t(8)) => 0.1
""")

METRICS = read("""
metric(nn.Accuracy(), p, c) => 0.5
metric(nn.Accuracy('multilabel'), q, q) => 1.0
metric(nn.Precision(), p, c) => np.array([1.0, 0.0, 0.0])
metric(nn.Recall(), z, np.array([2, 0, 1, 2])) => np.array([1.0, 0.0, 1.0])
metric(nn.F1(), z, np.array([2, 0, 1, 2])) => np.array([2 / 3, 0.0, 1.0])
metric(nn.Fbeta(2.0), z, np.array([2, 0, 1, 2])) => np.array([5 / 6, 0.0, 1.0])
metric(nn.MAE(), x, y) => np.abs(x - y).sum() / 2
metric(nn.MSE(), x, y) => ((x - y) ** 2).sum() / 2
metric(nn.Loss(), v) => v.mean()
metric(nn.Top1CategoricalAccuracy(), p, c) => 0.5
metric(nn.TopKCategoricalAccuracy(2), p, c) => 1.0
metric(nn.Top5CategoricalAccuracy(), np.array([[6.0, 5, 4, 3, 2, 1]] * 2), np.array([5, 0]))
    => 0.5
metric(nn.ConfusionMatrix(2), np.array([0, 1, 1]), np.array([0, 1, 0]))
    => np.array([[1.0, 1.0], [0.0, 1.0]])
metric(nn.ConfusionMatrix(2, 'target'), np.array([0, 1, 1]), np.array([0, 1, 0]))
    => np.array([[0.5, 0.5], [0.0, 1.0]])
metric(nn.Perplexity(), p, c) => np.exp(-np.log(np.array([0.4, 0.9])).mean())
metric(nn.get_metric_fn('accuracy'), z, np.array([2, 0, 1, 2])) => 0.75
""")

# What arguments mean that the tables above leave out.
ARGUMENTS = read("""
x.max(axis=1, return_indices=True) => (x.max(1), x.argmax(1))
x.max(axis=1, initial=3.0, where=b) => np.where(b, x, 3.0).max(1).clip(3.0)
x.max(axis=1, initial=-9.0, where=b, return_indices=True)
    => (np.array([2.0, 4.0]), np.array([2, 0]))
x.min(axis=0, initial=9.0, where=b) => np.where(b, x, 9.0).min(0)
x.flatten('F') => x.ravel('F')
x.flatten('F', start_dim=1) => x.T
x.item(4) => 3.0
x.item((1, 2)) => -0.5
one.sum(initial=2.0) => 5.0
Tensor.from_numpy(np.arange(3)) => np.arange(3)
ops.amax(x, 1, initial=0.0, where=b) => np.array([2.0, 4.0])
ops.amin(x, 1, initial=0.0, where=b) => np.array([0.0, -0.5])
ops.max(x, 1, initial=-9.0, where=b) => (np.array([2.0, 4.0]), np.array([2, 0]))
ops.min(x) => (x.min(), 0)
ops.min(x, 1, initial=9.0, where=b) => (np.array([1.5, -0.5]), np.array([0, 2]))
ops.broadcast_to(v, t([2, 3])) => np.broadcast_to(v, (2, 3))
ops.flatten(v) => v
ops.flatten(one, 'F') => one.T.reshape(1, 2)
ops.flatten(x, 'F', start_dim=0) => x.ravel('F')
ops.squeeze(x, 0) => x
ops.squeeze(one, (0, 1)) => one[0]
ops.squeeze(one, (0, -1)) => one[0, :, 0]
ops.uniform((4,), t(7), t(8), dtype=mindspore.int32) => np.full(4, 7)
ops.add(input=x, other=y) => x + y
ops.softmax(x, axis=0) => softmax(x, 0)
ops.clip_by_norm((x, v), 1.0)
    => (x / np.sqrt((x * x).sum() + 14), v / np.sqrt((x * x).sum() + 14))
ops.dot(one, x[0:1]) => np.dot(one, x[:1])
ops.tensor_dot(x, z, (1, 1)) => x @ z.T
ops.tensor_dot(x, y, 2) => (x * y).sum()
ops.Split(1, 3)(x) => (x[:, :1], x[:, 1:2], x[:, 2:])
ops.CumSum(reverse=True)(x, 1) => x[:, ::-1].cumsum(1)[:, ::-1]
ops.CumSum(True, True)(x, 1) => x[:, ::-1].cumsum(1)[:, ::-1] - x
ops.Print()(x, y) => x
ops.SparseSoftmaxCrossEntropyWithLogits(is_grad=True)(x, c)
    => (softmax(x) - np.eye(3)[c]) / 2
mnp.concatenate((x, v), None) => np.concatenate((x, v), None)
nn.Flatten()(x) => x
nn.LayerNorm((3,), 0, 1)(x) => (x - x.mean()) / np.sqrt(x.var() + 1e-7)
nn.Embedding(3, 2, embedding_table='ones', padding_idx=0)(c) => np.array([[1.0, 1], [0, 0]])
nn.BiDense(3, 3, 1, weight_init='ones', bias_init='ones')(x, y)
    => x.sum(1, keepdims=True) * y.sum(1, keepdims=True) + 1
nn.SoftmaxCrossEntropyWithLogits(reduction='none')(x, p)
    => -(p * np.log(softmax(x))).sum(1)
nn.SoftmaxCrossEntropyWithLogits(reduction='sum')(x, p)
    => -(p * np.log(softmax(x))).sum()
nn.BiDense(3, 3, 1, weight_init='ones', has_bias=False)(x, y)
    => x.sum(1, keepdims=True) * y.sum(1, keepdims=True)
nn.WithEvalCell(nn.Identity(), nn.L1Loss(), True)(x, y.astype(mindspore.float64))
    => (np.abs(x - y).mean(), x, y)
nn.WithEvalCell(nn.Identity(), nn.NLLLoss(), True)(x, c)[0] => -np.mean([x[0, 2], x[1, 0]])
mindspore.jit(capture_mode='ast')(lambda a, k: a * k)(x, k=3.0) => x * 3
metric(nn.Precision('multilabel'), q, np.array([[0, 1, 1], [1, 1, 1]])) => np.array([1.0, 1.0])
metric(nn.Recall('multilabel'), q, np.array([[0, 1, 1], [1, 1, 1]])) => np.array([1 / 2, 2 / 3])
metric(nn.Accuracy(), p, np.array([[0, 1, 0], [0, 1, 0]])) => 0.5
metric(nn.Accuracy(), np.array([[[0.2, 0.9], [0.8, 0.1]]]), np.array([[[0, 0], [1, 1]]])) => 0.5
metric(nn.ConfusionMatrix(3), p, c) => np.array([[1.0, 0, 0], [0, 0, 0], [0, 1.0, 0]])
metric(nn.ConfusionMatrix(2, threshold=0.3), np.array([0.2, 0.4]), np.array([0, 0]))
    => np.array([[1.0, 1.0], [0.0, 0.0]])
""")

TABLES = {
    **TENSORS,
    "arguments": ARGUMENTS,
    "numpy": NUMPY,
    "elements": ELEMENTS,
    "activations": ACTIVATIONS,
    "layers": LAYERS,
    "losses": LOSSES,
    "gradients": GRADIENTS,
    "rates": RATES,
    "metrics": METRICS,
}
