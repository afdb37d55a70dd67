// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/oracle.hpp"

#include "evaluator/fill.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace kw::cpu {
namespace {

constexpr std::int64_t k_sampled = 256;  // secret single elements besides the edges
constexpr std::int64_t k_most_edges = 1 << 16;

bool compared(Role role) {
    return role == Role::out || role == Role::inout;
}

std::span<std::byte> view(
    const std::shared_ptr<SharedMemory>& memory, const Slot& slot, std::int64_t bytes) {
    KW_CHECK(bytes <= slot.stride);
    return memory->bytes().subspan(
        static_cast<std::size_t>(slot.file_offset), static_cast<std::size_t>(bytes));
}

/// Edge rows and columns of the output, and secret elements in between. The edges are where tails
/// are forgotten.
std::vector<std::int64_t> choose_indices(
    std::int64_t elements, std::int64_t last, bool edges, SecretStream& secrets) {
    const std::int64_t rows = elements / last;
    std::vector<std::int64_t> indices;
    const std::int64_t row_step = std::max<std::int64_t>(1, 2 * last / k_most_edges);
    for (std::int64_t n = 0; edges && n < last; n += row_step) {
        indices.push_back(n);
        indices.push_back((rows - 1) * last + n);
    }
    const std::int64_t column_step = std::max<std::int64_t>(1, 2 * rows / k_most_edges);
    for (std::int64_t m = 0; edges && m < rows; m += column_step) {
        indices.push_back(m * last);
        indices.push_back(m * last + last - 1);
    }
    for (std::int64_t i = 0; i < k_sampled; ++i) {
        indices.push_back(
            static_cast<std::int64_t>(secrets.below(static_cast<std::uint64_t>(elements))));
    }
    std::ranges::sort(indices);
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    return indices;
}

void draw_vector(const Arg& arg, std::span<std::byte> out, SecretStream& secrets) {
    for (std::size_t at = 0; at + 8 <= out.size(); at += 8) {
        if (arg.check.tolerance == Tolerance::exact) {
            const auto value = static_cast<std::int64_t>(secrets.next_u64() | 1);
            std::memcpy(out.data() + at, &value, 8);
        } else {
            // +-[1,2): no column can hide behind a small weight.
            const double value = (1.0 + secrets.uniform()) * (secrets.below(2) == 0 ? 1.0 : -1.0);
            std::memcpy(out.data() + at, &value, 8);
        }
    }
}

Verdict verdict_of(const OutputDiff& diff) {
    return diff.non_finite && !diff.untouched ? Verdict::non_finite : Verdict::wrong_result;
}

}  // namespace

OutputOf outputs_of(const Contestant& contestant, const Question& question) {
    return [&contestant, question](std::size_t arg) {
        return contestant.output(arg, question.dims, question.placement);
    };
}

Result<std::unique_ptr<Oracle>> Oracle::start(
    const Stage& stage,
    const Task& task,
    const std::filesystem::path& reference,
    const Seat& seat,
    const std::vector<DimMap>& shapes) {
    std::unique_ptr<Oracle> oracle(new Oracle());
    oracle->task_ = &task;
    oracle->seat_ = &seat;
    oracle->layers_ = stage.layers;
    KW_TRY_ASSIGN(
        oracle->layout_, plan_oracle(task, shapes, seat.layout, 4 * k_most_edges + k_sampled));
    KW_TRY_ASSIGN(
        oracle->io_,
        SharedMemory::create("kw-oracle", oracle->layout_.io_bytes, FutureWrites::yes));
    RunnerSpec spec;
    spec.program = stage.runner_program;
    spec.shared_object = reference;
    spec.mode = harness::mode_trusted;
    spec.cores = stage.cores;
    spec.segments = oracle->layout_.segments;
    spec.in = seat.in;
    spec.weights = seat.weights;
    spec.io = oracle->io_;
    spec.extra_memory = std::int64_t{4} << 30;
    KW_TRY_ASSIGN(oracle->runner_, Runner::start(stage.sandbox, spec));
    if (const RunnerFailure* failure = oracle->runner_->start_failure()) {
        return Error{
            Errc::config,
            "starting the reference of " + task.name + ": " + failure->summary,
            "see reference.cpp in " + task.folder.string()};
    }
    return oracle;
}

bool Oracle::projects(const DimMap& dims) const {
    if (!task_->verify.project) {
        return false;
    }
    const auto products = task_->verify.products.eval(dims);
    return products.ok() && *products > task_->verify.project_above;
}

std::vector<std::uint64_t> Oracle::input_pointers(const Question& question) const {
    std::vector<std::uint64_t> pointers;
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        const Arg& arg = task_->args[i];
        if (arg.role == Role::out || arg.role == Role::workspace) {
            continue;
        }
        const Slot& slot =
            arg.role == Role::inout ? seat_->layout.originals[i] : seat_->layout.args[i];
        const Role placed_as = arg.role == Role::inout ? Role::in : arg.role;
        const std::int64_t bytes = byte_size(arg, question.dims).value();
        const std::int64_t copy = arg.role == Role::weight ? question.set : 0;
        pointers.push_back(
            slot.address +
            static_cast<std::uint64_t>(
                copy * slot.stride + place(slot, bytes, question.placement, placed_as)));
    }
    return pointers;
}

Result<void> Oracle::call(
    harness::Function function, std::vector<std::uint64_t> pointers, const Question& question) {
    CallSpec spec;
    spec.function = function;
    spec.pointers = std::move(pointers);
    spec.dims = ordered_dims(*task_, question.dims);
    spec.limit = std::chrono::seconds(60);
    const CallOutcome outcome = runner_->call(spec);
    if (!outcome.ok) {
        return Error{
            Errc::config,
            "running the reference of " + task_->name + " at " + show_dims(*task_, question.dims) +
                ": " + outcome.failure.summary,
            "see reference.cpp in " + task_->folder.string()};
    }
    return {};
}

Result<void> Oracle::compute(const Question& question, SecretStream& secrets) {
    if (projects(question.dims)) {
        return compute_projection(question, secrets);
    }
    return call_whole(question);
}

Result<void> Oracle::compute_whole(const Question& question, std::uint64_t salt) {
    poison(io_->bytes(), DType::u8, salt);
    return call_whole(question);
}

std::span<const std::byte> Oracle::wanted(std::size_t arg, int which, const DimMap& dims) const {
    const Slot& slot = which == 0 ? layout_.want0[arg] : layout_.want1[arg];
    if (slot.stride == 0) {
        return {};
    }
    const std::int64_t elements = element_count(task_->args[arg], dims).value();
    return view(io_, slot, reference_bytes(task_->args[arg], elements, which));
}

Result<void> Oracle::call_whole(const Question& question) {
    std::vector<std::uint64_t> pointers = input_pointers(question);
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        if (layout_.want0[i].stride > 0) {
            pointers.push_back(layout_.want0[i].address);
        }
        if (layout_.want1[i].stride > 0) {
            pointers.push_back(layout_.want1[i].address);
        }
    }
    return call(harness::function_reference, std::move(pointers), question);
}

Result<void> Oracle::compute_projection(const Question& question, SecretStream& secrets) {
    const auto arg = std::ranges::find(task_->args, task_->verify.arg, &Arg::name);
    KW_CHECK(arg != task_->args.end());
    const std::int64_t elements = element_count(*arg, question.dims).value();
    const std::int64_t last = arg->shape.back().eval(question.dims).value();
    draw_vector(*arg, view(io_, layout_.vector, last * 8), secrets);

    std::vector<std::uint64_t> pointers = input_pointers(question);
    std::vector<std::uint64_t> at = pointers;
    pointers.push_back(layout_.vector.address);
    pointers.push_back(layout_.projected.address);
    if (arg->check.tolerance == Tolerance::bound) {
        pointers.push_back(layout_.projected_magnitude.address);
    }
    KW_TRY(call(harness::function_reference_project, std::move(pointers), question));

    indices_ = choose_indices(elements, last, layers_.has(Layer::edges), secrets);
    std::memcpy(
        view(io_, layout_.indices, static_cast<std::int64_t>(indices_.size()) * 8).data(),
        indices_.data(),
        indices_.size() * 8);
    at.push_back(layout_.indices.address);
    at.push_back(indices_.size());
    at.push_back(layout_.at0.address);
    if (reference_bytes(*arg, 1, 1) > 0) {
        at.push_back(layout_.at1.address);
    }
    return call(harness::function_reference_at, std::move(at), question);
}

Result<OutputDiff> Oracle::compare_sampled(
    const Arg& arg, std::span<const std::byte> got, const DimMap& dims) const {
    const auto count = static_cast<std::int64_t>(indices_.size());
    KW_TRY_ASSIGN(
        OutputDiff diff,
        compare_at(
            arg,
            dims,
            got,
            indices_,
            view(io_, layout_.at0, reference_bytes(arg, count, 0)),
            view(io_, layout_.at1, reference_bytes(arg, count, 1))));
    if (!diff.equal || !layers_.has(Layer::projection)) {
        return diff;
    }
    const std::int64_t last = arg.shape.back().eval(dims).value();
    const std::int64_t rows = element_count(arg, dims).value() / last;
    return compare_projection(
        arg,
        dims,
        got,
        view(io_, layout_.vector, last * 8),
        view(io_, layout_.projected, rows * 8),
        view(io_, layout_.projected_magnitude, rows * 8));
}

Result<OutputDiff> Oracle::compare_whole(
    std::size_t arg,
    std::span<const std::byte> got,
    const DimMap& dims,
    std::span<const std::byte> poisoned) const {
    const Arg& spec = task_->args[arg];
    const std::int64_t elements = element_count(spec, dims).value();
    return compare_output(
        spec,
        dims,
        got,
        poisoned,
        view(io_, layout_.want0[arg], reference_bytes(spec, elements, 0)),
        view(io_, layout_.want1[arg], reference_bytes(spec, elements, 1)));
}

Result<Disagreement> Oracle::compare(
    const OutputOf& output, const Question& question, std::uint64_t poison_salt) const {
    Disagreement result;
    for (std::size_t i = 0; i < task_->args.size(); ++i) {
        const Arg& arg = task_->args[i];
        if (!compared(arg.role)) {
            continue;
        }
        const auto got = output(i);
        const bool sampled = projects(question.dims);
        KW_TRY_ASSIGN(
            OutputDiff diff,
            sampled ? compare_sampled(arg, got, question.dims)
                    : compare_whole(i, got, question.dims, {}));
        if (!diff.equal && !sampled && arg.role == Role::out) {
            // Only now is it worth knowing whether the element was written at all.
            std::vector<std::byte> poisoned(got.size());
            poison(poisoned, arg.dtype, poison_salt);
            KW_TRY_ASSIGN(diff, compare_whole(i, got, question.dims, poisoned));
        }
        result.elements += element_count(arg, question.dims).value();
        result.max_error = std::max(result.max_error, diff.max_error);
        if (!diff.equal) {
            result.verdict = verdict_of(diff);
            result.arg = i;
            result.diff = diff;
            return result;
        }
    }
    return result;
}

}  // namespace kw::cpu
