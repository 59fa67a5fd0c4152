"""Makes tensorflow_small.pb and tensorflow_small.npz with TensorFlow itself, in an environment of its own.

    python3.11 -m venv /tmp/tf && /tmp/tf/bin/pip install tensorflow-cpu==2.21.0
    /tmp/tf/bin/python tests/golden/make_tensorflow.py

A small frozen graph with every op of inception5h (and what TensorFlow does that is easy to get wrong: SAME padding at
stride 2 and with even kernels, means without padding, LRN that sums, dense layers in H, W, C order), two images (RGB in
[0, 1], N x H x W x C) and the values of its nodes for 255 x image - 117.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

tf.compat.v1.disable_eager_execution()
rng = np.random.default_rng(0)
HERE = Path(__file__).parent


def variable(name, *shape, scale):
    return tf.compat.v1.get_variable(name, initializer=rng.normal(0, scale, shape).astype(np.float32))


def conv(name, x, size, channels, stride=1, padding="SAME", add=tf.nn.bias_add):
    inputs = int(x.shape[-1])
    w = variable(f"{name}_w", size, size, inputs, channels, scale=1.5 / (size * inputs**0.5))
    b = variable(f"{name}_b", channels, scale=5.0)
    y = tf.nn.conv2d(x, w, [1, stride, stride, 1], padding, name=f"{name}_pre_relu/conv")
    return tf.nn.relu(add(y, b, name=f"{name}_pre_relu"), name=name)


def dense(name, x, channels, suffix):
    w = variable(f"{name}_w", int(x.shape[-1]), channels, scale=0.02)
    b = variable(f"{name}_b", channels, scale=0.5)
    return tf.nn.bias_add(tf.matmul(x, w, name=f"{name}{suffix}/matmul"), b, name=f"{name}{suffix}")


image = tf.compat.v1.placeholder(tf.float32, [None, 30, 30, 3], name="input")
x = conv("conv2d0", image, 7, 8, stride=2)  # 30 -> 15, 2 before and 3 after
x = tf.nn.max_pool2d(x, 3, 2, "VALID", name="maxpool0")  # 15 -> 7
x = tf.nn.local_response_normalization(x, 5, 2.0, 1e-4, 0.5, name="localresponsenorm0")
x = conv("conv2d1", x, 4, 6)  # even kernel: 1 before, 2 after
x = conv("conv2d2", x, 2, 14, stride=1, padding="VALID", add=tf.add)  # 7 -> 6
x = tf.nn.local_response_normalization(x, 2, 1.0, 3e-3, 0.75, name="localresponsenorm1")
x = tf.nn.max_pool2d(x, 3, 2, "SAME", name="maxpool1")  # 6 -> 3, none before and 1 after
a = conv("mixed3a_1x1", x, 1, 4)
b = conv("mixed3a_3x3", conv("mixed3a_3x3_bottleneck", x, 1, 3), 3, 5)
c = conv("mixed3a_5x5", conv("mixed3a_5x5_bottleneck", x, 1, 2), 5, 3)
d = conv("mixed3a_pool_reduce", tf.nn.max_pool2d(x, 3, 1, "SAME", name="mixed3a_pool"), 1, 2)
x = tf.raw_ops.Concat(concat_dim=tf.constant(3, name="mixed3a/concat_dim"), values=[a, b, c, d], name="mixed3a")
x = tf.concat([conv("mixed3b_1x1", x, 1, 5), conv("mixed3b_3x3", x, 3, 4)], 3, name="mixed3b")
x = tf.nn.avg_pool2d(x, 2, 2, "SAME", name="avgpool0")  # 3 -> 2, none before and 1 after, left out of the mean
x = tf.reshape(x, [-1, 2 * 2 * 9], name="avgpool0/reshape")
x = tf.nn.relu(dense("nn0", x, 10, "_pre_relu"), name="nn0")
x = tf.nn.softmax(dense("softmax0", x, 7, "_pre_activation"), name="softmax0")
tf.identity(x, name="output")

NODES = ["conv2d0_pre_relu", "conv2d0", "maxpool0", "localresponsenorm0", "conv2d1", "conv2d2", "localresponsenorm1"]
NODES += ["maxpool1", "mixed3a", "mixed3b", "avgpool0", "nn0", "softmax0_pre_activation", "softmax0"]

with tf.compat.v1.Session() as session:
    session.run(tf.compat.v1.global_variables_initializer())
    images = rng.random((2, 30, 30, 3), np.float32)
    values = session.run([f"{node}:0" for node in NODES], {"input:0": images * 255 - 117})
    frozen = tf.compat.v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["output"])
(HERE / "tensorflow_small.pb").write_bytes(frozen.SerializeToString(deterministic=True))
np.savez_compressed(HERE / "tensorflow_small.npz", images=images, **dict(zip(NODES, values, strict=True)))
for node, value in zip(NODES, values, strict=True):
    print(f"{node:28} {value.shape!s:18} {value.min():10.4g} {value.max():10.4g}")
print({node.op for node in frozen.node})
