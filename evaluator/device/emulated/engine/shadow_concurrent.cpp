// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/shadow_concurrent.hpp"

#include <new>

namespace kw::emu {
namespace {

// A cell: the block that wrote last (index + 1, 0: none), the first that read, flags.
constexpr std::uint64_t k_block_mask = (std::uint64_t{1} << 30) - 1;
constexpr int k_reader_shift = 30;
constexpr std::uint64_t k_plain_write = std::uint64_t{1} << 60;
constexpr std::uint64_t k_plain_read = std::uint64_t{1} << 61;
constexpr std::uint64_t k_readers = std::uint64_t{1} << 62;  ///< more than one block
constexpr std::uint64_t k_writers = std::uint64_t{1} << 63;

struct Step {
    std::uint64_t cell = 0;
    bool good = true;
};

std::uint64_t writer(std::uint64_t cell) {
    return cell & k_block_mask;
}

std::uint64_t reader(std::uint64_t cell) {
    return (cell >> k_reader_shift) & k_block_mask;
}

/// Accesses of two blocks to one cell race unless both are strong.
bool written_by_others(std::uint64_t cell, std::uint64_t me, bool strong) {
    const bool others = writer(cell) != 0 && (writer(cell) != me || (cell & k_writers) != 0);
    return others && !(strong && (cell & k_plain_write) == 0);
}

Step after_read(std::uint64_t cell, std::uint64_t me, bool strong) {
    Step step{cell, !written_by_others(cell, me, strong)};
    if (reader(cell) == 0) {
        step.cell |= me << k_reader_shift;
    } else if (reader(cell) != me) {
        step.cell |= k_readers;
    }
    step.cell |= strong ? 0 : k_plain_read;
    return step;
}

Step after_write(std::uint64_t cell, std::uint64_t me, bool strong) {
    const bool read_by_others = reader(cell) != 0 &&
                                (reader(cell) != me || (cell & k_readers) != 0) &&
                                !(strong && (cell & k_plain_read) == 0);
    Step step{cell, !read_by_others && !written_by_others(cell, me, strong)};
    step.cell = (cell & ~k_block_mask) | me | (strong ? 0 : k_plain_write);
    step.cell |= writer(cell) != 0 && writer(cell) != me ? k_writers : 0;
    return step;
}

template <Step (*next)(std::uint64_t, std::uint64_t, bool)>
bool step_all(
    std::uint64_t* cells, std::uint64_t first, std::uint64_t last, std::uint64_t me, bool strong) {
    bool good = true;
    for (std::uint64_t i = first; i <= last; ++i) {
        const std::atomic_ref cell(cells[i]);
        std::uint64_t before = cell.load(std::memory_order_relaxed);
        Step step = next(before, me, strong);
        while (step.cell != before &&
               !cell.compare_exchange_weak(before, step.cell, std::memory_order_relaxed)) {
            step = next(before, me, strong);
        }
        good = good && step.good;
    }
    return good;
}

}  // namespace

ConcurrentShadow::ConcurrentShadow(const Memory& memory, int granule)
    : granule_(granule) {
    for (const std::unique_ptr<Allocation>& allocation : memory.allocations()) {
        std::uint64_t* cells = nullptr;
        if (allocation->access != Access::read_only && allocation->space == Space::global) {
            const std::uint64_t count = (allocation->bytes >> granule) + 1;
            cells = static_cast<std::uint64_t*>(std::calloc(count, sizeof(std::uint64_t)));
            if (cells == nullptr) {
                throw std::bad_alloc();
            }
            bytes_ += count * sizeof(std::uint64_t);
        }
        cells_.emplace_back(cells);
    }
}

bool ConcurrentShadow::read(
    std::size_t slot, std::uint64_t offset, std::uint32_t bytes, std::uint64_t block, bool strong) {
    return step_all<after_read>(
        cells_[slot].get(),
        offset >> granule_,
        (offset + bytes - 1) >> granule_,
        block + 1,
        strong);
}

bool ConcurrentShadow::write(
    std::size_t slot, std::uint64_t offset, std::uint32_t bytes, std::uint64_t block, bool strong) {
    return step_all<after_write>(
        cells_[slot].get(),
        offset >> granule_,
        (offset + bytes - 1) >> granule_,
        block + 1,
        strong);
}

}  // namespace kw::emu
