// SPDX-License-Identifier: Apache-2.0
// A tensor map as the emulated device has it: the 128 bytes of a CUtensorMap parameter, in an
// encoding of our own (NVIDIA's is not public). Little-endian, at these offsets:
//     0  k_tensor_magic          48  extent of each dim, less 1     84  element type
//     8  address of the tensor   68  box, elements of each dim      85  swizzle: 16 << n bytes; 0
//     none
//    16  strides of dims 1 to 4  78  element stride of each dim     86  interleave: 0, the only one
//        in bytes                83  number of dims                 87  what lies outside
//                                                                   88  zero
// Dim 0 is the innermost; entries beyond the number of dims are zero. Source of the fields' meaning
// and bounds: cuTensorMapEncodeTiled in the CUDA driver API.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace kw::emu {

/// What bulk and tensor copies are multiples of, and what swizzles move, wgmma's as well: bytes.
inline constexpr std::uint32_t k_copy_unit = 16;
inline constexpr std::size_t k_tensor_map_bytes = 128;
inline constexpr std::size_t k_tensor_dims = 5;
inline constexpr std::uint64_t k_tensor_magic = 0x3130'70616d74776b;  // "kwtmap01"

enum class TensorType : std::uint8_t {
    u8,
    u16,
    u32,
    i32,
    u64,
    i64,
    f16,
    bf16,
    f32,
    f64,
    f32_ftz,   ///< copies to shared memory flush subnormal numbers to zero
    tf32,      ///< copies to shared memory round to 11 bits, to even
    tf32_ftz,  ///< both
    count,
};

enum class TensorFill : std::uint8_t { zero, nan };

struct TensorMap {
    std::uint64_t magic = k_tensor_magic;
    std::uint64_t base = 0;
    std::array<std::uint64_t, k_tensor_dims - 1> strides{};
    std::array<std::uint32_t, k_tensor_dims> last{};  ///< extent - 1
    std::array<std::uint16_t, k_tensor_dims> box{};
    std::array<std::uint8_t, k_tensor_dims> step{};
    std::uint8_t rank = 0;
    TensorType type = TensorType::u8;
    std::uint8_t swizzle = 0;
    std::uint8_t interleave = 0;
    TensorFill fill = TensorFill::zero;
    std::array<std::uint64_t, 5> reserved{};

    bool operator==(const TensorMap&) const = default;
};
static_assert(sizeof(TensorMap) == k_tensor_map_bytes);

using TensorMapBytes = std::array<std::byte, k_tensor_map_bytes>;
[[nodiscard]] inline TensorMapBytes encode(const TensorMap& map) {
    return std::bit_cast<TensorMapBytes>(map);
}

/// Bytes of an element.
[[nodiscard]] std::uint32_t element_bytes(TensorType type);
/// What is wrong with 128 bytes that were taken for a map, or "".
[[nodiscard]] const char* problem_of(const TensorMap& map);

/// A box of a map at some coordinates: rows of the innermost dim, one behind the other in shared
/// memory, at a distance that is not less than the width of the swizzle.
class TensorBox {
public:
    /// `map` has no problem; `at`: as many as it has dims.
    TensorBox(const TensorMap& map, const std::array<std::int32_t, k_tensor_dims>& at);

    [[nodiscard]] std::uint32_t element() const { return element_; }
    [[nodiscard]] std::uint32_t rows() const { return rows_; }
    /// Bytes of a row, and from one to the next.
    [[nodiscard]] std::uint32_t row_bytes() const { return row_bytes_; }
    [[nodiscard]] std::uint32_t pitch() const { return pitch_; }
    /// What a copy of the box counts on an mbarrier: all elements, also those outside the tensor.
    [[nodiscard]] std::uint32_t copied_bytes() const { return row_bytes_ * rows_; }
    /// Bytes of shared memory from the first to behind the last.
    [[nodiscard]] std::uint32_t footprint() const { return pitch_ * rows_; }

    /// The part of a row that lies inside the tensor: bytes `begin` to `end` of it, the first of
    /// them at `address`. Empty: none.
    struct Inside {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        std::uint64_t address = 0;
    };
    [[nodiscard]] Inside inside(std::uint32_t row) const;

    /// Where byte `byte` of row `row` lies in shared memory when the box begins at `start`: 16-byte
    /// units change places by bits 7 and up of their address, as wgmma's descriptors have it.
    [[nodiscard]] std::uint32_t place(
        std::uint32_t start, std::uint32_t row, std::uint32_t byte) const {
        const std::uint32_t address = start + row * pitch_ + byte;
        return address ^ (((address >> 7) & swizzle_) << 4);
    }

private:
    const TensorMap& map_;
    std::array<std::int64_t, k_tensor_dims> at_{};
    std::array<std::uint32_t, k_tensor_dims> count_{};
    std::uint32_t element_ = 1;
    std::uint32_t rows_ = 1;
    std::uint32_t row_bytes_ = 0;
    std::uint32_t pitch_ = 0;
    std::uint32_t swizzle_ = 0;
};

}  // namespace kw::emu
