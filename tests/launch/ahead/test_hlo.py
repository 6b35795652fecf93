"""Costs read from HLO text, against XLA's own count where no loop is in the way. A
failure means that FLOPs or bytes of a step are miscounted."""

import os

os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from launch import chips
from launch.ahead.hlo import cost as hlo

DEPTH = 5
WIDTH = 256
WEIGHTS = jax.ShapeDtypeStruct((DEPTH, WIDTH, WIDTH), jnp.float32)
ROWS = jax.ShapeDtypeStruct((512, WIDTH), jnp.float32)
REPLICATED = P()
PRODUCT = 2 * 512 * WIDTH * WIDTH  # FLOPs of a layer


def mesh_of(backend, size):
    if backend == "cpu":
        return Mesh(np.array(jax.devices()[:size]), ("data",))
    pytest.importorskip("libtpu")
    name = "v5e:1x1" if size == 1 else "v5e:2x2"
    return Mesh(np.array(chips.topology_devices(name)), ("data",))


def compiled(backend, function, *args, specs=REPLICATED, out=None, size=1):
    mesh = mesh_of(backend, size)

    def sharding(spec):
        return NamedSharding(mesh, spec)

    is_spec = {"is_leaf": lambda x: isinstance(x, P)}
    options = {"in_shardings": jax.tree.map(sharding, specs, **is_spec)}
    if out is not None:
        options["out_shardings"] = jax.tree.map(sharding, out, **is_spec)
    return jax.jit(function, **options).lower(*args).compile()


def cost(*args, **options):
    return hlo.cost(compiled(*args, **options).as_text())


def shape(*dims, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(dims, dtype)


def conv(x, w, stride=1, groups=1, dilate=None, spread=None):
    return jax.lax.conv_general_dilated(
        x,
        w,
        (stride, stride),
        "SAME" if dilate is None else ((1, 2), (1, 2)),
        lhs_dilation=dilate,
        rhs_dilation=spread,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def conv_gradients(x, w):
    return jax.grad(lambda x, w: (conv(x, w, 2) ** 2).sum(), (0, 1))(x, w)


IMAGES = shape(8, 16, 16, 32)
KERNEL = shape(3, 3, 32, 64)
CASES = {
    "matmul": (jnp.matmul, shape(512, 1024), shape(1024, 768)),
    "matmul bf16": (
        jnp.matmul,
        shape(512, 1024, dtype=jnp.bfloat16),
        shape(1024, 768, dtype=jnp.bfloat16),
    ),
    "attention": (
        lambda q, k: jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k)),
        shape(4, 128, 8, 64),
        shape(4, 128, 8, 64),
    ),
    "conv": (conv, IMAGES, KERNEL),
    "strided": (lambda x, w: conv(x, w, 2), shape(8, 17, 17, 32), KERNEL),
    "dilated": (lambda x, w: conv(x, w, spread=(2, 2)), IMAGES, KERNEL),
    "transposed": (lambda x, w: conv(x, w, dilate=(2, 2)), IMAGES, KERNEL),
    "depthwise": (lambda x, w: conv(x, w, groups=32), IMAGES, shape(3, 3, 1, 32)),
    "grouped": (lambda x, w: conv(x, w, groups=4), IMAGES, shape(3, 3, 8, 64)),
    "conv gradients": (conv_gradients, IMAGES, KERNEL),
}


@pytest.mark.parametrize("backend", ["cpu", "tpu"])
@pytest.mark.parametrize("case", CASES)
def test_flops_are_those_of_xla(backend, case):
    program = compiled(backend, *CASES[case])
    expected = program.cost_analysis()["flops"]
    assert hlo.cost(program.as_text()).flops == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("case", ["matmul", "attention", "conv", "strided"])
def test_bytes_on_cpu_are_those_of_xla(case):
    program = compiled("cpu", *CASES[case])
    expected = program.cost_analysis()["bytes accessed"]
    assert hlo.cost(program.as_text()).bytes == pytest.approx(expected, rel=0.01)


def test_a_product_on_tpu_moves_each_array_once():
    # XLA counts what is prefetched to VMEM several times over.
    sizes = 512 * 1024 + 1024 * 768 + 512 * 768
    assert cost("tpu", *CASES["matmul"]).bytes == 4 * sizes
    assert cost("tpu", *CASES["matmul bf16"]).bytes == 2 * sizes


def scanned(w, x):
    return jax.lax.scan(lambda x, w: (jnp.tanh(x @ w), None), x, w)[0]


def loss(w, x):
    return (scanned(w, x) ** 2).mean()


def nested(w, x):
    def outer(x, _):
        return scanned(w, x), None

    return jax.lax.scan(outer, x, None, length=3)[0]


@pytest.mark.parametrize("backend", ["cpu", "tpu"])
@pytest.mark.parametrize(
    ("function", "products"),
    [
        (scanned, DEPTH),
        (nested, 3 * DEPTH),
        # Backward takes two products a layer, but the first layer's rows need none.
        (jax.grad(loss), 3 * DEPTH),
        (lambda w, x: jax.lax.fori_loop(2, 9, lambda i, x: x @ w[0] * i, x), 7),
    ],
    ids=["scan", "nested", "gradient", "fori"],
)
def test_a_loop_is_counted_as_often_as_it_runs(backend, function, products):
    count = cost(backend, function, WEIGHTS, ROWS)
    assert count.unknown_loops == 0
    assert count.flops == pytest.approx(products * PRODUCT, rel=0.02)


def test_a_scan_reads_a_slice_a_step():
    weights = 4 * DEPTH * WIDTH**2
    rows = 4 * 512 * WIDTH
    count = cost("cpu", scanned, WEIGHTS, ROWS)
    # A slice is read, written and read; a layer reads rows and writes them, and so
    # does its tanh. Each step reading all weights would be five times as much.
    assert 3 * weights < count.bytes < 3 * weights + 6 * DEPTH * rows


def test_a_loop_that_data_ends_is_counted_once():
    def halve(x):
        return jax.lax.while_loop(lambda x: x.sum() > 1.0, lambda x: x @ x * 0.5, x)

    count = cost("cpu", halve, shape(256, 256))
    assert count.unknown_loops == 1
    assert count.flops == pytest.approx(2 * 256**3, rel=0.02)


def test_the_cheapest_branch_counts():
    def choose(p, x):
        return jax.lax.cond(p, lambda x: x @ x @ x, lambda x: x @ x, x)

    count = cost("cpu", choose, shape(dtype=jnp.bool_), shape(256, 256))
    assert count.flops == pytest.approx(2 * 256**3, rel=0.01)


def sgd(w, x):
    value, gradients = jax.value_and_grad(loss)(w, x)
    return w - gradients, value


@pytest.mark.parametrize("backend", ["cpu", "tpu"])
def test_data_parallel_reduces_the_gradient(backend):
    count = cost(
        backend,
        sgd,
        WEIGHTS,
        ROWS,
        specs=(P(), P("data")),
        out=(P(), P()),
        size=4,
    )
    assert set(count.collectives) == {"all-reduce"}
    reduced = count.collectives["all-reduce"]
    assert reduced.bytes == pytest.approx(4 * DEPTH * WIDTH**2, rel=1e-3)
    assert reduced.wire_bytes == pytest.approx(2 * 3 / 4 * reduced.bytes)
    assert count.flops == pytest.approx(3 * DEPTH * PRODUCT / 4, rel=0.03)


@pytest.mark.parametrize("backend", ["cpu", "tpu"])
def test_sharded_weights_are_gathered(backend):
    def apply(w, x):
        return x @ w

    count = cost(
        backend,
        apply,
        shape(4096, 2048),
        shape(64, 4096),
        specs=(P("data"), P("data")),
        out=P("data"),
        size=4,
    )
    assert set(count.collectives) == {"all-gather"}
    gathered = count.collectives["all-gather"]
    width = gathered.bytes / (4096 * 2048)
    assert width == (4 if backend == "cpu" else 2)  # TPU gathers what it multiplies
    assert gathered.wire_bytes == gathered.bytes * 3 / 4


@pytest.mark.parametrize(
    ("width", "kind", "sent"),
    [(4096, "all-gather", 2), (1024, "all-reduce", 4 + 2)],  # bytes an element
)
def test_on_64_chips_small_parts_are_summed_with_zeros(width, kind, sent):
    """XLA's choice, by which a step sends more than its gathers would. The sum's way
    there is in float32, its way back in the bfloat16 that is multiplied."""
    pytest.importorskip("libtpu")
    mesh = Mesh(np.array(chips.topology_devices("v5e:8x8")), ("data",))
    rows = NamedSharding(mesh, P("data"))
    product = jax.jit(jnp.matmul, in_shardings=(rows, rows), out_shardings=rows)
    lowered = product.lower(shape(1024, width), shape(width, width))
    collectives = hlo.cost(lowered.compile().as_text()).collectives
    assert set(collectives) == {kind}
    assert collectives[kind].wire_bytes == sent * width**2 * 63 / 64


@pytest.mark.parametrize("backend", ["cpu", "tpu"])
def test_sharded_gradients_are_scattered(backend):
    def scatter(x):
        return jax.lax.psum_scatter(x, "data", tiled=True)

    mesh = mesh_of(backend, 4)
    function = jax.shard_map(scatter, mesh=mesh, in_specs=P(), out_specs=P("data"))
    text = jax.jit(function).lower(shape(1024, 512)).compile().as_text()
    scattered = hlo.cost(text).collectives["reduce-scatter"]
    assert scattered == hlo.Collective(1, 4 * 1024 * 512, 4 * 1024 * 512 * 3 / 4)


def snippet(body, header="num_partitions=8", before=""):
    return hlo.cost(
        f"HloModule test, {header}\n\n{before}\n\n"
        f"ENTRY %main (a: f32[64]) -> f32[64] {{\n{body}\n}}\n"
    )


@pytest.mark.parametrize(
    ("groups", "size"),
    [
        ("{{0,1},{2,3},{4,5},{6,7}}", 2),
        ("{}", 8),
        ("[2,4]<=[8]", 4),
        ("[4,2]<=[2,4]T(1,0)", 2),
        ("mesh['axis_0'=4,'axis_1'=2] {'axis_0'}", 4),
        ("mesh['axis_0'=4,'axis_1'=2] {'axis_0','axis_1'}", 8),
        ("mesh['a'=2,'b'=4], device_ids=([4,2]T(1,0)) {'a'}", 2),
    ],
)
def test_group_sizes(groups, size):
    count = snippet(
        "  %a = f32[64]{0} parameter(0)\n"
        "  ROOT %r = f32[64]{0} all-reduce(%a), channel_id=1, "
        f"replica_groups={groups}, use_global_device_ids=true, to_apply=%add"
    )
    expected = hlo.Collective(1, 256, 2 * 256 * (size - 1) / size)
    assert count.collectives == {"all-reduce": expected}
    assert count.bytes == 512


def test_a_start_counts_and_its_done_does_not():
    count = snippet(
        "  %a = f32[64]{0} parameter(0)\n"
        "  %s = (f32[64]{0}, f32[128]{0}) all-gather-start(%a), channel_id=1, "
        "replica_groups=[4,2]<=[8], dimensions={0}\n"
        "  %g = f32[128]{0} all-gather-done(%s)\n"
        "  %p = (f32[64]{0}, f32[64]{0}, u32[]{:S(2)}) collective-permute-start(%a), "
        "source_target_pairs={{0,1},{1,0}}\n"
        "  ROOT %q = f32[64]{0} collective-permute-done(%p)"
    )
    assert count.collectives == {
        "all-gather": hlo.Collective(1, 512, 256),
        "collective-permute": hlo.Collective(1, 256, 256),
    }
    assert count.bytes == 256 + 512 + 256 + 256


def test_a_wrapped_collective_counts_once():
    count = snippet(
        "  %a = f32[64]{0} parameter(0)\n"
        "  %s = ((f32[64]{0}), f32[64]{0}) async-start(%a), calls=%wrapped\n"
        "  ROOT %d = f32[64]{0} async-done(%s), calls=%wrapped",
        before="%wrapped (b: f32[64]) -> f32[64] {\n"
        "  %b = f32[64]{0} parameter(0)\n"
        "  ROOT %t = f32[64]{0} all-to-all(%b), replica_groups={}, dimensions={0}\n}",
    )
    assert count.collectives == {"all-to-all": hlo.Collective(1, 256, 256 * 7 / 8)}
    assert count.bytes == 512


def test_vmem_is_not_hbm():
    count = snippet(
        "  %a = f32[8,128]{1,0:T(8,128)} parameter(0)\n"
        "  %s = (f32[8,128]{1,0:T(8,128)S(1)}, f32[8,128]{1,0:T(8,128)}, u32[]{:S(2)}) "
        "copy-start(%a)\n"
        "  %b = f32[8,128]{1,0:T(8,128)S(1)} copy-done(%s)\n"
        "  ROOT %c = f32[8,128]{1,0:T(8,128)S(1)} add(%b, %b)"
    )
    assert (count.flops, count.bytes) == (1024, 4096)


def test_an_update_in_place_writes_the_update():
    count = snippet(
        "  %a = f32[64,128]{1,0} parameter(0)\n"
        "  %u = f32[1,128]{1,0} parameter(1)\n"
        "  %i = s32[] parameter(2)\n"
        "  ROOT %r = f32[64,128]{1,0} dynamic-update-slice(%a, %u, %i, %i)"
    )
    assert count.bytes == 2 * 512 + 4


@pytest.mark.parametrize(
    ("start", "end", "step", "direction", "runs"),
    [
        (0, 10, 3, "LT", 4),
        (0, 9, 3, "LE", 4),
        (0, 9, 3, "NE", 3),
        (9, 0, -2, "GT", 5),
        (9, 1, -2, "GE", 5),
        (5, 5, 1, "LT", 0),
    ],
)
@pytest.mark.parametrize("swap", [False, True])
def test_trips_without_a_known_count(start, end, step, direction, runs, swap):
    sides = "%j, %n"
    if swap:
        sides = "%n, %j"
        direction = direction.translate(str.maketrans("LG", "GL"))
    tuple_shape = "(s32[], s32[], f32[64]{0})"
    part = "get-tuple-element(%t), index="
    before = (
        f"%body (t: {tuple_shape}) -> {tuple_shape} {{\n"
        f"  %t = {tuple_shape} parameter(0)\n"
        f"  %i = s32[] {part}0\n  %n = s32[] {part}1\n  %x = f32[64]{{0}} {part}2\n"
        f"  %k = s32[] constant({step})\n  %j = s32[] add(%i, %k)\n"
        "  %y = f32[64]{0} multiply(%x, %x)\n"
        f"  ROOT %r = {tuple_shape} tuple(%j, %n, %y)\n}}\n\n"
        f"%until (t: {tuple_shape}) -> pred[] {{\n"
        f"  %t = {tuple_shape} parameter(0)\n"
        f"  %j = s32[] {part}0\n  %n = s32[] {part}1\n"
        f"  ROOT %c = pred[] compare({sides}), direction={direction}\n}}"
    )
    count = snippet(
        "  %a = f32[64]{0} parameter(0)\n"
        f"  %s = s32[] constant({start})\n  %e = s32[] constant({end})\n"
        f"  %t = {tuple_shape} tuple(%s, %e, %a)\n"
        f"  %w = {tuple_shape} while(%t), condition=%until, body=%body\n"
        "  ROOT %r = f32[64]{0} get-tuple-element(%w), index=2",
        before=before,
    )
    assert count.unknown_loops == 0
    assert count.flops == runs * (64 + 1 + 1)  # the body, its counter, the comparison


def test_a_fusion_moves_what_it_uses_of_its_operands():
    before = (
        "%fused (p: f32[64,128], i: s32[], q: f32[128]) -> "
        "(f32[1,128], f32[128], bf16[128]) {\n"
        "  %p = f32[64,128]{1,0} parameter(0)\n"
        "  %i = s32[] parameter(1)\n"
        "  %q = f32[128]{0} parameter(2)\n"
        "  %s = f32[1,128]{1,0} dynamic-slice(%p, %i, %i), "
        "dynamic_slice_sizes={1,128}\n"
        "  %c = bf16[128]{0} convert(%q)\n"
        "  ROOT %r = (f32[1,128]{1,0}, f32[128]{0}, bf16[128]{0}) tuple(%s, %q, %c)\n}"
    )
    count = snippet(
        "  %a = f32[64,128]{1,0} parameter(0)\n"
        "  %i = s32[] parameter(1)\n"
        "  %b = f32[128]{0} parameter(2)\n"
        "  ROOT %r = (f32[1,128]{1,0}, f32[128]{0}, bf16[128]{0}) fusion(%a, %i, %b), "
        "kind=kLoop, calls=%fused",
        before=before,
    )
    assert count.bytes == 2 * 512 + 4 + (512 + 256)  # a row, the index, the convert


def test_a_slice_that_converts_reads_what_memory_holds():
    """As TPU writes it: a bfloat16 slice of float32 parameters, 4 bytes an element."""
    text = """HloModule m, num_partitions=1

%fused (p: f32[6,256,128]) -> bf16[1,256,128] {
  %p = f32[6,256,128]{2,1,0} parameter(0)
  ROOT %s = bf16[1,256,128]{2,1,0} slice(%p), slice={[2:3], [0:256], [0:128]}
}

ENTRY %main (w: f32[6,256,128]) -> bf16[1,256,128] {
  %w = f32[6,256,128]{2,1,0} parameter(0)
  ROOT %f = bf16[1,256,128]{2,1,0} fusion(%w), kind=kLoop, calls=%fused
}
"""
    assert hlo.cost(text).bytes == 256 * 128 * (4 + 2)
