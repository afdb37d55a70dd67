# SPDX-License-Identifier: Apache-2.0
"""Kernels of this pack from Python: the same C ABI through ctypes, nothing compiled.

    import kwk
    y = kwk.w4a16_gemv(w=w, s=s, x=x)          # outputs that are not given are made
    packed = kwk.prepare("w4a16_gemv", w=w, s=s, N=4096, K=4096)
    kwk.w4a16_gemv(w=w, s=s, x=x, y=y, packed=packed)
    print(kwk.explain("w4a16_gemv", N=4096, K=4096))

Arrays are anything with __dlpack__ (NumPy, PyTorch, CuPy, JAX), with __array_interface__, or with a
buffer (array.array, bytearray). They must be contiguous; kernels want them 64-byte aligned, and
kwk.empty() makes such ones. f16 and bf16 travel as their 16 bits where an array has no such type.
CUDA arrays run on `stream` (an int, default 0) of their device. KWK_LIBRARY names the shared
library where it is not found beside this package.
"""
import ctypes
import os
import pathlib
import sys

from ._operations import ABI, OPERATIONS

__all__ = ["Array", "Error", "Packed", "call", "empty", "explain", "operations", "prepare", "supported"]

_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8, "i8": 1, "u8": 1, "i16": 2, "u16": 2, "i32": 4,
          "u32": 4, "i64": 8, "u64": 8}
_FORMATS = {"f16": "e", "f32": "f", "f64": "d", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i",
            "u32": "I", "i64": "q", "u64": "Q", "bf16": "H"}
_POLICIES = {"default": 0, "fallback": 1, "error": 2}
_CPU, _CUDA = 0, 1


class Error(RuntimeError):
    """A status that is not ok; `.status` is its number in kwk.h."""

    def __init__(self, operation, status):
        super().__init__(f"{operation}: {_library().kwk_status_name(status).decode()}")
        self.status = status


class _Stream(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_void_p), ("kind", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


def _struct_of(operation):
    fields = [("kwk_size", ctypes.c_size_t), ("kwk_policy", ctypes.c_int32), ("kwk_reserved", ctypes.c_int32),
              ("kwk_workspace", ctypes.c_void_p), ("kwk_workspace_bytes", ctypes.c_size_t),
              ("packed", ctypes.c_void_p)]
    fields += [("arg_" + arg[0], ctypes.c_void_p) for arg in operation["args"]]
    fields += [("dim_" + dim, ctypes.c_int64) for dim in operation["dims"]]
    return type("Args", (ctypes.Structure,), {"_fields_": fields})


_STRUCTS = {name: _struct_of(operation) for name, operation in OPERATIONS.items()}
_loaded = None


def _library():
    global _loaded
    if _loaded is None:
        here = pathlib.Path(__file__).resolve().parent
        places = [os.environ.get("KWK_LIBRARY")] if os.environ.get("KWK_LIBRARY") else [
            here / "libkwk.so", here.parents[2] / "lib" / "libkwk.so",
            here.parents[3] / "lib" / "libkwk.so", f"libkwk.so.{ABI}"]
        for place in places:
            if isinstance(place, str) or place.exists():
                _loaded = _declare(ctypes.CDLL(str(place)))
                break
    return _loaded


def _declare(library):
    c_text, c_any, c_size = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t
    for name, result, arguments in (
            ("kwk_status_name", c_text, [ctypes.c_int]),
            ("kwk_call", ctypes.c_int, [c_text, c_any, _Stream]),
            ("kwk_supported", ctypes.c_int, [c_text, c_any, _Stream]),
            ("kwk_workspace_size", c_size, [c_text, c_any, _Stream]),
            ("kwk_prepare_size", c_size, [c_text, c_any, _Stream]),
            ("kwk_prepare", ctypes.c_int, [c_text, c_any, c_any, c_size, _Stream]),
            ("kwk_explain", c_size, [c_text, c_any, _Stream, c_text, c_size]),
            ("kwk_argument_shape", ctypes.c_int, [c_text, c_size, c_any, c_any])):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


# --- arrays -----------------------------------------------------------------------------------


class _View:
    """Where an array lies: pointer, shape, element bytes and kind ("f", "i", "u"), device (0 = host) and
    its number, whether it may be written, and what keeps it alive."""

    def __init__(self, pointer, shape, item, kind, device, owner, readonly=False, device_id=0):
        self.pointer, self.shape, self.item, self.kind = pointer, tuple(shape), item, kind
        self.device, self.owner, self.readonly, self.device_id = device, owner, readonly, device_id

    def fits(self, dtype):
        """16-bit types are their bits, whatever they are called."""
        return self.item == _BYTES[dtype] and (self.item == 2 or self.kind == _kind_of(dtype))


def _kind_of(dtype):
    return "f" if dtype in ("f32", "f64", "f16", "bf16") else dtype[0]


class _DLDataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("dtype", _DLDataType), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


def _dlpack_view(array):
    capsule = array.__dlpack__()
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    tensor = ctypes.cast(get(capsule, b"dltensor"), ctypes.POINTER(_DLTensor)).contents
    shape = [tensor.shape[i] for i in range(tensor.ndim)]
    if tensor.strides and not _is_contiguous(shape, [tensor.strides[i] for i in range(tensor.ndim)]):
        raise ValueError("the array is not contiguous")
    if tensor.device_type not in (1, 2, 3, 13):  # host, CUDA, pinned, managed
        raise ValueError(f"DLPack device type {tensor.device_type} is neither the host nor CUDA")
    device = _CUDA if tensor.device_type in (2, 13) else _CPU
    # Not consumed: the capsule frees what it holds when it goes, so it is kept with the view.
    return _View((tensor.data or 0) + tensor.byte_offset, shape, tensor.dtype.bits * tensor.dtype.lanes // 8,
                 {0: "i", 1: "u", 2: "f", 4: "f", 6: "u"}.get(tensor.dtype.code), device, (array, capsule),
                 device_id=tensor.device_id)


def _is_contiguous(shape, strides):
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides)):
        if size != 1 and stride != step:
            return False
        step *= size
    return True


def _check_order(form):
    if form[:1] in (">", "!"):
        raise ValueError("the array's numbers are big-endian")


def _interface_view(array):
    interface = array.__array_interface__
    item = int(interface["typestr"][2:])
    _check_order(interface["typestr"])
    strides = interface.get("strides")
    if strides and not _is_contiguous(interface["shape"], [s // item for s in strides]):
        raise ValueError("the array is not contiguous")
    return _View(interface["data"][0], interface["shape"], item, interface["typestr"][1], _CPU, array,
                 bool(interface["data"][1]))


class _PyBuffer(ctypes.Structure):
    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
                ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
                ("rest", ctypes.c_void_p * 5)]


def _kind_of_format(text):
    code = text[-1:]
    return "f" if code in "efd" else "i" if code in "bhilqn" else "u" if code in "BHILQNc?" else None


def _buffer_view(array):
    view = memoryview(array)
    if not view.c_contiguous:
        raise ValueError("the array is not contiguous")
    _check_order(view.format)
    raw = _PyBuffer()
    get = ctypes.pythonapi.PyObject_GetBuffer
    get.argtypes = [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
    get(view, ctypes.byref(raw), 0)
    try:
        return _View(raw.buf or 0, view.shape, view.itemsize, _kind_of_format(view.format), _CPU, view,
                     view.readonly)
    finally:
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(raw))  # `view` keeps the memory where it is


def _view(array):
    if isinstance(array, Array):
        return _View(array.pointer, array.shape, _BYTES[array.dtype], _kind_of(array.dtype), _CPU, array)
    if hasattr(array, "__array_interface__"):
        return _interface_view(array)
    if hasattr(array, "__dlpack__"):
        return _dlpack_view(array)
    return _buffer_view(array)


class Array:
    """Host memory that kernels like: 64-byte aligned. A buffer (memoryview(a)), indexable, and
    numpy.asarray(a) without a copy."""

    def __init__(self, shape, dtype="f32"):
        self.shape, self.dtype = tuple(int(n) for n in shape), dtype
        self.size = 1
        for n in self.shape:
            self.size *= n
        bytes_ = self.size * _BYTES[dtype]
        self._memory = (ctypes.c_char * (bytes_ + 64))()
        begin = ctypes.addressof(self._memory)
        self._offset = -begin % 64
        self.pointer = begin + self._offset
        self._flat = memoryview(self._memory).cast("B")[self._offset:self._offset + bytes_]
        if _FORMATS[dtype] != "e":  # memoryview reads no half precision by index; its bits do
            self._flat = self._flat.cast(_FORMATS[dtype])
        else:
            self._flat = self._flat.cast("H")

    @property
    def __array_interface__(self):
        kind = {"f": "f", "e": "f", "d": "f"}.get(_FORMATS[self.dtype], "u" if self.dtype[0] in "ub" else "i")
        return {"version": 3, "shape": self.shape, "data": (self.pointer, False),
                "typestr": f"<{kind}{_BYTES[self.dtype]}"}

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return self._flat[index]

    def __setitem__(self, index, value):
        self._flat[index] = value


def empty(shape, dtype="f32"):
    """An Array; f16 and bf16 are read and written as their 16 bits."""
    return Array(shape, dtype)


# --- calls ------------------------------------------------------------------------------------


class Packed:
    """Weights as the kernel of one operation and shape wants them."""

    def __init__(self, operation, bytes_):
        self.operation = operation
        self.array = Array((bytes_,), "u8") if bytes_ else None


class _Call:
    """The C struct of one call and everything that must live until it returns."""

    def __init__(self, operation, values, policy="fallback", packed=None, stream=None, partial=False):
        if operation not in OPERATIONS:
            raise ValueError(f"no operation {operation!r} in this pack; it has {', '.join(sorted(OPERATIONS))}")
        self.name, self.text = operation, operation.encode()
        self.spec = OPERATIONS[operation]
        known = [arg[0] for arg in self.spec["args"]] + self.spec["dims"]
        for name in values:
            if name not in known:
                raise TypeError(f"{operation} has no argument {name!r}; it has {', '.join(known)}")
        self.views = {arg[0]: _view(values[arg[0]]) for arg in self.spec["args"]
                      if values.get(arg[0]) is not None}
        self.dims = self._find_dims(values)
        self.made = {}
        devices = {view.device for view in self.views.values()}
        if len(devices) > 1:
            raise ValueError(f"{operation}: arrays of the host and of a device in one call")
        if len({view.device_id for view in self.views.values()}) > 1:
            raise ValueError(f"{operation}: arrays of several devices in one call")
        self.device = devices.pop() if devices else (_CPU if stream is None else _CUDA)
        self.stream = _Stream(stream or None, self.device, 0)
        self.args = _STRUCTS[operation]()
        self.args.kwk_size = ctypes.sizeof(self.args)
        self.args.kwk_policy = _POLICIES[policy]
        for name, value in self.dims.items():
            setattr(self.args, "dim_" + name, value)
        self._take_arrays(values, partial)
        if packed is not None and packed.array is not None:
            if packed.operation != operation:
                raise ValueError(f"weights packed for {packed.operation}, not for {operation}")
            self.packed, self.args.packed = packed, packed.array.pointer

    def _find_dims(self, values):
        dims = {dim: int(values[dim]) for dim in self.spec["dims"] if values.get(dim) is not None}
        for name, _, _, shape in self.spec["args"]:
            view = self.views.get(name)
            if view is None or len(view.shape) != len(shape):
                continue
            for dim, size in zip(shape, view.shape):
                if dim is not None:
                    dims.setdefault(dim, size)
        missing = [dim for dim in self.spec["dims"] if dim not in dims]
        if missing:
            raise TypeError(f"{self.name}: give the dimensions {', '.join(missing)}")
        return dims

    def shape_of(self, index):
        dims = (ctypes.c_int64 * len(self.spec["dims"]))(*(self.dims[dim] for dim in self.spec["dims"]))
        shape = (ctypes.c_int64 * 8)()
        rank = _library().kwk_argument_shape(self.text, index, dims, shape)
        if rank == 0:
            raise Error(self.name, 2)
        return tuple(shape[i] for i in range(rank))

    def _take_arrays(self, values, partial):
        for index, (name, dtype, role, _) in enumerate(self.spec["args"]):
            view = self.views.get(name)
            if view is None and partial:
                continue
            shape = self.shape_of(index)
            if view is None:
                if role not in ("out", "workspace") or self.device != _CPU:
                    raise TypeError(f"{self.name}: {name} is missing")
                values[name] = self.made[name] = empty(shape, dtype)
                view = self.views[name] = _view(values[name])
            count = have = 1
            for size in shape:
                count *= size
            for size in view.shape:
                have *= size
            if view.readonly and role in ("out", "inout", "workspace"):
                raise ValueError(f"{self.name}: {name} is read-only, and {role} of the call")
            if not view.fits(dtype):
                raise TypeError(f"{self.name}: {name} has elements of {view.item} bytes, kind {view.kind!r}; "
                                f"expected {dtype}")
            if len(view.shape) == len(shape) and view.shape != shape:
                raise ValueError(f"{self.name}: {name} has shape {view.shape}; expected {shape}")
            if view.item * have != count * _BYTES[dtype]:
                raise ValueError(f"{self.name}: {name} has {view.item * have} bytes; expected {dtype} {shape}")
            setattr(self.args, "arg_" + name, view.pointer)

    def reference(self):
        return ctypes.byref(self.args)


def call(operation, *, packed=None, stream=None, policy="fallback", workspace=None, **values):
    """Runs it; returns its output, or a tuple of them. Raises Error."""
    made = _Call(operation, values, policy, packed, stream)
    if workspace is not None:
        view = _view(workspace)
        made.args.kwk_workspace = view.pointer
        made.args.kwk_workspace_bytes = view.item
        for size in view.shape:
            made.args.kwk_workspace_bytes *= size
    status = _library().kwk_call(made.text, made.reference(), made.stream)
    if status != 0:
        raise Error(operation, status)
    outputs = [values[name] for name, _, role, _ in made.spec["args"] if role in ("out", "inout")]
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def prepare(operation, **values):
    """The weights as the kernel wants them; empty where there is nothing to pack."""
    made = _Call(operation, values, partial=True)
    packed = Packed(operation, _library().kwk_prepare_size(made.text, made.reference(), made.stream))
    if packed.array is not None:
        status = _library().kwk_prepare(made.text, made.reference(), packed.array.pointer,
                                        len(packed.array), made.stream)
        if status != 0:
            raise Error(operation, status)
    return packed


def supported(operation, stream=None, **values):
    """Whether a kernel takes these dimensions (and arrays, where they are given) on this machine."""
    made = _Call(operation, values, stream=stream, partial=True)
    return _library().kwk_supported(made.text, made.reference(), made.stream) == 0


def workspace_size(operation, stream=None, **values):
    """Bytes of device memory that a call wants as `workspace`."""
    made = _Call(operation, values, stream=stream, partial=True)
    return _library().kwk_workspace_size(made.text, made.reference(), made.stream)


def explain(operation, stream=None, **values):
    """Which kernel would run and why, and why not the others."""
    made = _Call(operation, values, stream=stream, partial=True)
    size = _library().kwk_explain(made.text, made.reference(), made.stream, None, 0)
    text = ctypes.create_string_buffer(size + 1)
    _library().kwk_explain(made.text, made.reference(), made.stream, text, size + 1)
    return text.value.decode()


def operations():
    """Names of the operations of this pack."""
    return sorted(OPERATIONS)


def _function_of(name):
    def function(**values):
        return call(name, **values)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = OPERATIONS[name]["title"]
    return function


for _name in OPERATIONS:
    if not hasattr(sys.modules[__name__], _name):
        setattr(sys.modules[__name__], _name, _function_of(_name))
