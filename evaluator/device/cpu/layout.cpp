// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/layout.hpp"

#include "evaluator/compare.hpp"

#include <algorithm>

namespace kw::cpu {
namespace {

constexpr std::int64_t k_page = 4096;
constexpr std::int64_t k_slack = 2 * k_page;  // room for the placements and for red zones

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

class Planner {
public:
    Slot add(harness::Region region, std::int64_t stride, std::int64_t copies) {
        Slot slot;
        slot.region = region;
        slot.stride = stride;
        slot.copies = copies;
        slot.address = harness::region_address(region) +
                       static_cast<std::uint64_t>(slots_[region]++) * harness::k_segment_stride;
        slot.file_offset = layout_.region_bytes[region];
        layout_.region_bytes[region] += stride * copies;
        layout_.segments.push_back(
            {slot.address,
             static_cast<std::uint64_t>(slot.file_offset),
             static_cast<std::uint64_t>(stride * copies),
             region,
             0});
        return slot;
    }
    Layout& layout() { return layout_; }

private:
    Layout layout_;
    int slots_[harness::region_count] = {};
};

Result<std::int64_t> largest(const Arg& arg, const std::vector<DimMap>& shapes) {
    std::int64_t most = 0;
    for (const DimMap& dims : shapes) {
        KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
        most = std::max(most, bytes);
    }
    return most;
}

harness::Region region_of(Role role) {
    switch (role) {
        case Role::weight: return harness::region_weights;
        case Role::in: return harness::region_in;
        default: return harness::region_io;
    }
}

}  // namespace

Result<Layout> plan_layout(const Task& task, const std::vector<DimMap>& shapes, std::int64_t sets) {
    Planner planner;
    planner.layout().sets = sets;
    for (const Arg& arg : task.args) {
        KW_TRY_ASSIGN(const std::int64_t bytes, largest(arg, shapes));
        const bool weight = arg.role == Role::weight;
        const std::int64_t stride =
            round_up(std::max<std::int64_t>(bytes, 1), k_page) + (weight ? 0 : k_slack);
        planner.layout().args.push_back(
            planner.add(region_of(arg.role), stride, weight ? sets : 1));
        planner.layout().originals.push_back(
            arg.role == Role::inout ? planner.add(harness::region_in, stride, 1) : Slot{});
    }
    if (task.prepare) {
        std::int64_t cap = 0;
        for (const DimMap& dims : shapes) {
            KW_TRY_ASSIGN(const std::int64_t bytes, task.prepare_max_bytes.eval(dims));
            cap = std::max(cap, bytes);
        }
        planner.layout().packed = planner.add(
            harness::region_packed, round_up(std::max<std::int64_t>(cap, 1), k_page), sets);
    }
    return planner.layout();
}

Result<OracleLayout> plan_oracle(
    const Task& task,
    const std::vector<DimMap>& shapes,
    const Layout& seat,
    std::int64_t most_indices) {
    Planner planner;
    OracleLayout oracle;
    const auto add = [&planner](std::int64_t bytes) {
        return planner.add(
            harness::region_io, round_up(std::max<std::int64_t>(bytes, 1), k_page), 1);
    };
    std::int64_t widest = 0;
    std::int64_t rows = 0;
    for (const Arg& arg : task.args) {
        std::int64_t bytes[2] = {0, 0};
        if (arg.role == Role::out || arg.role == Role::inout) {
            for (const DimMap& dims : shapes) {
                KW_TRY_ASSIGN(const std::int64_t elements, element_count(arg, dims));
                bytes[0] = std::max(bytes[0], reference_bytes(arg, elements, 0));
                bytes[1] = std::max(bytes[1], reference_bytes(arg, elements, 1));
                if (arg.name == task.verify.arg && !arg.shape.empty()) {
                    KW_TRY_ASSIGN(const std::int64_t last, arg.shape.back().eval(dims));
                    widest = std::max(widest, last);
                    rows = std::max(rows, elements / std::max<std::int64_t>(last, 1));
                }
            }
        }
        oracle.want0.push_back(bytes[0] > 0 ? add(bytes[0]) : Slot{});
        oracle.want1.push_back(bytes[1] > 0 ? add(bytes[1]) : Slot{});
    }
    if (task.verify.project) {
        oracle.vector = add(widest * 8);
        oracle.projected = add(rows * 8);
        oracle.projected_magnitude = add(rows * 8);
        oracle.indices = add(most_indices * 8);
        oracle.at0 = add(most_indices * 8);
        oracle.at1 = add(most_indices * 8);
    }
    oracle.io_bytes = planner.layout().region_bytes[harness::region_io];
    for (const harness::Segment& segment : seat.segments) {
        if (segment.region == harness::region_in || segment.region == harness::region_weights) {
            oracle.segments.push_back(segment);
        }
    }
    const std::vector<harness::Segment>& own = planner.layout().segments;
    oracle.segments.insert(oracle.segments.end(), own.begin(), own.end());
    return oracle;
}

std::int64_t place(const Slot& slot, std::int64_t bytes, int placement, Role role) {
    if (placement == k_placement_guarded) {
        return slot.stride - round_up(std::max<std::int64_t>(bytes, 1), 64);
    }
    const bool moves = role == Role::out || role == Role::inout;
    return moves ? k_placements[placement] : 0;
}

}  // namespace kw::cpu
