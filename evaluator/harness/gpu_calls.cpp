// SPDX-License-Identifier: Apache-2.0
// A timed call: flush, hold the stream, event, kernels, event; then the host lets go. So everything
// is queued before the first event passes, and what launching costs the host lies outside.
#include "evaluator/harness/gpu_worker.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

namespace kw::harness {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t k_longest_hold_ns = 2'000'000'000;
constexpr std::uint64_t k_most_launches = 4096;

// One thread that waits for a word in host memory to change, or for two seconds: should queueing
// itself wait for the device (the first launch of a kernel may), nothing hangs for good. Then the
// second word says so: launching lies inside the interval.
constexpr const char* k_hold_ptx = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry kw_hold(.param .u64 flag, .param .u64 most)
{
    .reg .pred %p<3>;
    .reg .b32 %r<2>;
    .reg .b64 %rd<6>;
    ld.param.u64 %rd1, [flag];
    ld.param.u64 %rd2, [most];
    mov.u64 %rd3, %globaltimer;
again:
    ld.volatile.global.u32 %r1, [%rd1];
    setp.ne.u32 %p1, %r1, 0;
    @%p1 bra done;
    mov.u64 %rd4, %globaltimer;
    sub.u64 %rd5, %rd4, %rd3;
    setp.lt.u64 %p2, %rd5, %rd2;
    @%p2 bra again;
    mov.u32 %r1, 1;
    st.volatile.global.u32 [%rd1+4], %r1;
done:
    ret;
}
)";

double ns_between(steady_clock::time_point from, steady_clock::time_point to) {
    return std::chrono::duration<double, std::nano>(to - from).count();
}

}  // namespace

bool GpuWorker::make_hold(Answer& answer) {
    cu::Module module = nullptr;
    void* flag = nullptr;
    if (!good(
            answer,
            "cuModuleLoadDataEx",
            cuda_.module_load(&module, k_hold_ptx, 0, nullptr, nullptr)) ||
        !good(answer, "cuModuleGetFunction", cuda_.module_function(&hold_, module, "kw_hold")) ||
        !good(
            answer,
            "cuMemHostAlloc",
            cuda_.host_allocate(&flag, 2 * sizeof(std::uint32_t), cu::k_host_portable_mapped)) ||
        !good(answer, "cuMemHostGetDevicePointer", cuda_.host_pointer(&hold_address_, flag, 0))) {
        return false;
    }
    hold_flag_ = static_cast<std::uint32_t*>(flag);
    return true;
}

cu::Function GpuWorker::function_of(const LaunchRecord& launch, Answer& answer) {
    const char* text = records<char>(launch.name_offset, launch.name_bytes);
    if (text == nullptr || module_ == nullptr) {
        refuse(answer, k_gpu_bad_order, "launch");
        return nullptr;
    }
    const std::string name(text, launch.name_bytes);
    cu::Function& function = functions_[name];
    if (function == nullptr) {
        const cu::Result result = cuda_.module_function(&function, module_, name.c_str());
        if (result == cu::k_not_found) {
            refuse(answer, k_gpu_no_kernel, name);
        }
        if (!good(answer, "cuModuleGetFunction", result)) {
            return nullptr;
        }
    }
    std::uint32_t& opted_in = opted_in_[name];
    // What a launch may have without asking is 48 KiB less the kernel's static shared memory.
    if (launch.smem > opted_in) {
        const cu::Result result = cuda_.function_set(
            function, cu::k_function_dynamic_smem, static_cast<int>(launch.smem));
        if (!good(answer, "cuFuncSetAttribute", result)) {
            return nullptr;
        }
        opted_in = launch.smem;
    }
    return function;
}

bool GpuWorker::launch(const LaunchRecord& record, Answer& answer) {
    if (record.is_matmul != 0) {
        const auto* spec = records<MatmulRecord>(record.parameter_offset, 1);
        std::string problem;
        if (spec == nullptr || !matmul_.run(*spec, stream_, problem)) {
            return refuse(answer, k_gpu_no_matmul, problem);
        }
        return true;
    }
    cu::Function function = function_of(record, answer);
    auto* parameters = records<std::byte>(record.parameter_offset, record.parameter_bytes);
    if (function == nullptr || parameters == nullptr) {
        return refuse(answer, k_gpu_bad_order, "launch");
    }
    std::array<cu::LaunchAttribute, 2> attributes{};
    std::uint32_t count = 0;
    if (record.cooperative != 0) {
        attributes[count].id = cu::k_attribute_cooperative;
        attributes[count++].value.cooperative = 1;
    }
    if (record.cluster[0] != 0) {
        attributes[count].id = cu::k_attribute_cluster;
        std::copy_n(record.cluster, 3, attributes[count++].value.cluster);
    }
    cu::LaunchConfig config{};
    std::copy_n(record.grid, 3, config.grid);
    std::copy_n(record.block, 3, config.block);
    config.smem = record.smem;
    config.stream = stream_;
    config.attributes = attributes.data();
    config.attribute_count = count;
    std::size_t bytes = record.parameter_bytes;
    // CU_LAUNCH_PARAM_BUFFER_POINTER 1, CU_LAUNCH_PARAM_BUFFER_SIZE 2, CU_LAUNCH_PARAM_END 0
    std::array<void*, 5> extra{
        reinterpret_cast<void*>(1), parameters, reinterpret_cast<void*>(2), &bytes, nullptr};
    return good(
        answer,
        "cuLaunchKernelEx",
        cuda_.launch(&config, function, nullptr, bytes == 0 ? nullptr : extra.data()));
}

bool GpuWorker::launch_all(std::uint64_t offset, std::uint64_t count, Answer& answer) {
    const auto* list = records<LaunchRecord>(offset, count);
    if (list == nullptr || count > k_most_launches) {
        return refuse(answer, k_gpu_bad_order, "launches");
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        if (!launch(list[i], answer)) {
            return false;
        }
    }
    return true;
}

/// The calls of a graph with an event before, between and after them: a call that did the work of
/// the others would be seen. Guards tests/exploits/gpu/super_batch.cu.
bool GpuWorker::launch_marked(const Order& order, Answer& answer) {
    if (order.calls < 1 || order.calls > k_gpu_most_calls || order.b % order.calls != 0) {
        return refuse(answer, k_gpu_bad_order, "calls");
    }
    const auto mark = [&](std::uint64_t i) {
        return good(
            answer,
            "cuEventRecordWithFlags",
            cuda_.event_record_with(marks_[i], stream_, cu::k_event_external));
    };
    const std::uint64_t each = order.b / order.calls;
    bool queued = mark(0);
    for (std::uint64_t i = 0; i < order.calls && queued; ++i) {
        queued = launch_all(order.a + i * each * sizeof(LaunchRecord), each, answer) && mark(i + 1);
    }
    return queued;
}

bool GpuWorker::read_marks(std::uint64_t calls, Answer& answer) {
    for (std::uint64_t i = 0; i < calls; ++i) {
        float ms = 0;
        if (!good(
                answer, "cuEventElapsedTime", cuda_.event_elapsed(&ms, marks_[i], marks_[i + 1]))) {
            return false;
        }
        answer.call_ns[i] = static_cast<double>(ms) * 1e6;
    }
    return true;
}

bool GpuWorker::capture(const Order& order, cu::GraphExec& graph, Answer& answer) {
    cu::Graph captured = nullptr;
    if (!good(
            answer,
            "cuStreamBeginCapture",
            cuda_.capture_begin(stream_, cu::k_capture_thread_local))) {
        return false;
    }
    const bool launched = launch_marked(order, answer);
    const bool ended =
        good(answer, "cuStreamEndCapture", cuda_.capture_end(stream_, &captured)) && launched;
    const bool made =
        ended &&
        good(answer, "cuGraphInstantiateWithFlags", cuda_.graph_instantiate(&graph, captured, 0)) &&
        good(answer, "cuGraphUpload", cuda_.graph_upload(graph, stream_));
    if (captured != nullptr) {
        (void)cuda_.graph_destroy(captured);
    }
    return made;
}

/// What is to be done before the clock runs, in the order of the stream.
bool GpuWorker::prepare(const Order& order, Answer& answer) {
    if (order.c > flush_bytes_) {
        if (flush_ != 0 && !good(answer, "cuMemFree", cuda_.release(flush_))) {
            return false;
        }
        flush_ = 0;
        if (!good(answer, "cuMemAlloc", cuda_.allocate(&flush_, order.c))) {
            return false;
        }
        flush_bytes_ = order.c;
    }
    if ((order.flags & gpu_reset) != 0) {
        (void)cuda_.reset_persisting_l2();  // refused where there is nothing to reset
    }
    return order.c == 0 ||
           good(answer, "cuMemsetD8Async", cuda_.fill(flush_, ++flush_value_, order.c, stream_));
}

bool GpuWorker::begin_hold(Answer& answer) {
    std::atomic_ref<std::uint32_t>(hold_flag_[0]).store(0);
    std::atomic_ref<std::uint32_t>(hold_flag_[1]).store(0);
    std::uint64_t most = k_longest_hold_ns;
    std::array<void*, 2> parameters{&hold_address_, &most};
    cu::LaunchConfig config{{1, 1, 1}, {1, 1, 1}, 0, stream_, nullptr, 0};
    return good(
               answer,
               "cuLaunchKernelEx",
               cuda_.launch(&config, hold_, parameters.data(), nullptr)) &&
           good(answer, "cuEventRecord", cuda_.event_record(begin_, stream_));
}

bool GpuWorker::finish(bool timed, Answer& answer) {
    const bool recorded =
        !timed || good(answer, "cuEventRecord", cuda_.event_record(end_, stream_));
    const auto released = steady_clock::now();
    std::atomic_ref<std::uint32_t>(hold_flag_[0]).store(1);  // whatever went wrong before
    const bool done =
        good(answer, "cuStreamSynchronize", cuda_.stream_synchronize(stream_)) && recorded;
    answer.host_ns = ns_between(released, steady_clock::now());
    float ms = 0;
    if (!done || !timed) {
        return done;
    }
    answer.a = std::atomic_ref<std::uint32_t>(hold_flag_[1]).load();
    const bool read = good(answer, "cuEventElapsedTime", cuda_.event_elapsed(&ms, begin_, end_));
    answer.event_ns = static_cast<double>(ms) * 1e6;
    return read;
}

void GpuWorker::call(const Order& order, Answer& answer) {
    const bool timed = (order.flags & gpu_timed) != 0;
    const bool null = order.what == GpuDo::null_call;
    cu::GraphExec graph = nullptr;
    if ((order.flags & gpu_graph) != 0 && !null && !capture(order, graph, answer)) {
        return;
    }
    bool queued = prepare(order, answer) && (!timed || begin_hold(answer));
    const std::uint64_t times = null ? 0 : std::clamp<std::uint64_t>(order.d, 1, 100'000);
    for (std::uint64_t i = 0; i < times && queued; ++i) {
        queued = graph != nullptr
                     ? good(answer, "cuGraphLaunch", cuda_.graph_launch(graph, stream_))
                     : launch_all(order.a, order.b, answer);
    }
    if (finish(timed && queued, answer) && queued && graph != nullptr) {
        read_marks(order.calls, answer);
    }
    if (graph != nullptr) {
        (void)cuda_.graph_exec_destroy(graph);
    }
}

}  // namespace kw::harness
