// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_contestant.hpp"

#include "evaluator/device/cuda/gpu_failure.hpp"
#include "evaluator/device/cuda/gpu_records.hpp"
#include "evaluator/harness/cuda_driver.hpp"

#include <algorithm>
#include <cstring>

namespace kw::cuda {
namespace {

using namespace std::chrono_literals;

constexpr auto k_start_limit = 60s;
constexpr auto k_copy_limit = 60s;
constexpr std::int64_t k_chunk = std::int64_t{64} << 20;  // weights on their way to the device
constexpr std::int64_t k_record_bytes = std::int64_t{32} << 20;
constexpr std::int64_t k_page = 4096;

harness::Order order_of(
    harness::GpuDo what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
    harness::Order order;
    order.what = what;
    order.a = a;
    order.b = b;
    order.c = c;
    return order;
}

void put(std::span<std::byte> to, std::int64_t offset, std::span<const std::byte> from) {
    if (!from.empty()) {
        std::memcpy(to.data() + offset, from.data(), from.size());
    }
}

std::size_t slot_of(const GpuCallRequest& request, std::size_t call) {
    return request.slots.empty() ? call : request.slots[call];
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

std::string label_of(const Task& task, const cpu::CheckCase& at) {
    return at.hidden ? "a hidden case" : "case " + at.name + " (" + show_dims(task, at.dims) + ")";
}

Result<std::unique_ptr<GpuContestant>> GpuContestant::start(
    const GpuStage& stage,
    const Task& task,
    const BuildOutcome& built,
    const std::vector<DimMap>& shapes,
    int slots,
    bool uses_library) {
    std::unique_ptr<GpuContestant> contestant(new GpuContestant(stage, task, built));
    contestant->uses_library_ = uses_library;
    std::int64_t data = std::max<std::int64_t>(
        k_page, static_cast<std::int64_t>(built.cubin.size() + built.ptx.size()) + k_page);
    for (const DimMap& dims : shapes) {
        KW_TRY_ASSIGN(const Room room, plan_room(task, dims, {}));
        data = std::max({data, room.slot_bytes * slots, std::min(room.set_bytes, k_chunk)});
    }
    data = (data + k_page - 1) / k_page * k_page;
    KW_TRY_ASSIGN(
        contestant->runner_,
        GpuRunner::start(stage.sandbox, stage.access, data + k_record_bytes, stage.wrapper));
    KW_TRY(contestant->open());
    contestant->load();
    if (contestant->start_failure_ && contestant->start_failure_->verdict == Verdict::internal) {
        return Error{
            Errc::environment,
            "loading a module: " + contestant->start_failure_->summary,
            contestant->start_failure_->detail};
    }
    return contestant;
}

Result<void> GpuContestant::open() {
    harness::Order order = order_of(harness::GpuDo::open);
    std::strncpy(order.text, stage_.gpu.uuid_hex.c_str(), sizeof(order.text) - 1);
    const GpuAnswer opened = runner_->order(order, k_start_limit);
    return opened.ok() ? Result<void>() : world_error(opened, "opening " + stage_.gpu.uuid);
}

void GpuContestant::load() {
    const auto cubin = static_cast<std::int64_t>(built_.cubin.size());
    const std::int64_t ptx_at = (cubin + 63) / 64 * 64;
    put(runner_->transfer(), 0, bytes_of(built_.cubin));
    put(runner_->transfer(), ptx_at, bytes_of(built_.ptx));
    harness::Order order = order_of(harness::GpuDo::load, 0, built_.cubin.size());
    order.c = static_cast<std::uint64_t>(ptx_at);
    order.d = built_.ptx.size();
    order.flags = uses_library_ ? harness::gpu_matmul : 0;
    const GpuAnswer loaded = runner_->order(order, k_start_limit);
    if (loaded.ok()) {
        jit_ = loaded.answer.a == 0;
        return;
    }
    start_failure_ = rejection_of(loaded, "loading the module");
    if (is_old_driver(loaded) || loaded.answer.error == harness::k_gpu_no_library) {
        const Error error = world_error(loaded, "loading a module");
        start_failure_ = cpu::Rejection{Verdict::internal, describe(loaded), error.hint};
    }
}

Result<std::optional<std::uint64_t>> GpuContestant::allocate(std::int64_t bytes, bool may_fail) {
    if (bytes == 0) {
        return std::optional<std::uint64_t>(0);
    }
    const GpuAnswer answer = runner_->order(
        order_of(harness::GpuDo::allocate, static_cast<std::uint64_t>(bytes)), k_copy_limit);
    if (answer.ok()) {
        return std::optional<std::uint64_t>(answer.answer.a);
    }
    const bool full = answer.state == GpuAnswer::State::failed &&
                      answer.answer.error == harness::cu::k_out_of_memory;
    if (full && may_fail) {
        return std::optional<std::uint64_t>();
    }
    return world_error(
        answer,
        "taking " + std::to_string(bytes >> 20) + " MiB of " + stage_.gpu.name + " for " +
            task_.name + " at " + show_dims(task_, dims_));
}

Result<void> GpuContestant::release_all() {
    for (std::uint64_t* address : {&weights_at_, &slots_at_, &scratch_at_}) {
        if (*address != 0) {
            const GpuAnswer freed =
                runner_->order(order_of(harness::GpuDo::release, *address), k_copy_limit);
            if (!freed.ok()) {
                return world_error(freed, "giving memory back");
            }
        }
        *address = 0;
    }
    return {};
}

Result<std::optional<cpu::Rejection>> GpuContestant::take_shape(
    const DimMap& dims, std::int64_t sets, int slots, SecretStream& secrets) {
    using Refusal = std::optional<cpu::Rejection>;
    KW_TRY(release_all());
    dims_ = dims;
    sets_ = sets;
    slots_ = slots;
    weight_salt_ = secrets.next_u64();
    KW_TRY_ASSIGN(const BufferSizes sizes, buffer_sizes(task_, dims));
    const auto plan = evaluate(built_.plan, dims, stage_.gpu.constants, sizes);
    if (!plan) {
        return Refusal(cpu::Rejection{
            Verdict::forbidden, "the launch plan does not fit: " + plan.error().what, ""});
    }
    plan_ = *plan;
    KW_TRY_ASSIGN(room_, plan_room(task_, dims, plan_));
    KW_TRY_ASSIGN(const auto weights, allocate(room_.set_bytes * sets, false));
    KW_TRY_ASSIGN(const auto slots_at, allocate(room_.slot_bytes * slots, false));
    weights_at_ = *weights;
    slots_at_ = *slots_at;
    KW_TRY_ASSIGN(const auto scratch, allocate(room_.scratch_bytes, true));
    if (!scratch) {
        return Refusal(cpu::Rejection{
            Verdict::memory_limit,
            "its workspaces of " + std::to_string(room_.scratch_bytes >> 20) +
                " MiB do not fit on the device",
            show_dims(task_, dims)});
    }
    scratch_at_ = *scratch;
    return Refusal();
}

GpuAnswer GpuContestant::move(
    std::uint64_t address, std::int64_t offset, std::int64_t bytes, bool to_device) {
    auto records = static_cast<std::uint64_t>(
        static_cast<std::int64_t>(runner_->transfer().size()) - k_record_bytes);
    const harness::CopyRecord record{
        address,
        static_cast<std::uint64_t>(offset),
        static_cast<std::uint64_t>(bytes),
        to_device ? 1U : 0U};
    put(runner_->transfer(),
        static_cast<std::int64_t>(records),
        std::as_bytes(std::span(&record, 1)));
    return runner_->order(order_of(harness::GpuDo::copy, records, 1), k_copy_limit);
}

Result<void> GpuContestant::write_weights(std::int64_t set, const Content& content) {
    std::vector<std::byte> image(static_cast<std::size_t>(room_.set_bytes));
    compose(task_, room_, true, content, weight_salt_, image);
    const std::uint64_t base = weights_at_ + static_cast<std::uint64_t>(set * room_.set_bytes);
    for (std::int64_t at = 0; at < room_.set_bytes; at += k_chunk) {
        const std::int64_t bytes = std::min(k_chunk, room_.set_bytes - at);
        put(runner_->transfer(),
            0,
            std::span(image).subspan(
                static_cast<std::size_t>(at), static_cast<std::size_t>(bytes)));
        const GpuAnswer moved = move(base + static_cast<std::uint64_t>(at), 0, bytes, true);
        if (!moved.ok()) {
            return world_error(moved, "writing weights");
        }
    }
    return {};
}

Result<std::optional<cpu::Rejection>> GpuContestant::look_at_weights(
    std::int64_t set, const Content& content) {
    using Refusal = std::optional<cpu::Rejection>;
    std::vector<std::byte> before(static_cast<std::size_t>(room_.set_bytes));
    compose(task_, room_, true, content, weight_salt_, before);
    std::vector<std::byte> after(before.size());
    const std::uint64_t base = weights_at_ + static_cast<std::uint64_t>(set * room_.set_bytes);
    for (std::int64_t at = 0; at < room_.set_bytes; at += k_chunk) {
        const std::int64_t bytes = std::min(k_chunk, room_.set_bytes - at);
        const GpuAnswer moved = move(base + static_cast<std::uint64_t>(at), 0, bytes, false);
        if (!moved.ok()) {
            return world_error(moved, "reading weights back");
        }
        std::memcpy(after.data() + at, runner_->transfer().data(), static_cast<std::size_t>(bytes));
    }
    const Damage damage = look_for_damage(task_, room_, true, before, after);
    if (!damage.changed.empty()) {
        return Refusal(cpu::Rejection{
            Verdict::input_mutated, "input mutated: the kernels wrote to " + damage.changed, ""});
    }
    if (!damage.zone.empty()) {
        return Refusal(
            cpu::Rejection{Verdict::out_of_bounds, "out of bounds: a write " + damage.zone, ""});
    }
    return Refusal();
}

Result<Addresses> GpuContestant::addresses_of(std::int64_t set, std::size_t slot) {
    Addresses addresses;
    for (std::size_t i = 0; i < task_.args.size(); ++i) {
        const ArgPlace& place = room_.args[i];
        const std::uint64_t base =
            place.weight ? weights_at_ + static_cast<std::uint64_t>(set * room_.set_bytes)
                         : slots_at_ + slot * static_cast<std::uint64_t>(room_.slot_bytes);
        addresses.buffers[task_.args[i].name] = base + static_cast<std::uint64_t>(place.offset);
    }
    for (std::size_t i = 0; i < plan_.workspaces.size(); ++i) {
        addresses.buffers[plan_.workspaces[i].name] =
            scratch_at_ + static_cast<std::uint64_t>(room_.scratch[i].offset);
    }
    const std::int64_t at = static_cast<std::int64_t>(runner_->transfer().size()) - k_record_bytes;
    for (const EvaluatedTensorMap& map : plan_.tensormaps) {
        const harness::TensorMapRecord record = tensormap_record(map, addresses.buffers[map.base]);
        put(runner_->transfer(), at, std::as_bytes(std::span(&record, 1)));
        const GpuAnswer made = runner_->order(
            order_of(harness::GpuDo::tensormap, static_cast<std::uint64_t>(at)), k_copy_limit);
        if (!made.ok()) {
            return Error{
                Errc::config,
                "the driver refuses tensor map " + map.name + ": " + describe(made),
                ""};
        }
        std::memcpy(addresses.tensormaps[map.name].data(), runner_->transfer().data() + at, 128);
    }
    return addresses;
}

/// Launches of all calls of a request, one after the other. A text: why the plan does not fit.
std::optional<std::string> GpuContestant::lay_out_launches(
    const GpuCallRequest& request, std::uint64_t& records, std::uint64_t& count) {
    const std::int64_t begin =
        static_cast<std::int64_t>(runner_->transfer().size()) - k_record_bytes;
    std::vector<PlannedCall> calls;
    for (std::size_t i = 0; i < request.sets.size(); ++i) {
        auto addresses = addresses_of(request.sets[i], slot_of(request, i));
        if (!addresses) {
            return addresses.error().what;
        }
        auto planned = plan_call(built_, plan_, stage_.gpu.constants, *addresses, uses_library_);
        if (!planned) {
            return planned.error().what;
        }
        calls.push_back(std::move(*planned));
    }
    const std::vector<std::byte> bytes = launch_records(calls, begin, count);
    if (static_cast<std::int64_t>(bytes.size()) > k_record_bytes) {
        return "the parameters of all launches take " + std::to_string(bytes.size()) + " bytes";
    }
    put(runner_->transfer(), begin, bytes);
    records = static_cast<std::uint64_t>(begin);
    return std::nullopt;
}

GpuCallResult GpuContestant::failed(const GpuAnswer& answer, GpuCallResult result) const {
    result.failure = rejection_of(answer, show_dims(task_, dims_));
    result.fatal = true;
    return result;
}

GpuCallResult GpuContestant::call(const GpuCallRequest& request) {
    GpuCallResult result;
    const std::size_t calls = request.sets.size();
    const auto slot_bytes = static_cast<std::size_t>(room_.slot_bytes);
    KW_CHECK(calls >= 1 && calls <= static_cast<std::size_t>(slots_));
    before_.resize(calls);
    after_.resize(calls);
    for (std::size_t i = 0; i < calls; ++i) {
        result.salts.push_back(request.secrets.next_u64());
        before_[i].resize(slot_bytes);
        compose(task_, room_, false, request.inputs[i]->args, result.salts[i], before_[i]);
        put(runner_->transfer(),
            static_cast<std::int64_t>(slot_of(request, i) * slot_bytes),
            before_[i]);
    }
    const auto all = static_cast<std::int64_t>(calls * slot_bytes);
    if (const GpuAnswer moved = move(slots_at_, 0, all, true); !moved.ok()) {
        return failed(moved, std::move(result));
    }
    if (scratch_at_ != 0) {
        const GpuAnswer filled = runner_->order(
            order_of(
                harness::GpuDo::fill,
                scratch_at_,
                static_cast<std::uint64_t>(room_.scratch_bytes),
                1 + request.secrets.below(255)),
            k_copy_limit);
        if (!filled.ok()) {
            return failed(filled, std::move(result));
        }
    }
    harness::Order order = order_of(harness::GpuDo::call);
    if (const auto refused = lay_out_launches(request, order.a, order.b)) {
        result.failure =
            cpu::Rejection{Verdict::forbidden, "the launch plan does not fit: " + *refused, ""};
        return result;
    }
    order.flags = (request.timed ? harness::gpu_timed | harness::gpu_reset : 0) |
                  (request.graph ? harness::gpu_graph : 0);
    order.c = static_cast<std::uint64_t>(request.flush_bytes);
    order.d = request.repetitions;
    order.calls = request.graph ? calls : 1;
    const GpuAnswer done = runner_->order(order, request.limit);
    if (!done.ok()) {
        return failed(done, std::move(result));
    }
    result.event_ns = done.answer.event_ns;
    result.host_ns = done.answer.host_ns;
    result.late = request.timed && done.answer.a != 0;
    if (request.graph) {
        result.call_ns.assign(done.answer.call_ns, done.answer.call_ns + calls);
    }
    if (const GpuAnswer moved = move(slots_at_, 0, all, false); !moved.ok()) {
        return failed(moved, std::move(result));
    }
    for (std::size_t i = 0; i < calls; ++i) {
        const std::byte* from = runner_->transfer().data() + slot_of(request, i) * slot_bytes;
        after_[i].assign(from, from + slot_bytes);
    }
    for (std::size_t i = 0; i < calls && !result.failure; ++i) {
        result.failure = damage_of(i);
    }
    return result;
}

std::optional<cpu::Rejection> GpuContestant::damage_of(std::size_t slot) const {
    const Damage damage = look_for_damage(task_, room_, false, before_[slot], after_[slot]);
    if (!damage.changed.empty() && stage_.layers.has(Layer::read_only_inputs)) {
        return cpu::Rejection{
            Verdict::input_mutated, "input mutated: the kernels wrote to " + damage.changed, ""};
    }
    if (!damage.zone.empty() && stage_.layers.has(Layer::red_zones)) {
        return cpu::Rejection{
            Verdict::out_of_bounds,
            "out of bounds: a write " + damage.zone,
            show_dims(task_, dims_)};
    }
    return std::nullopt;
}

std::span<const std::byte> GpuContestant::output(std::size_t arg, std::size_t slot) const {
    const ArgPlace& place = room_.args[arg];
    return std::span(after_[slot])
        .subspan(static_cast<std::size_t>(place.offset), static_cast<std::size_t>(place.bytes));
}

Result<double> GpuContestant::null_ns() {
    std::vector<double> times;
    for (int i = 0; i < 21; ++i) {
        harness::Order order = order_of(harness::GpuDo::null_call);
        order.flags = harness::gpu_timed;
        const GpuAnswer done = runner_->order(order, k_start_limit);
        if (!done.ok()) {
            return world_error(done, "timing an empty call on " + stage_.gpu.uuid);
        }
        times.push_back(done.answer.event_ns);
    }
    std::ranges::nth_element(times, times.begin() + 10);
    return times[10];
}

sandbox::Outcome GpuContestant::finish() {
    return runner_->finish(120s);
}

}  // namespace kw::cuda
