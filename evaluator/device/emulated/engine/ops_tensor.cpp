// SPDX-License-Identifier: Apache-2.0
// cp.async.bulk.tensor in tile mode: boxes of a tensor between global and shared memory. A map
// counts only if its bytes are those of a parameter of this launch, so a kernel cannot make one;
// the tensor's memory is reached like any other, so no map reads or writes beyond a buffer.
#include "evaluator/device/emulated/engine/access_notes.hpp"
#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/inline.hpp"
#include "evaluator/device/emulated/engine/ops_bulk.hpp"
#include "evaluator/device/emulated/engine/ops_bulk_reduce.hpp"
#include "evaluator/device/emulated/engine/ops_mbarrier.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_alignment = 128;  ///< of a box in shared memory

// Insn::mods: number of dims, operation of a reduction, and
constexpr std::uint32_t k_rank_bits = 7;
constexpr std::uint32_t k_op_shift = 3;
constexpr std::uint32_t k_op_bits = 7;
constexpr std::uint32_t k_reduces = 64;
constexpr std::uint32_t k_multicast = 128;

std::size_t rank_of(const Insn& insn) {
    return insn.mods & k_rank_bits;
}

void refuse(WarpState& warp, const Insn& insn, int lane, std::uint64_t address, const char* why) {
    Defect defect;
    defect.kind = FindingKind::bad_address;
    defect.space = generic_place(address).space;
    defect.bytes = k_tensor_map_bytes;
    defect.address = generic_place(address).offset;
    defect.detail = why;
    report(warp, insn, lane, defect);
}

/// Whether the launch was given this map.
bool given(const Block& block, const TensorMapBytes& bytes) {
    const Function& kernel = *block.program->kernel;
    const std::optional<ParameterLayout> layout = parameter_layout(kernel);
    const std::vector<std::byte>& parameters = block.run->launch->parameters;
    for (std::size_t i = 0; layout && i < kernel.params.size(); ++i) {
        if (kernel.symbols[kernel.params[i]].bytes == k_tensor_map_bytes &&
            std::memcmp(parameters.data() + layout->offsets[i], bytes.data(), bytes.size()) == 0) {
            return true;
        }
    }
    return false;
}

/// The map at a generic address. Nothing: there was a finding.
std::optional<TensorMap> map_at(
    WarpState& warp, const Insn& insn, int lane, std::uint64_t address) {
    const Space space = generic_place(address).space;
    if (space == Space::shared || space == Space::local) {
        refuse(
            warp,
            insn,
            lane,
            address,
            "a tensor map lies in parameters, constants or global memory");
        return std::nullopt;
    }
    constexpr std::uint32_t half = k_tensor_map_bytes / 2;
    TensorMapBytes bytes;
    for (std::uint32_t at = 0; at < k_tensor_map_bytes; at += half) {
        const std::byte* host =
            reach_lane(warp, insn, lane, address + at, half, Window::generic, Use::load);
        if (host == nullptr) {
            return std::nullopt;
        }
        std::memcpy(bytes.data() + at, host, half);
    }
    const auto map = std::bit_cast<TensorMap>(bytes);
    charge(warp, warp.block->program->kernel->params.size() / 16);
    if (!given(*warp.block, bytes)) {
        refuse(warp, insn, lane, address, "this is no tensor map that the launch was given");
        return std::nullopt;
    }
    if (const char* problem = problem_of(map); *problem != 0) {
        refuse(warp, insn, lane, address, problem);
        return std::nullopt;
    }
    if (map.rank != rank_of(insn)) {
        refuse(warp, insn, lane, address, "the tensor map has another number of dims");
        return std::nullopt;
    }
    return map;
}

std::array<std::int32_t, k_tensor_dims> coordinates(
    const Insn& insn, Warp& warp, std::size_t first, int lane) {
    std::array<std::int32_t, k_tensor_dims> at{};
    for (std::size_t i = 0; i < rank_of(insn); ++i) {
        at[i] = warp.lanes<std::int32_t>(insn.slot[first + i])[lane];
    }
    return at;
}

bool wide(const Insn& insn, std::size_t slot) {
    return (insn.wide >> slot & 1) != 0;
}

/// Fills with quiet NaNs.
void fill_nan(TensorType type, std::byte* to, std::size_t bytes) {
    const std::uint32_t size = element_bytes(type);
    const std::uint64_t nan = size == 2 ? 0x7FFF : size == 4 ? 0x7FFFFFFF : 0x7FFFFFFFFFFFFFFF;
    for (std::size_t at = 0; at < bytes; at += size) {
        std::memcpy(to + at, &nan, size);
    }
}

/// What a copy to shared memory does to numbers of some types.
void convert(TensorType type, std::byte* data, std::size_t bytes) {
    const bool flushes = type == TensorType::f32_ftz || type == TensorType::tf32_ftz;
    const bool rounds = type == TensorType::tf32 || type == TensorType::tf32_ftz;
    if (!flushes && !rounds) {
        return;
    }
    for (std::size_t at = 0; at < bytes; at += sizeof(std::uint32_t)) {
        std::uint32_t x = 0;
        std::memcpy(&x, data + at, sizeof(x));
        const std::uint32_t exponent = x >> 23 & 0xFF;
        if (flushes && exponent == 0) {
            x &= 0x80000000U;
        }
        if (rounds && exponent != 0xFF) {
            x = (x + 0xFFFU + (x >> 13 & 1U)) & ~0x1FFFU;
        }
        std::memcpy(data + at, &x, sizeof(x));
    }
}

/// Reads a box as it will lie in shared memory from `start` on. Nothing: there was a finding.
std::optional<CopyImage> read_box(
    WarpState& warp,
    const Insn& insn,
    int lane,
    const TensorMap& map,
    const TensorBox& box,
    std::uint32_t start) {
    CopyImage image;
    image.bytes.resize(box.footprint());
    std::vector<std::byte> row(box.row_bytes());
    for (std::uint32_t r = 0; r < box.rows(); ++r) {
        std::fill(row.begin(), row.end(), std::byte{0});
        if (map.fill == TensorFill::nan) {
            fill_nan(map.type, row.data(), row.size());
        }
        const TensorBox::Inside in = box.inside(r);
        const std::uint32_t bytes = in.end - in.begin;
        if (bytes != 0) {
            if (!read_bytes(
                    warp, insn, lane, in.address, Window::global, row.data() + in.begin, bytes)) {
                return std::nullopt;
            }
            convert(map.type, row.data() + in.begin, bytes);
            count_bulk(warp, insn, in.address, bytes);
        }
        for (std::uint32_t at = 0; at < box.row_bytes(); at += k_copy_unit) {
            const std::uint32_t to = box.place(start, r, at) - start;
            std::memcpy(image.bytes.data() + to, row.data() + at, k_copy_unit);
            if (box.row_bytes() != box.pitch()) {
                image.units.push_back(to);
            }
        }
    }
    return image;
}

/// slots: destination, map, coordinates, mbarrier, [mask], [policy].
void run_tensor_load(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const std::size_t last = 2 + rank_of(insn);
    ++warp.counts[warp.index_of(insn)].requests;
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint64_t to = lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane);
        const std::uint64_t barrier = lane_address(insn, warp, last, wide(insn, last), 0, lane);
        const auto map =
            map_at(warp, insn, lane, lane_address(insn, warp, 1, wide(insn, 1), 0, lane));
        if (!map) {
            continue;
        }
        const TensorBox box(*map, coordinates(insn, warp, 2, lane));
        std::vector<CopyTarget> targets;
        if ((insn.mods & k_multicast) != 0) {
            const std::uint32_t mask =
                warp.lanes<std::uint32_t>(insn.slot[last + 1])[lane] & 0xFFFF;
            targets = aim_all(warp, insn, lane, to, barrier, box.footprint(), k_alignment, mask);
        } else if (
            const auto target = aim(warp, insn, lane, to, barrier, box.footprint(), k_alignment)) {
            targets.push_back(*target);
        }
        if (targets.empty()) {
            continue;
        }
        if (!charge_copy(warp, box.footprint() * (1 + targets.size()), box.rows())) {
            return;
        }
        const auto image = read_box(warp, insn, lane, *map, box, targets[0].to);
        for (const CopyTarget& target : targets) {
            if (image) {
                send(warp, insn, lane, target, *image, box.copied_bytes());
            }
        }
    }
}

/// The units of a row that hold bytes `begin` to `end` of it. False: there was a finding.
bool read_row(
    WarpState& warp,
    const Insn& insn,
    int lane,
    const TensorBox& box,
    std::uint32_t start,
    std::uint32_t r,
    const TensorBox::Inside& in,
    std::byte* row) {
    for (std::uint32_t at = in.begin / k_copy_unit * k_copy_unit; at < in.end; at += k_copy_unit) {
        if (!read_bytes(
                warp, insn, lane, box.place(start, r, at), Window::shared, row + at, k_copy_unit)) {
            return false;
        }
    }
    return true;
}

/// slots: map, coordinates, source, [policy].
void run_tensor_store(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const std::size_t source = 1 + rank_of(insn);
    ++warp.counts[warp.index_of(insn)].requests;
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint64_t from = lane_address(insn, warp, source, wide(insn, source), 0, lane);
        const std::uint64_t at = lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane);
        const auto map = map_at(warp, insn, lane, at);
        if (!map) {
            continue;
        }
        const TensorBox box(*map, coordinates(insn, warp, 1, lane));
        if (shared_place(warp, insn, lane, from, box.footprint(), k_alignment, Use::load) ==
            nullptr) {
            continue;
        }
        Combine combine = nullptr;
        if ((insn.mods & k_reduces) != 0) {
            combine =
                combine_of(static_cast<ReduceOp>(insn.mods >> k_op_shift & k_op_bits), map->type);
            if (combine == nullptr) {
                refuse(warp, insn, lane, at, "this reduction does not exist for the map's type");
                continue;
            }
        }
        if (!charge_copy(warp, box.footprint(), box.rows())) {
            return;
        }
        std::vector<std::byte> row(box.row_bytes());
        bool whole = true;
        for (std::uint32_t r = 0; r < box.rows() && whole; ++r) {
            const TensorBox::Inside in = box.inside(r);
            const std::uint32_t bytes = in.end - in.begin;
            const auto start = static_cast<std::uint32_t>(from);
            if (bytes == 0 || !read_row(warp, insn, lane, box, start, r, in, row.data())) {
                whole = bytes == 0;
                continue;
            }
            const std::byte* data = row.data() + in.begin;
            whole = combine == nullptr
                        ? write_bytes(warp, insn, lane, in.address, Window::global, data, bytes)
                        : reduce_bytes(
                              warp,
                              insn,
                              lane,
                              in.address,
                              Window::global,
                              data,
                              bytes,
                              box.element(),
                              combine);
            count_bulk(warp, insn, in.address, bytes);
        }
    }
}

/// slots: map, coordinates, [policy]. The map has to be one; nothing is brought anywhere.
void run_tensor_prefetch(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        (void)map_at(
            warp, insn, lane, lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane));
    }
}

Binding tensor_binding(Handler run, std::string_view rank) {
    Binding binding;
    binding.run = run;
    binding.work = Work::copy_async;
    binding.bytes = k_copy_unit;
    binding.mods = static_cast<std::uint32_t>(rank[1] - '0');
    binding.widths.assign(1, Width::any);
    binding.widths.insert(binding.widths.end(), binding.mods, Width::w32);
    return binding;
}

Binding complete(const Match& match, Binding binding) {
    if (match.has("L2::cache_hint")) {
        binding.widths.push_back(Width::w64);
    }
    binding.slots_min = binding.slots_max = static_cast<std::uint16_t>(binding.widths.size());
    return binding;
}

}  // namespace

// Parts: "cp", number of dims, then as the rows have them.

Binding bind_tensor_load(const Match& match) {
    Binding binding = tensor_binding(&run_tensor_load, match[1]);
    binding.widths.insert(binding.widths.begin(), Width::any);
    binding.widths.push_back(Width::any);
    if (match.has(".multicast::cluster")) {
        if (match.has(".shared::cta")) {
            return {};
        }
        binding.mods |= k_multicast;
        binding.widths.push_back(Width::w16);
    }
    return complete(match, std::move(binding));
}

Binding bind_tensor_store(const Match& match) {
    Binding binding = tensor_binding(&run_tensor_store, match[1]);
    binding.widths.push_back(Width::any);
    return complete(match, std::move(binding));
}

Binding bind_tensor_reduce(const Match& match) {
    Binding binding = bind_tensor_store(match);
    const std::optional<ReduceOp> op = reduce_op(match[2]);
    if (!op) {
        return {};
    }
    binding.mods |= k_reduces | static_cast<std::uint32_t>(*op) << k_op_shift;
    return binding;
}

Binding bind_tensor_prefetch(const Match& match) {
    return complete(match, tensor_binding(&run_tensor_prefetch, match[1]));
}

}  // namespace kw::emu
