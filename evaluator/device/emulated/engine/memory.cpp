// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/memory.hpp"

#include <algorithm>
#include <cstring>

namespace kw::emu {
namespace {

constexpr std::uint64_t k_max_variables = std::uint64_t{256} << 20;

}  // namespace

std::uint64_t Memory::add(Allocation allocation) {
    if (allocations_.size() >= k_max_allocations ||
        allocation.bytes > k_slot_bytes - 2 * k_slot_lead) {
        return 0;
    }
    allocation.address = ((k_first_slot + allocations_.size()) << k_slot_bits) + k_slot_lead;
    if (!allocation.initialised) {
        allocation.written.assign(allocation.bytes, 0);
    }
    allocations_.push_back(std::make_unique<Allocation>(std::move(allocation)));
    return allocations_.back()->address;
}

std::string Memory::load(const Module& module) {
    if (loaded_ == &module) {
        return {};
    }
    loaded_ = &module;
    global_addresses_.assign(module.globals.size(), 0);
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < module.globals.size(); ++i) {
        const Symbol& symbol = module.globals[i];
        if (symbol.space != Space::global && symbol.space != Space::constant) {
            continue;
        }
        total += std::min(symbol.bytes, k_max_variables);
        if (total > k_max_variables || allocations_.size() >= k_max_allocations) {
            return "the variables of the module need more room than there is";
        }
        owned_.push_back(std::make_unique<std::byte[]>(symbol.bytes + 1));
        std::byte* host = owned_.back().get();
        const std::uint64_t given = std::min<std::uint64_t>(symbol.initial.size(), symbol.bytes);
        std::copy_n(symbol.initial.begin(), given, host);
        Allocation allocation;
        allocation.name = symbol.name;
        allocation.host = host;
        allocation.bytes = symbol.bytes;
        allocation.space = symbol.space;
        allocation.access =
            symbol.space == Space::constant ? Access::read_only : Access::read_write;
        global_addresses_[i] = add(std::move(allocation));
    }
    for (std::size_t i = 0; i < module.globals.size(); ++i) {
        if (global_addresses_[i] == 0) {
            continue;
        }
        Allocation& allocation = *find(global_addresses_[i]);
        for (const Relocation& relocation : module.globals[i].relocations) {
            const std::uint64_t width = std::min<std::uint64_t>(relocation.bytes, 8);
            if (relocation.function || relocation.symbol >= global_addresses_.size() ||
                width > allocation.bytes || relocation.at > allocation.bytes - width) {
                continue;
            }
            const std::uint64_t value = global_addresses_[relocation.symbol] +
                                        static_cast<std::uint64_t>(relocation.addend);
            std::memcpy(allocation.host + relocation.at, &value, width);
        }
    }
    return {};
}

std::uint64_t Memory::grid_workspace() {
    constexpr std::size_t k_bytes = 64;
    if (workspace_ == 0) {
        owned_.push_back(std::make_unique<std::byte[]>(k_bytes));
        Allocation allocation;
        allocation.name = "grid workspace";
        allocation.host = owned_.back().get();
        allocation.bytes = k_bytes;
        workspace_ = add(std::move(allocation));
    }
    if (workspace_ != 0) {
        std::memset(find(workspace_)->host, 0, k_bytes);
    }
    return workspace_;
}

}  // namespace kw::emu
