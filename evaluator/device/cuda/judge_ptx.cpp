// SPDX-License-Identifier: Apache-2.0
// What the launch plan and the task ask of the PTX.
#include "evaluator/device/cuda/build.hpp"

#include <algorithm>
#include <set>

namespace kw::cuda {
namespace {

/// Functions that every device has. Others keep state (a heap) or start kernels.
constexpr std::array<std::string_view, 2> k_known_externs{"vprintf", "__assertfail"};

class PtxJudge {
public:
    PtxJudge(const Task& task, const std::string& file, BuildOutcome& outcome)
        : task_(task)
        , file_(file)
        , outcome_(outcome) {}

    void run() {
        outcome_.ptx_facts = ptx_facts(outcome_.ptx);
        use_resources();
        if (!outcome_.ptx_facts.preprocessor_lines.empty()) {
            refuse("asm with a preprocessor directive or .include", "remove it\n");
            return;
        }
        if (!plan_fits() || !externs_known()) {
            return;
        }
        note_facts();
        for (const PtxKernel* kernel : launched_) {
            for (const auto& [name, count] : kernel->classes) {
                outcome_.facts.instruction_classes[name] += count;
            }
        }
        note("instruction-class", "info", show_classes(outcome_.facts.instruction_classes));
        classes_allowed();
    }

private:
    void note(const char* rule, const char* severity, std::string evidence) {
        outcome_.findings.push_back({rule, severity, "build", std::move(evidence)});
    }

    void refuse(std::string summary, std::string detail) {
        outcome_.verdict = Verdict::forbidden;
        outcome_.summary = std::move(summary);
        outcome_.detail = std::move(detail);
    }

    /// ptxas knows the shared memory of a kernel better than a sum of declarations.
    void use_resources() {
        for (PtxKernel& kernel : outcome_.ptx_facts.kernels) {
            for (const KernelResources& resources : outcome_.kernels) {
                if (resources.name == kernel.signature.name) {
                    kernel.signature.static_smem = resources.static_smem;
                }
            }
        }
    }

    bool plan_fits() {
        const auto kernels = signatures(outcome_.ptx_facts);
        const auto problems = check_against_kernels(outcome_.plan, kernels);
        if (!problems.empty()) {
            std::string detail;
            for (const PlanProblem& problem : problems) {
                detail += show(problem, file_) + "\n";
            }
            refuse(show(problems.front(), file_), std::move(detail));
            return false;
        }
        std::set<std::string> names;
        for (const Launch& launch : outcome_.plan.launches) {
            names.insert(find_kernel(kernels, launch.kernel)->name);
        }
        for (const PtxKernel& kernel : outcome_.ptx_facts.kernels) {
            if (names.erase(kernel.signature.name) > 0) {
                launched_.push_back(&kernel);
            }
        }
        return true;
    }

    bool externs_known() {
        for (const PtxKernel* kernel : launched_) {
            for (const std::string& name : kernel->externs) {
                if (std::find(k_known_externs.begin(), k_known_externs.end(), name) !=
                    k_known_externs.end()) {
                    continue;
                }
                refuse(
                    "kernel " + in_message(kernel->signature.name) + " calls " + in_message(name),
                    name == "malloc" || name == "free"
                        ? "no memory from the device's heap: ask for a //!workspace\n"
                        : "only functions of the file, printf and assert can be called\n");
                return false;
            }
        }
        return true;
    }

    void note_facts() {
        std::int64_t state = 0;
        for (const PtxVariable& variable : outcome_.ptx_facts.variables) {
            const bool kept =
                variable.space == "global" && !variable.external && !variable.initialised;
            state += kept ? variable.bytes : 0;
        }
        if (state > 0) {
            note(
                "device-state",
                "warning",
                std::to_string(state) + " bytes of __device__ variables; they are reset by reload");
        }
        for (const PtxKernel* kernel : launched_) {
            if (kernel->reads_clock) {
                note("clock", "warning", in_message(kernel->signature.name) + " reads a clock");
            }
        }
        for (const KernelResources& kernel : outcome_.kernels) {
            if (kernel.spill_store_bytes + kernel.spill_load_bytes > 0) {
                note(
                    "spills",
                    "info",
                    in_message(kernel.name) + " spills " +
                        std::to_string(kernel.spill_store_bytes) + " bytes to and reloads " +
                        std::to_string(kernel.spill_load_bytes) + " from local memory");
            }
        }
    }

    void classes_allowed() {
        const auto& used = outcome_.facts.instruction_classes;
        const auto uses = [&used](const std::string& name) {
            return used.contains(name);
        };
        const CudaRules& rules = task_.cuda;
        for (const std::string& name : rules.forbid) {
            if (uses(name)) {
                refuse(
                    "the kernels use " + name + ", which the task forbids",
                    "instruction classes used: " + show_classes(used) + "\n");
                return;
            }
        }
        if (!rules.require.empty() &&
            std::none_of(rules.require.begin(), rules.require.end(), uses)) {
            std::string wanted;
            for (const std::string& name : rules.require) {
                wanted += (wanted.empty() ? "" : ", ") + name;
            }
            refuse(
                "the kernels use none of the instructions that the task demands",
                "demanded, one of: " + wanted +
                    "\ninstruction classes used: " + show_classes(used) + "\n");
        }
    }

    const Task& task_;
    const std::string& file_;
    BuildOutcome& outcome_;
    std::vector<const PtxKernel*> launched_;
};

}  // namespace

void judge_ptx(const Task& task, const std::string& file_name, BuildOutcome& outcome) {
    outcome.facts.instruction_classes.clear();
    PtxJudge(task, file_name, outcome).run();
}

}  // namespace kw::cuda
