"""Layers, one file per family; each has the function and its module class."""

from fastnn.nn.layers.batch_norm import *
from fastnn.nn.layers.bilinear import *
from fastnn.nn.layers.channels import *
from fastnn.nn.layers.container import *
from fastnn.nn.layers.distance import *
from fastnn.nn.layers.dropout import *
from fastnn.nn.layers.embedding import *
from fastnn.nn.layers.embedding_bag import *
from fastnn.nn.layers.feature_dropout import *
from fastnn.nn.layers.group_norm import *
from fastnn.nn.layers.layer_norm import *
from fastnn.nn.layers.lazy import *
from fastnn.nn.layers.lazy_norm import *
from fastnn.nn.layers.linear import *
from fastnn.nn.layers.lists import *
from fastnn.nn.layers.mlp import *
from fastnn.nn.layers.padding import *
from fastnn.nn.layers.shape import *
