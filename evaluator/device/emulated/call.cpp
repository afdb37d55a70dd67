// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/call.hpp"

#include "evaluator/device/emulated/tensor_maps.hpp"
#include "evaluator/fill.hpp"

#include <algorithm>

namespace kw::emulated {
namespace {

constexpr std::int64_t k_align = 256;

const char* access_of(Role role) {
    switch (role) {
        case Role::in:
        case Role::weight: return "in";
        case Role::inout: return "inout";
        case Role::out: return "out";
        case Role::workspace: break;
    }
    return "scratch";
}

void add_buffer(RunRequest& request, std::string name, std::int64_t bytes, const char* access) {
    const std::int64_t end =
        request.buffers.empty() ? 0 : request.buffers.back().offset + request.buffers.back().bytes;
    request.buffers.push_back(
        {std::move(name), (end + k_align - 1) / k_align * k_align, bytes, access});
}

/// Every buffer's place and address, and the tensor maps over them.
void place_buffers(
    const Task& task, const cuda::EvaluatedPlan& plan, PreparedCall& call, cuda::Addresses& out) {
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        add_buffer(
            call.request, task.args[i].name, call.argument_bytes[i], access_of(task.args[i].role));
    }
    for (const cuda::EvaluatedWorkspace& workspace : plan.workspaces) {
        add_buffer(call.request, workspace.name, workspace.bytes, "scratch");
    }
    for (std::size_t i = 0; i < call.request.buffers.size(); ++i) {
        out.buffers[call.request.buffers[i].name] = buffer_address(i);
    }
    for (const cuda::EvaluatedTensorMap& map : plan.tensormaps) {
        if (const auto made = tensor_map_of(map, out.buffers[map.base])) {
            out.tensormaps[map.name] = emu::encode(*made);
        } else {
            call.unsupported = true;
            call.refused = "tensor map " + map.name + ": interleave=" + map.interleave;
        }
    }
}

Result<void> add_launches(
    const cuda::BuildOutcome& built,
    const cuda::DeviceConstants& device,
    const cuda::Addresses& addresses,
    PreparedCall& call) {
    const std::vector<cuda::KernelSignature> kernels = cuda::signatures(built.ptx_facts);
    for (const cuda::EvaluatedLaunch& launch : call.launches) {
        const cuda::KernelSignature* kernel = cuda::find_kernel(kernels, launch.kernel);
        if (kernel == nullptr) {
            return Error{Errc::config, "there is no kernel " + launch.kernel, ""};
        }
        KW_TRY(cuda::check_launch(launch, *kernel, device));
        RunLaunch run;
        run.kernel = kernel->name;
        run.grid = launch.grid;
        run.block = launch.block;
        run.cluster =
            launch.cluster[0] == 0 ? std::array<std::uint32_t, 3>{1, 1, 1} : launch.cluster;
        run.smem = launch.smem;
        run.cooperative = launch.cooperative;
        KW_TRY_ASSIGN(run.parameters, cuda::parameter_block(launch, *kernel, addresses));
        call.request.launches.push_back(std::move(run));
        const auto resources =
            std::ranges::find(built.kernels, kernel->name, &cuda::KernelResources::name);
        call.registers.push_back(resources == built.kernels.end() ? 0 : resources->registers);
    }
    return {};
}

}  // namespace

cpu::Rejection refusal(const PreparedCall& call) {
    return call.unsupported ? cpu::Rejection{
                                  Verdict::compiled_only,
                                  "compiled only: the emulated device cannot run it",
                                  call.refused}
                            : cpu::Rejection{
                                  Verdict::forbidden,
                                  "the launch plan does not fit: " + call.refused,
                                  ""};
}

std::span<std::byte> PreparedCall::buffer(std::size_t index, std::int64_t shift) const {
    const RunBuffer& place = request.buffers[index];
    return memory->bytes().subspan(
        static_cast<std::size_t>(place.offset + shift), static_cast<std::size_t>(place.bytes));
}

Result<Content> content_of(
    const Task& task,
    const DimMap& dims,
    const cpu::Seat& seat,
    const cpu::Inputs& inputs,
    int placement) {
    Content content(task.args.size());
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const Arg& arg = task.args[i];
        if (arg.role == Role::in || arg.role == Role::inout) {
            content[i] = inputs.args[i];
        } else if (arg.role == Role::weight) {
            KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
            const cpu::Slot& slot = seat.layout.args[i];
            const auto view =
                seat.view(slot, 0, cpu::place(slot, bytes, placement, arg.role), bytes);
            content[i].assign(view.begin(), view.end());
        }
    }
    return content;
}

namespace {

void fill(
    const Task& task,
    const Content& content,
    std::uint64_t salt,
    std::int64_t shift,
    const PreparedCall& call) {
    for (std::size_t i = 0; i < call.request.buffers.size(); ++i) {
        const std::span<std::byte> place = call.buffer(i, shift);
        if (i < content.size() && !content[i].empty()) {
            std::ranges::copy(content[i], place.begin());
        } else {
            poison(place, i < task.args.size() ? task.args[i].dtype : DType::u8, salt);
        }
    }
}

}  // namespace

Result<PreparedCall> prepare_call(
    const Task& task,
    const DimMap& dims,
    const cuda::BuildOutcome& built,
    const cuda::DeviceConstants& device,
    const Content& content,
    std::uint64_t salt,
    std::optional<std::uint64_t> again_salt) {
    PreparedCall call;
    for (const Arg& arg : task.args) {
        KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
        call.argument_bytes.push_back(bytes);
    }
    KW_TRY_ASSIGN(const cuda::BufferSizes sizes, cuda::buffer_sizes(task, dims));
    const auto plan = cuda::evaluate(built.plan, dims, device, sizes);
    if (!plan) {
        call.refused = plan.error().what;
        return call;
    }
    call.launches = plan->launches;
    call.request.ptx = built.ptx;
    cuda::Addresses addresses;
    place_buffers(task, *plan, call, addresses);
    if (!call.refused.empty()) {
        return call;
    }
    if (const auto added = add_launches(built, device, addresses, call); !added) {
        call.refused = added.error().what;
        return call;
    }
    const RunBuffer& last = call.request.buffers.back();
    const std::int64_t bytes = last.offset + last.bytes;
    const std::int64_t shift = (bytes + k_align - 1) / k_align * k_align;
    KW_TRY_ASSIGN(
        call.memory,
        cpu::SharedMemory::create(
            "kw-emu", again_salt ? shift + bytes : bytes, cpu::FutureWrites::yes));
    fill(task, content, salt, 0, call);
    if (again_salt) {
        call.request.again = RunAgain{0, shift};
        fill(task, content, *again_salt, shift, call);
    }
    return call;
}

}  // namespace kw::emulated
