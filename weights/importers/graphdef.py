"""TensorFlow's frozen GraphDef, in particular inception5h's `tensorflow_inception_graph.pb`, the articles' network.

Everything is read from the file's own attributes. Where TensorFlow differs from torch: maps are N x H x W x C; SAME
padding depends on the input's size and puts the odd row or column at the end; a mean leaves padding out; LRN sums over
its window where torch averages; a dense layer reads H, W, C.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from circuits import FileDamagedError, Network, Preprocessing, Provenance
from weights.importers.draft import Draft, describe, to_network
from weights.importers.graphdef_pb2 import GraphDef, NodeDef
from weights.importers.graphdef_reader import GraphDefReader, sources
from weights.importers.messages import read_message

__all__ = ["import_graphdef"]


def import_graphdef(path: str | Path, *, provenance: Provenance | None = None) -> Network:
    """The network of a frozen GraphDef with one image as input; its last op is the output, heads are kept.

    inception5h's layers get the articles' names (`mixed3a_3x3_bottleneck` is 3a/3x3_bottleneck); its heads are
    head0_bottleneck, nn0, softmax0_pre_activation, softmax0 and so on. Images are made 0..255 minus 117, as it wants
    them: a GraphDef does not say. SAME padding is that of the input's size, 224 px where the file leaves it open.

    Raises:
        CurvesError: there is no such file, or it has an op that is not supported.
        FileDamagedError: it is no GraphDef, or is cut. (Cut exactly between two nodes it is a valid, shorter file:
            only a checksum tells, which is in the provenance.)
    """
    data, graph = read_message(path, GraphDef, "GraphDef")
    nodes = {node.name: node for node in graph.node}
    if not any(node.op == "Placeholder" for node in graph.node):
        raise FileDamagedError(f"{path} has no input (Placeholder); give a frozen graph, or fetch it again")
    readers = Counter(source for node in graph.node for source in sources(node))
    reader = GraphDefReader(str(path), nodes, readers)
    for node in _in_order(path, nodes):
        reader.read(node)
    return to_network(
        Draft(reader.ops, reader.tensors, {op.name: _our_name(op.name) for op in reader.ops}),
        preprocessing=Preprocessing("RGB", 255.0, (117.0, 117.0, 117.0)),
        input_size=reader.input_size,
        provenance=describe(path, data, "import_graphdef", provenance),
    )


def _our_name(name: str) -> str:
    """`mixed3a_5x5_bottleneck_pre_relu/conv` is 3a/5x5_bottleneck; the part after the stem, if any, is the branch."""
    name = re.sub(r"(_pre_relu)?(/conv|/matmul)?$", "", name).replace(".", "/")
    return re.sub(r"^mixed(\d[a-z])_?", r"\1/", name).rstrip("/")


def _in_order(path: str | Path, nodes: Mapping[str, NodeDef]) -> Iterator[NodeDef]:
    """The nodes so that each comes after what it reads; in the file's order as far as possible.

    Raises:
        FileDamagedError: a node reads itself, through others or not, or what is not there.
    """
    done: set[str] = set()
    for first in nodes:
        stack = [first]
        while stack:
            name = stack[-1]
            if missing := [source for source in sources(nodes[name]) if source not in nodes]:
                raise FileDamagedError(
                    f"node {name!r} of {path} reads {missing[0]!r}, which is not there; fetch it again"
                )
            waiting = [source for source in sources(nodes[name]) if source not in done]
            if name in done or not waiting:
                stack.pop()
                if name not in done:
                    done.add(name)
                    yield nodes[name]
            elif waiting[0] in stack:
                raise FileDamagedError(
                    f"node {name!r} of {path} reads its own result; only graphs without loops are networks"
                )
            else:
                stack.append(waiting[0])
