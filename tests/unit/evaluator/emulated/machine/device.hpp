// SPDX-License-Identifier: Apache-2.0
// A device for tests: parses PTX, keeps buffers, packs parameters, runs.
#pragma once

#include "evaluator/device/emulated/engine/machine.hpp"

#include <deque>
#include <string>
#include <type_traits>

namespace kw::emu::test {

/// Text of tests/golden/ptx/<name>.
[[nodiscard]] std::string fixture(const std::string& name);

/// A parameter of a launch.
using Argument = std::vector<std::byte>;
template <class T>
Argument value(T v) {
    Argument bytes(sizeof(T));
    std::memcpy(bytes.data(), &v, sizeof(T));
    return bytes;
}

class Device {
public:
    explicit Device(const std::string& ptx);

    template <class T>
    Argument input(const std::string& name, const std::vector<T>& data) {
        return add(name, data, Access::read_only, true);
    }
    template <class T>
    Argument in_out(const std::string& name, const std::vector<T>& data) {
        return add(name, data, Access::read_write, true);
    }
    template <class T>
    Argument output(const std::string& name, std::size_t count) {
        return add(name, std::vector<T>(count), Access::output, false);
    }
    /// What is in a buffer now.
    template <class T>
    [[nodiscard]] std::vector<T> read(const std::string& name) const {
        const std::vector<std::byte>& bytes = buffer(name);
        std::vector<T> out(bytes.size() / sizeof(T));
        std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
        return out;
    }

    /// Launches with these arguments in order, laid out as the kernel declares them.
    Report launch(Launch shape, const std::vector<Argument>& arguments);

    Options options;
    Memory memory;
    [[nodiscard]] const Module& module() const { return module_; }
    /// Every finding as text, a line each: for messages.
    [[nodiscard]] std::string text(const Report& report) const;

private:
    template <class T>
    Argument add(const std::string& name, const std::vector<T>& data, Access access, bool full) {
        static_assert(std::is_trivially_copyable_v<T>);
        std::vector<std::byte> bytes(data.size() * sizeof(T));
        std::memcpy(bytes.data(), data.data(), bytes.size());
        return place(name, std::move(bytes), access, full);
    }
    Argument place(const std::string& name, std::vector<std::byte> bytes, Access access, bool full);
    [[nodiscard]] const std::vector<std::byte>& buffer(const std::string& name) const;

    Module module_;
    std::deque<std::pair<std::string, std::vector<std::byte>>> buffers_;
};

/// A kernel `k` around a body: `.param .u64 in, .param .u64 out`, registers %r<64>, %rd<64>,
/// %f<64>, %fd<64>, %h<64> (b16), %p<16>; %rd0 and %rd1 hold in and out, %r0 %tid.x.
[[nodiscard]] std::string kernel(const std::string& body, const std::string& globals = "");

/// Runs such a kernel on one block of `threads` with all checks: `in` is read-only, `out` has
/// `bytes` bytes. Fails the test unless it completes without findings and writes all of `out`.
[[nodiscard]] std::vector<std::byte> run_kernel(
    const std::string& ptx,
    const std::vector<std::byte>& in,
    std::size_t bytes,
    std::uint32_t threads = 32);

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
    std::vector<std::byte> out(values.size() * sizeof(T));
    std::memcpy(out.data(), values.data(), out.size());
    return out;
}

/// The same for arrays of values.
template <class Out, class In>
std::vector<Out> run_values(
    const std::string& ptx,
    const std::vector<In>& in,
    std::size_t count,
    std::uint32_t threads = 32) {
    const std::vector<std::byte> raw = run_kernel(ptx, bytes_of(in), count * sizeof(Out), threads);
    std::vector<Out> out(count);
    std::memcpy(out.data(), raw.data(), raw.size());
    return out;
}

/// Fixed pseudo-random words.
[[nodiscard]] std::vector<std::uint32_t> noise(std::size_t count, std::uint32_t seed = 1);

}  // namespace kw::emu::test
