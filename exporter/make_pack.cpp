// SPDX-License-Identifier: Apache-2.0
#include "core/hash.hpp"
#include "core/text_file.hpp"
#include "exporter/export.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace kw::exporter {
namespace {

/// Rows of a task and device that are examined (judged, that is) before the rest is left alone.
constexpr std::size_t k_most_tries = 8;
constexpr std::size_t k_id_digits = 12;  // of a unit: collisions of shown ids are not for symbols

/// Names of a task that C (not C++, whose words the task reader refuses) or the pack has for
/// itself.
std::optional<std::string> taken_name(const Task& task) {
    // Words of C, macros and types of the headers that generated files include, and what Python may
    // not call an argument.
    constexpr auto k_taken = std::to_array<std::string_view>(
        {"restrict",  "NULL",    "unix",     "linux",       "EOF",         "offsetof",  "size_t",
         "ptrdiff_t", "wchar_t", "SIZE_MAX", "PTRDIFF_MAX", "PTRDIFF_MIN", "WCHAR_MAX", "WCHAR_MIN",
         "policy",    "packed",  "stream",   "workspace",   "operation",   "lambda",    "in",
         "is",        "def",     "del",      "elif",        "except",      "finally",   "from",
         "global",    "import",  "None",     "nonlocal",    "pass",        "raise",     "with",
         "yield",     "async",   "await",    "assert"});
    constexpr auto k_numbers = std::to_array<std::string_view>({"int", "uint", "INT", "UINT"});
    constexpr auto k_endings = std::to_array<std::string_view>({"_t", "_C", "_MAX", "_MIN"});
    const auto is_number = [&](const std::string& name) {  // int64_t, INT64_C, UINT8_MAX, ...
        return std::any_of(k_numbers.begin(), k_numbers.end(), [&](std::string_view prefix) {
            return name.starts_with(prefix) &&
                   name.find_first_of("0123456789_", prefix.size()) == prefix.size() &&
                   std::any_of(k_endings.begin(), k_endings.end(), [&](std::string_view ending) {
                       return name.ends_with(ending);
                   });
        });
    };
    const auto taken = [&](const std::string& name) {
        return name.starts_with("kwk_") || name.starts_with("KWK_") || name.starts_with("kw_") ||
               name.starts_with("KW_") || is_number(name) ||
               std::find(k_taken.begin(), k_taken.end(), name) != k_taken.end();
    };
    for (const Arg& arg : task.args) {
        if (taken(arg.name)) {
            return arg.name;
        }
    }
    for (const Dim& dim : task.dims) {
        if (taken(dim.name)) {
            return dim.name;
        }
    }
    // CMake's targets and Python's functions beside those of the operations.
    constexpr auto k_others = std::to_array<std::string_view>(
        {"kwk",
         "static",
         "shared",
         "objects",
         "isolated",
         "shim",
         "check_objects",
         "empty",
         "operations",
         "Array",
         "Error",
         "Packed"});
    const bool other = std::find(k_others.begin(), k_others.end(), task.name) != k_others.end();
    return other || taken(task.name) ? std::optional(task.name) : std::nullopt;
}

Candidate candidate_of(const CandidateRow& row) {
    Candidate candidate = make_candidate(row.task, row.source, row.isa, row.target, row.isa);
    candidate.hash = row.hash;
    return candidate;
}

std::string unit_id(const Candidate& candidate) {
    return "k" + candidate.hash.substr(0, k_id_digits);
}

class PackMaker {
public:
    PackMaker(const TaskFinder& find_task, Examiner& examiner, bool named)
        : find_task_(find_task)
        , examiner_(examiner)
        , named_(named) {}

    Result<void> add(StoredKernel kernel) {
        KW_TRY_ASSIGN(Operation * operation, operation_of(kernel.board.task));
        Place& place = places_[{kernel.board.task, kernel.board.device}];
        if (!named_ && (place.tries >= k_most_tries || !adds(place, kernel))) {
            return {};
        }
        if (operation->rows.size() >= k_most_rows) {
            skip(kernel, "the operation has " + std::to_string(k_most_rows) + " rows already");
            return {};
        }
        KW_TRY_ASSIGN(
            std::optional<Domain> domain, verified_domain(operation->task, kernel.judging.result));
        if (!domain) {
            skip(kernel, "its judging lists no case that it passed");
            return {};
        }
        ++place.tries;
        KW_TRY_ASSIGN(const std::optional<std::size_t> unit, unit_of(*operation, place, kernel));
        if (unit) {
            for (const std::string& level : levels_of(operation->units[*unit])) {
                place.covered.insert(level);
            }
            operation->rows.push_back({std::move(kernel), *unit, *std::move(domain)});
        }
        return {};
    }

    Result<Pack> done(std::string version, std::vector<Skipped> skipped) {
        std::erase_if(operations_, [](const Operation& each) { return each.rows.empty(); });
        skipped.insert(skipped.end(), skipped_.begin(), skipped_.end());
        if (operations_.empty()) {
            const std::string why =
                skipped.empty() ? "" : ": " + skipped.back().kernel + ": " + skipped.back().reason;
            return Error{Errc::no, "no kernel can be exported" + why, {}};
        }
        for (Operation& operation : operations_) {
            std::stable_sort(operation.rows.begin(), operation.rows.end(), ranks_before);
            KW_TRY(add_naive(operation));
        }
        std::sort(operations_.begin(), operations_.end(), [](const auto& a, const auto& b) {
            return a.task.name < b.task.name;
        });
        return Pack{std::move(version), std::move(operations_), std::move(skipped)};
    }

private:
    /// The board ranks within a device; here devices stand beside each other.
    static bool ranks_before(const Row& a, const Row& b) {
        const auto modelled = [](const Row& row) {
            return row.kernel.board.timing_kind == name(Provenance::modelled);
        };
        if (modelled(a) != modelled(b)) {
            return modelled(b);
        }
        return a.kernel.board.speedup.lo > b.kernel.board.speedup.lo;
    }

    /// What a task has for one device so far.
    struct Place {
        std::set<std::string> covered;  ///< instruction sets, architectures
        std::size_t tries = 0;
    };

    static std::vector<std::string> levels_of(const Unit& unit) {
        std::vector<std::string> levels;
        for (const CpuCode& code : unit.codes) {
            levels.push_back(code.level.name);
        }
        if (unit.cuda) {
            levels.push_back(unit.candidate.arch);
        }
        return levels;
    }

    /// Whether a worse row may run where the better ones do not.
    static bool adds(const Place& place, const StoredKernel& kernel) {
        if (kernel.candidate.target != "cpu") {
            return !place.covered.contains(kernel.candidate.isa);
        }
        const auto levels = levels_up_to(kernel.candidate.isa);
        return std::any_of(levels.begin(), levels.end(), [&](const IsaLevel& level) {
            return !place.covered.contains(level.name);
        });
    }

    void skip(const StoredKernel& kernel, std::string why) {
        skipped_.push_back(
            {short_id('k', kernel.board.candidate_hash), kernel.board.task, std::move(why)});
    }

    Result<Operation*> operation_of(const std::string& task) {
        for (Operation& operation : operations_) {
            if (operation.task.name == task) {
                return &operation;
            }
        }
        Operation operation;
        KW_TRY_ASSIGN(operation.task, find_task_(task));
        if (const auto name = taken_name(operation.task)) {
            return Error{
                Errc::config,
                "exporting task " + task + ": the name '" + *name + "' is the pack's own",
                "rename it in task.toml"};
        }
        KW_TRY_ASSIGN(operation.reference, read_text_file(operation.task.reference));
        operations_.push_back(std::move(operation));
        return &operations_.back();
    }

    Result<std::optional<std::size_t>> unit_of(
        Operation& operation, const Place& place, const StoredKernel& kernel) {
        const Candidate candidate = candidate_of(kernel.candidate);
        const std::string id = unit_id(candidate);
        for (std::size_t i = 0; i < operation.units.size(); ++i) {
            if (operation.units[i].candidate.hash == candidate.hash) {
                return std::optional(i);
            }
            if (operation.units[i].id == id) {
                skip(kernel, "its symbols would be those of another kernel (" + id + ")");
                return std::optional<std::size_t>();
            }
        }
        Unit unit{id, candidate, {}, {}, {}};
        KW_TRY(examine(operation.task, unit));
        if (unit.codes.empty() && !unit.cuda) {
            const std::string reason =
                unit.absent.empty() ? "no instruction set" : unit.absent.rbegin()->second;
            skipped_.push_back({short_id('k', candidate.hash), operation.task.name, reason});
            return std::optional<std::size_t>();
        }
        const auto levels = levels_of(unit);
        const bool new_level = std::any_of(levels.begin(), levels.end(), [&](const auto& level) {
            return !place.covered.contains(level);
        });
        if (!named_ && !new_level) {
            return std::optional<std::size_t>();  // it has no code that a better row lacks
        }
        operation.units.push_back(std::move(unit));
        return std::optional(operation.units.size() - 1);
    }

    Result<void> examine(const Task& task, Unit& unit) {
        if (unit.candidate.target != "cpu") {
            return build_cuda(task, unit);
        }
        for (const IsaLevel& level : levels_up_to(unit.candidate.isa)) {
            KW_TRY_ASSIGN(const Examination seen, examiner_.examine(task, unit.candidate, level));
            if (seen.refusal.empty()) {
                unit.codes.push_back({level, seen.checked, seen.keeps_state});
            } else {
                unit.absent[level.name] = seen.refusal;
            }
        }
        return {};
    }

    Result<void> build_cuda(const Task& task, Unit& unit) {
        CudaCode code;
        KW_TRY_ASSIGN(const std::string refusal, examiner_.build_cuda(task, unit.candidate, code));
        if (refusal.empty()) {
            unit.cuda = std::move(code);
        } else {
            unit.absent[unit.candidate.arch] = refusal;
        }
        return {};
    }

    /// Only kwk-selfcheck uses it, and only where it builds for x86-64-v3.
    Result<void> add_naive(Operation& operation) {
        const Task& task = operation.task;
        KW_TRY_ASSIGN(std::string source, read_text_file(task.baselines.front().file));
        const Candidate naive = make_candidate(task.name, source);
        const IsaLevel& v3 = isa_levels()[1];
        KW_TRY_ASSIGN(const Examination seen, examiner_.examine(task, naive, v3));
        operation.naive = seen.refusal.empty() ? std::move(source) : std::string();
        return {};
    }

    const TaskFinder& find_task_;
    Examiner& examiner_;
    bool named_;
    std::map<std::pair<std::string, std::string>, Place> places_;  ///< by task and device
    std::vector<Operation> operations_;
    std::vector<Skipped> skipped_;
};

}  // namespace

Result<Pack> make_pack(
    Selection selection,
    const TaskFinder& find_task,
    Examiner& examiner,
    const std::string& version) {
    PackMaker maker(find_task, examiner, selection.named);
    for (StoredKernel& kernel : selection.kernels) {
        KW_TRY(maker.add(std::move(kernel)));
    }
    return maker.done(version, std::move(selection.skipped));
}

}  // namespace kw::exporter
