"""Linear regression by hand: loss in tensors, gradients by autograd, gradient descent.

For PyTorch change the import line: `fastnn` is `torch`. The printed numbers are the same.
"""

import fastnn as torch

torch.manual_seed(0)

# y = 2 - 3x, with noise.
x = torch.rand(100, 1)
noise = 0.1 * (torch.rand(100, 1) - 0.5)
y = 2.0 - 3.0 * x + noise

weight = torch.zeros(1, 1, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
learning_rate = 0.5

for step in range(200):
    prediction = x @ weight + bias
    loss = ((prediction - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        weight -= learning_rate * weight.grad
        bias -= learning_rate * bias.grad
        weight.grad.zero_()
        bias.grad.zero_()
    if step % 50 == 0:
        print(f"step {step:3d}  loss {loss.item():.6f}")

with torch.no_grad():
    final = ((x @ weight + bias - y) ** 2).mean().item()
print(f"result: weight {weight.item():.4f} bias {bias.item():.4f} loss {final:.6f}")
