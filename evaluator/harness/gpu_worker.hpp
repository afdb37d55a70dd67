// SPDX-License-Identifier: Apache-2.0
// One context on one GPU, and what an order of the judge does in it. Every failure is an Answer;
// nothing here decides whether it was the candidate's.
#pragma once

#include "evaluator/harness/cuda_driver.hpp"
#include "evaluator/harness/gpu_matmul.hpp"
#include "evaluator/harness/gpu_protocol.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace kw::harness {

class GpuWorker {
public:
    GpuWorker(std::string driver, std::string matmul, std::span<std::byte> transfer)
        : driver_path_(std::move(driver))
        , matmul_path_(std::move(matmul))
        , transfer_(transfer) {}

    Answer obey(const Order& order);

private:
    // gpu_worker.cpp
    void load_driver(Answer& answer);
    void count(Answer& answer);
    void describe(int ordinal, Answer& answer);
    void open(const Order& order, Answer& answer);
    void load(const Order& order, Answer& answer);
    bool load_image(const Order& order, bool cubin, Answer& answer);
    void copy(const Order& order, Answer& answer);
    void tensormap(const Order& order, Answer& answer);
    // gpu_calls.cpp
    bool make_hold(Answer& answer);
    cu::Function function_of(const LaunchRecord& launch, Answer& answer);
    bool launch(const LaunchRecord& record, Answer& answer);
    bool launch_all(std::uint64_t offset, std::uint64_t count, Answer& answer);
    bool capture(const Order& order, cu::GraphExec& graph, Answer& answer);
    bool launch_marked(const Order& order, Answer& answer);
    bool read_marks(std::uint64_t calls, Answer& answer);
    bool prepare(const Order& order, Answer& answer);
    bool begin_hold(Answer& answer);
    bool finish(bool timed, Answer& answer);
    void call(const Order& order, Answer& answer);

    /// Files the first error. True when there was none.
    static bool good(Answer& answer, const char* function, cu::Result result);
    static bool refuse(Answer& answer, std::int32_t error, const std::string& text);
    void name_error(Answer& answer) const;
    /// `count` records at an offset of the transfer memory, or null.
    template <class T>
    T* records(std::uint64_t offset, std::uint64_t count) {
        const bool fits = offset % alignof(T) == 0 && offset <= transfer_.size() &&
                          count <= (transfer_.size() - offset) / sizeof(T);
        return fits ? reinterpret_cast<T*>(transfer_.data() + offset) : nullptr;
    }

    std::string driver_path_;
    std::string matmul_path_;
    std::span<std::byte> transfer_;
    cu::Driver cuda_;
    bool loaded_ = false;
    cu::Context context_ = nullptr;
    cu::Stream stream_ = nullptr;
    cu::Event begin_ = nullptr, end_ = nullptr;
    std::array<cu::Event, k_gpu_most_calls + 1> marks_{};  ///< before, between and after calls
    cu::Module module_ = nullptr;
    std::map<std::string, cu::Function> functions_;
    std::map<std::string, std::uint32_t> opted_in_;  ///< dynamic shared memory, by function
    cu::Function hold_ = nullptr;
    std::uint32_t* hold_flag_ = nullptr;  ///< host memory that the device sees: go on, gave up
    cu::Pointer hold_address_ = 0;
    cu::Pointer flush_ = 0;
    std::uint64_t flush_bytes_ = 0;
    std::uint8_t flush_value_ = 0;
    Matmul matmul_;
};

}  // namespace kw::harness
