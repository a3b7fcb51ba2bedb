"""Activation functions and their derivatives.

At a kink the derivative is what training uses, such as 0 for ReLU at 0.
"""

from fastnn import nn, plot

ax = plot.activations(nn.ReLU(), nn.GELU(), nn.Tanh())
ax.figure.savefig("activations.png")
