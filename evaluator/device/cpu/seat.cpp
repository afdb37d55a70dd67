// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/seat.hpp"

#include "evaluator/fill.hpp"

#include <algorithm>
#include <cstring>

namespace kw::cpu {

std::span<std::byte> Seat::view(
    const Slot& slot, std::int64_t set, std::int64_t offset, std::int64_t bytes) const {
    const std::shared_ptr<SharedMemory>& memory = slot.region == harness::region_in        ? in
                                                  : slot.region == harness::region_weights ? weights
                                                  : slot.region == harness::region_packed  ? packed
                                                                                           : io;
    const std::int64_t begin = slot.file_offset + set * slot.stride + offset;
    KW_CHECK(memory && set < slot.copies && offset >= 0 && offset + bytes <= slot.stride);
    return memory->bytes().subspan(
        static_cast<std::size_t>(begin), static_cast<std::size_t>(bytes));
}

namespace {

Result<Seat> seat_with(const Layout& layout, FutureWrites inputs, Pages pages) {
    const auto memory =
        [&](const char* label, harness::Region region, FutureWrites writes, Pages at) {
            return SharedMemory::create(label, layout.region_bytes[region], writes, at);
        };
    Seat seat;
    seat.layout = layout;
    KW_TRY_ASSIGN(seat.in, memory("kw-in", harness::region_in, inputs, pages));
    KW_TRY_ASSIGN(seat.weights, memory("kw-weights", harness::region_weights, inputs, pages));
    KW_TRY_ASSIGN(seat.io, memory("kw-io", harness::region_io, FutureWrites::yes, pages));
    KW_TRY_ASSIGN(
        seat.packed, memory("kw-packed", harness::region_packed, FutureWrites::yes, Pages::later));
    seat.packed_alike = {seat.packed};
    return seat;
}

}  // namespace

Result<Seat> make_seat(const Layout& layout, FutureWrites inputs) {
    return seat_with(layout, inputs, Pages::now);
}

Result<std::vector<Seat>> make_equal_seats(
    const Layout& layout, std::size_t count, FutureWrites inputs) {
    std::vector<Seat> seats;
    for (std::size_t i = 0; i < count; ++i) {
        KW_TRY_ASSIGN(Seat seat, seat_with(layout, inputs, Pages::later));
        seats.push_back(std::move(seat));
    }
    const auto all = [&](std::shared_ptr<SharedMemory> Seat::*member) {
        std::vector<std::shared_ptr<SharedMemory>> alike;
        for (const Seat& seat : seats) {
            alike.push_back(seat.*member);
        }
        return alike;
    };
    for (const auto member : {&Seat::in, &Seat::weights, &Seat::io}) {
        KW_TRY(take_pages_in_turns(all(member)));
    }
    for (Seat& seat : seats) {
        seat.packed_alike = all(&Seat::packed);
    }
    return seats;
}

Result<void> take_packed_pages(const Seat& seat) {
    return take_pages_in_turns(seat.packed_alike);
}

Result<Inputs> draw_inputs(
    const Task& task, const DimMap& dims, const std::string& distribution, SecretStream& stream) {
    Inputs inputs;
    inputs.args.resize(task.args.size());
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Arg& arg = task.args[i];
        if (arg.role != Role::in && arg.role != Role::inout) {
            continue;
        }
        KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
        inputs.args[i].resize(static_cast<std::size_t>(bytes));
        KW_TRY(fill_argument(arg, dims, fill_of(task, arg, distribution), stream, inputs.args[i]));
    }
    return inputs;
}

void write_inputs(const Task& task, const Inputs& inputs, int placement, Seat& seat) {
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Role role = task.args[i].role;
        if (role != Role::in && role != Role::inout) {
            continue;
        }
        const Slot& slot = role == Role::in ? seat.layout.args[i] : seat.layout.originals[i];
        const auto bytes = static_cast<std::int64_t>(inputs.args[i].size());
        const std::int64_t at = place(slot, bytes, placement, Role::in);
        std::ranges::copy(inputs.args[i], seat.view(slot, 0, at, bytes).begin());
    }
}

Result<void> draw_weights(
    const Task& task,
    const DimMap& dims,
    const std::string& distribution,
    SecretStream& stream,
    Seat& seat,
    std::int64_t set,
    int placement) {
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Arg& arg = task.args[i];
        if (arg.role != Role::weight) {
            continue;
        }
        KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
        const Slot& slot = seat.layout.args[i];
        const auto view = seat.view(slot, set, place(slot, bytes, placement, arg.role), bytes);
        KW_TRY(fill_argument(arg, dims, fill_of(task, arg, distribution), stream, view));
    }
    return {};
}

void copy_weights(
    const Task& task,
    const DimMap& dims,
    const Seat& from,
    Seat& to,
    std::int64_t set,
    int placement) {
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Arg& arg = task.args[i];
        if (arg.role != Role::weight) {
            continue;
        }
        const std::int64_t bytes = byte_size(arg, dims).value();
        const Slot& slot = from.layout.args[i];
        const std::int64_t offset = place(slot, bytes, placement, arg.role);
        std::ranges::copy(
            from.view(slot, set, offset, bytes), to.view(slot, set, offset, bytes).begin());
    }
}

}  // namespace kw::cpu
