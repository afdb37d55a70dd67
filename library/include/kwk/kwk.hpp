// SPDX-License-Identifier: Apache-2.0
// The C ABI of <kwk/kwk.h> for C++20: statuses become exceptions, memory gets owners. Each
// <kwk/OPERATION.hpp> adds its arguments.
//
//   auto args = kwk::make<kwk::w4a16_gemv_args>();
//   args.w = ...; args.N = 4096; ...
//   const kwk::buffer packed = kwk::prepare(args);   // empty when there is nothing to pack
//   args.packed = packed.data();
//   kwk::call(args);
#ifndef KWK_KWK_HPP
#define KWK_KWK_HPP

#include "kwk/kwk.h"

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace kwk {

class error : public std::runtime_error {
public:
    error(kwk_status status, const std::string& operation)
        : std::runtime_error(operation + ": " + kwk_status_name(status))
        , status_(status) {}
    [[nodiscard]] kwk_status status() const noexcept { return status_; }

private:
    kwk_status status_;
};

/// Host memory as kernels take it: 64-byte aligned.
class buffer {
public:
    buffer() = default;
    explicit buffer(std::size_t bytes)
        : data_(bytes == 0 ? nullptr : ::operator new (bytes, std::align_val_t{64}))
        , bytes_(bytes) {}
    ~buffer() { ::operator delete (data_, std::align_val_t{64}); }
    buffer(buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr))
        , bytes_(std::exchange(other.bytes_, 0)) {}
    buffer& operator=(buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    [[nodiscard]] void* data() const noexcept { return data_; }
    template <class T>
    [[nodiscard]] T* as() const noexcept {
        return static_cast<T*>(data_);
    }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

private:
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

/// Specialised by each <kwk/OPERATION.hpp>.
template <class Args>
struct operation;

template <class Args>
[[nodiscard]] Args make() {
    return operation<Args>::init();
}

/// Throws kwk::error unless the status is KWK_OK.
template <class Args>
void call(const Args& args, kwk_stream stream = kwk_cpu()) {
    if (const kwk_status status = operation<Args>::call(&args, stream); status != KWK_OK) {
        throw error(status, operation<Args>::name);
    }
}

template <class Args>
[[nodiscard]] kwk_status supported(const Args& args, kwk_stream stream = kwk_cpu()) {
    return operation<Args>::supported(&args, stream);
}

template <class Args>
[[nodiscard]] std::size_t workspace_size(const Args& args, kwk_stream stream = kwk_cpu()) {
    return operation<Args>::workspace_size(&args, stream);
}

/// The weights of `args` as its kernel wants them.
template <class Args>
[[nodiscard]] buffer prepare(const Args& args, kwk_stream stream = kwk_cpu()) {
    buffer packed(operation<Args>::prepare_size(&args, stream));
    if (packed.size() > 0) {
        const kwk_status status =
            operation<Args>::prepare(&args, packed.data(), packed.size(), stream);
        if (status != KWK_OK) {
            throw error(status, operation<Args>::name);
        }
    }
    return packed;
}

template <class Args>
[[nodiscard]] std::string explain(const Args& args, kwk_stream stream = kwk_cpu()) {
    const char* const name = operation<Args>::name;
    std::string text(kwk_explain(name, &args, stream, nullptr, 0) + 1, '\0');
    text.resize(kwk_explain(name, &args, stream, text.data(), text.size()));
    return text;
}

}  // namespace kwk
#endif  // KWK_KWK_HPP
