// SPDX-License-Identifier: Apache-2.0
// Builds a task folder's sources with plain g++ and runs them in this process on the task's own
// small cases, compared as the judge compares. Without sandbox: the sources are ours.
#pragma once

#include "core/task.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kw::test {

/// A built shared object: candidate, baseline or reference (entry points as in
/// evaluator/device/cpu/build.hpp). Never unloaded: a peer's thread pool runs the library's code.
class Library {
public:
    explicit Library(const std::filesystem::path& file);
    /// Address of a symbol; null when absent.
    [[nodiscard]] void* symbol(const char* name) const;

private:
    void* handle_ = nullptr;
};

/// 64-byte aligned bytes with a guard zone behind them.
class Buffer {
public:
    explicit Buffer(std::size_t bytes = 0);
    [[nodiscard]] std::byte* data() const;
    [[nodiscard]] std::span<std::byte> bytes() const { return {data(), size_}; }
    [[nodiscard]] bool guard_intact() const;

private:
    std::unique_ptr<std::byte[]> storage_;
    std::size_t size_ = 0;
};

/// Inputs of one case and what the reference says about them.
struct Drawn {
    DimMap dims;
    std::string distribution;
    std::vector<std::int64_t> ordered;           ///< dims in signature order
    std::vector<Buffer> args;                    ///< outputs hold poison
    std::vector<std::vector<Buffer>> reference;  ///< per argument: 0, 1 or 2 buffers
};

using Entry = void (*)(void* const*);
/// A `kw_...` entry point; fails the running test when it is absent.
[[nodiscard]] Entry entry_of(const Library& library, const char* name);
/// What an entry point takes first (the reference's inputs) and last (the dims).
[[nodiscard]] std::vector<void*> reference_inputs(const Task& task, const Drawn& drawn);
[[nodiscard]] void* dims_pointer(const Drawn& drawn);

class TaskBench {
public:
    /// Loads benchmarks/<name> and builds its reference; fails the running test when it cannot.
    explicit TaskBench(const std::string& name);
    ~TaskBench();

    [[nodiscard]] const Task& task() const { return task_; }
    [[nodiscard]] const Library& reference() const { return *reference_; }
    /// A source of the folder, e.g. "baselines/naive.cpp".
    [[nodiscard]] std::string read(const std::string& file) const;
    /// Compiles with the generated headers. `flags` e.g. "-march=native".
    [[nodiscard]] Library build(
        const std::string& source,
        const std::string& flags = "-march=x86-64-v3",
        const std::string& link = "") const;

    /// Inputs drawn as the judge draws them, reference results computed.
    [[nodiscard]] Drawn draw(
        const DimMap& dims, const std::string& distribution, const std::string& label) const;
    /// Arguments after a call on copies of `drawn`'s; `complaint`: what is wrong with it besides
    /// values.
    [[nodiscard]] std::vector<Buffer> run(
        const Library& library, const Drawn& drawn, std::string& complaint) const;
    /// "" = every output is right; else which one is wrong and how.
    [[nodiscard]] std::string check(const Library& library, const Drawn& drawn) const;
    /// The same for arguments that were computed elsewhere: `after` holds all of them.
    [[nodiscard]] std::string check(
        const Drawn& drawn, const std::vector<std::span<std::byte>>& after) const;
    /// Runs every untimed case and some hidden shapes; the first complaint, "" when there is none.
    [[nodiscard]] std::string first_complaint(const Library& library) const;
    /// These cases by name, drawn once.
    [[nodiscard]] const std::vector<std::pair<std::string, Drawn>>& cases() const;

private:
    Task task_;
    std::filesystem::path work_;
    std::unique_ptr<Library> reference_;
    mutable int built_ = 0;
    mutable std::vector<std::pair<std::string, Drawn>> cases_;  ///< drawn once
};

/// A deliberate fault in a source of the folder.
struct Fault {
    std::string what;
    std::string find;  ///< must occur
    std::string replace;
    std::string suite = "";  ///< which of k_suite_faults it stands for; "" = none
};
/// `text` with the first `find`, which must occur, replaced.
[[nodiscard]] std::string replaced(
    const std::string& text, const std::string& find, const std::string& with);
/// A seed at points of its `//!tune` parameters that together use every value of every parameter,
/// the defaults last.
[[nodiscard]] std::vector<std::string> tuned_sources(const std::string& seed);
/// Packed weights of the timed shapes must stay below the task's cap.
void check_packing(const Task& task, const Library& library);
/// Every baseline must be right; one whose library is absent is skipped. For tasks that have what
/// tests/integration/task_check does not reach: a library, packed weights at the timed shapes.
void require_baselines_right(const TaskBench& bench);
/// <task>_reference_project and _at must agree with <task>_reference.
void require_projection_right(
    const TaskBench& bench, const DimMap& dims, const std::string& distribution);

}  // namespace kw::test
