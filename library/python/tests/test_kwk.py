# SPDX-License-Identifier: Apache-2.0
"""Every operation of the pack through Python: kernels and the reference agree. Runs under pytest and
by itself (python3 test_kwk.py); needs libkwk.so (KWK_LIBRARY)."""
import array
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import kwk  # noqa: E402
from kwk._operations import OPERATIONS  # noqa: E402

SIZES = (32, 64, 128, 256, 512)


def shape_of(name):
    """Dimensions that a kernel of this pack takes, or none."""
    dims = OPERATIONS[name]["dims"]
    for size in SIZES:
        for first in (size, 4, 1):
            values = {dim: size for dim in dims}
            values[dims[0]] = first
            if kwk.supported(name, **values):
                return values
    return None


def inputs_of(name, dims):
    """Small positive numbers in every input: finite as any dtype."""
    draw = random.Random(7)
    values = {}
    spec = kwk._Call(name, dict(dims), partial=True)
    for index, (arg, dtype, role, _) in enumerate(OPERATIONS[name]["args"]):
        made = kwk.empty(spec.shape_of(index), dtype)
        for i in range(len(made)):
            if role in ("out", "workspace"):
                made[i] = 0
            elif dtype in ("f16", "bf16"):
                made[i] = (0x3800 if dtype == "f16" else 0x3F00) + draw.randrange(64)
            elif dtype in ("f32", "f64"):
                made[i] = 0.5 + draw.random()
            else:
                made[i] = draw.randrange(1, 60)
        values[arg] = made
    return values


def outputs_of(name, values):
    return [list(values[arg]) for arg, _, role, _ in OPERATIONS[name]["args"] if role in ("out", "inout")]


def near(a, b, dtype):
    if dtype in ("f32", "f64"):
        return abs(a - b) <= 1e-3 * max(1.0, abs(a), abs(b))
    return abs(a - b) <= (2 if dtype in ("f16", "bf16") else 1)


def test_kernels_agree_with_the_reference():
    tried, left = 0, 0
    for name in kwk.operations():
        dims = shape_of(name)
        if dims is None or any(arg[1] == "u8" and arg[2] == "weight" for arg in OPERATIONS[name]["args"]):
            left += 1  # records of half floats are no small numbers
            continue
        first, second = inputs_of(name, dims), inputs_of(name, dims)
        packed = kwk.prepare(name, **first, **dims)
        kwk.call(name, policy="error", packed=packed, **first, **dims)
        # Eight elements further on, not on 64 bytes, no kernel takes them: the reference runs.
        shifted = {}
        for arg, dtype, role, _ in OPERATIONS[name]["args"]:
            source = second[arg]
            wide = kwk.empty((len(source) + 8,), dtype)
            view = memoryview(wide._flat)[8:8 + len(source)]
            view[:] = memoryview(source._flat)
            shifted[arg] = view
        kwk.call(name, **shifted, **dims)
        for arg, dtype, role, _ in OPERATIONS[name]["args"]:
            if role in ("out", "inout"):
                for got, want in zip(first[arg], shifted[arg]):
                    assert near(got, want, dtype), (name, arg, got, want)
        tried += 1
    assert tried + left == len(kwk.operations())


def test_outputs_are_made_and_dimensions_found():
    if "scale_add" not in kwk.operations():
        return
    w = array.array("f", [0.5] * 64)
    x = array.array("f", range(64))
    y = kwk.scale_add(w=w, x=x)
    assert [y[i] for i in range(64)] == [0.5 * i + 1 for i in range(64)]
    assert "scale_add N=64" in kwk.explain("scale_add", N=64)


def test_mistakes_are_said():
    name = kwk.operations()[0]
    for bad in ({"nothing": 1}, {}):
        try:
            kwk.call(name, **bad)
        except TypeError:
            continue
        raise AssertionError("no error")
    try:
        kwk.call("no_such_operation")
    except ValueError as error:
        assert name in str(error)
    else:
        raise AssertionError("no error")


def test_arrays_that_do_not_fit_are_refused():
    if "scale_add" not in kwk.operations():
        return
    w, x, y = (array.array("f", [1.0] * 16) for _ in range(3))
    frozen = memoryview(bytes(64)).cast("f")
    for wrong in ({"y": frozen}, {"y": bytes(64)}, {"x": array.array("i", [1] * 16)},
                  {"x": array.array("d", [1] * 8)}, {"w": array.array("f", [1.0] * 8), "N": 16}):
        try:
            kwk.call("scale_add", **{"w": w, "x": x, "y": y, **wrong})
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"taken: {wrong}")
    assert bytes(frozen) == bytes(64)
    kwk.call("scale_add", w=memoryview(bytes(w)).cast("f"), x=x, y=y)  # inputs may be read-only


def test_numpy_and_torch_share_memory():
    """Only where they are installed."""
    dims = {"N": 64}
    if "scale_add" not in kwk.operations():
        return
    for module in ("numpy", "torch"):
        try:
            library = __import__(module)
        except ImportError:
            continue
        w, x = library.ones(64, dtype=library.float32), library.arange(64, dtype=library.float32)
        y = library.zeros(64, dtype=library.float32)
        assert kwk.call("scale_add", w=w, x=x, y=y, **dims) is y
        assert [float(v) for v in y] == [i + 1.0 for i in range(64)]


class OnlyDLPack:
    """What CuPy or JAX look like from outside."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **how):
        return self.array.__dlpack__(**how)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_shares_memory():
    """Only where NumPy is installed."""
    try:
        import numpy
    except ImportError:
        return
    if "scale_add" not in kwk.operations():
        return
    w, x = numpy.full(64, 2, numpy.float32), numpy.arange(64, dtype=numpy.float32)
    y = numpy.zeros(64, numpy.float32)
    kwk.scale_add(w=OnlyDLPack(w), x=OnlyDLPack(x), y=OnlyDLPack(y))
    assert (y == 2 * x + 1).all()
    kwk.scale_add(w=OnlyDLPack(w[8:40]), x=OnlyDLPack(x[8:40]), y=OnlyDLPack(y[:32]))  # an offset
    assert (y[:32] == 2 * x[8:40] + 1).all()
    for wrong in (x[::2], x.astype(numpy.int32), x.astype(numpy.float64)[:32]):
        try:
            kwk.scale_add(w=w[:32], x=OnlyDLPack(wrong), y=y[:32])
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"taken: {wrong.dtype} {wrong.strides}")


def test_numpy_arrays_are_held_to_shape_and_type():
    """Only where NumPy is installed."""
    try:
        import numpy
    except ImportError:
        return
    if "scale_add" not in kwk.operations():
        return
    w, x = numpy.ones(64, numpy.float32), numpy.arange(64, dtype=numpy.float32)
    frozen = numpy.zeros(64, numpy.float32)
    frozen.flags.writeable = False
    for wrong in ({"y": frozen}, {"x": x[::-1]}, {"x": x.astype(">f4")}, {"x": x.astype(numpy.int32)},
                  {"w": w[:32], "N": 64}):
        try:
            kwk.scale_add(**{"w": w, "x": x, **wrong})
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"taken: {wrong}")
    made = numpy.asarray(kwk.scale_add(w=w, x=x))
    assert made.dtype == numpy.float32 and (made == x + 1).all()
    made[0] = 7
    w.flags.writeable = False  # an input may be
    assert kwk.scale_add(w=w, x=x)[1] == 2


if __name__ == "__main__":
    for test in [value for key, value in list(globals().items()) if key.startswith("test_")]:
        test()
        print("ok", test.__name__)
