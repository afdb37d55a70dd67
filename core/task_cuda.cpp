// SPDX-License-Identifier: Apache-2.0
// [cuda] of task.toml: instruction classes that a CUDA candidate must or must not use, its seed and
// its baselines; and which cases the emulated device takes.
#include "core/task_parts.hpp"

#include <algorithm>
#include <array>

namespace kw {
namespace {

constexpr std::size_t k_max_classes = 64;

bool contains(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

std::vector<std::string> read_classes(TableReader& reader, const char* key, Mistakes& notes) {
    std::vector<std::string> classes = reader.texts(key, k_max_classes);
    for (std::size_t i = 0; i < classes.size(); ++i) {
        if (!contains(cuda_class_names(), classes[i])) {
            notes.add(
                reader.place_of(key),
                std::string(key) + ": unknown instruction class " + in_quotes(classes[i]),
                suggestion(classes[i], cuda_class_names(), "see docs/tasks.md"));
        } else if (
            std::find(
                classes.begin(), classes.begin() + static_cast<std::ptrdiff_t>(i), classes[i]) !=
            classes.begin() + static_cast<std::ptrdiff_t>(i)) {
            notes.add(
                reader.place_of(key),
                std::string(key) + ": " + in_quotes(classes[i]) + " is named twice");
        }
    }
    return classes;
}

/// A CUDA file says its architecture itself. What it may link is the vendor's matrix product, which
/// only a GPU has.
Baseline read_cuda_baseline(
    const TomlValue& entry, std::set<std::string>& taken, TaskParts& parts) {
    TableReader table(entry, "[[cuda.baselines]]", parts.mistakes);
    Baseline baseline = read_baseline_source(table, taken, parts);
    baseline.link = table.texts("link", 1);
    table.finish();
    const bool first = parts.task.cuda.baselines.empty();
    if (!baseline.link.empty() && (first || baseline.link.front() != "cublasLt")) {
        parts.mistakes.add(
            entry.place,
            first ? "the first baseline is the naive one: it may need no library"
                  : "a CUDA baseline may link cublasLt, and nothing else");
    }
    return baseline;
}

void read_cuda_sources(TableReader& reader, TaskParts& parts) {
    CudaRules& cuda = parts.task.cuda;
    cuda.seed = take_source(reader.text("seed"), reader.place_of("seed"), parts);
    std::set<std::string> taken;
    for (const TomlValue* entry : reader.tables("baselines", Need::required, k_max_baselines)) {
        cuda.baselines.push_back(read_cuda_baseline(*entry, taken, parts));
    }
}

/// What is left for the emulated device must be enough to judge with: the probe, to check, and a
/// timed shape, to model.
void check_emulated_cases(Place place, TaskParts& parts) {
    bool modelled = false;
    for (const Case& item : parts.task.cases) {
        modelled = modelled || (item.timed && item.emulated);
        if (item.probe && !item.emulated) {
            parts.mistakes.add(
                place,
                "the probe " + in_quotes(item.name) + " is not for the emulated device",
                "choose a smaller probe (cost.flop at most " + std::to_string(k_emulated_flop) +
                    ") or say emulated = true");
        }
    }
    if (!modelled) {
        parts.mistakes.add(
            place,
            "no timed case for the emulated device",
            "leave at least one timed case without emulated = false");
    }
}

}  // namespace

const std::vector<std::string>& cuda_class_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list{
            "dp4a", "dp2a", "fma.f16", "fma.f16x2", "fma.bf16", "fma.bf16x2"};
        for (const char* type :
             {"f16",
              "bf16",
              "tf32",
              "f64",
              "s8",
              "u8",
              "s4",
              "u4",
              "b1",
              "e4m3",
              "e5m2",
              "e2m3",
              "e3m2",
              "e2m1"}) {
            list.push_back(std::string("mma.") + type);
            list.push_back(std::string("wgmma.") + type);
        }
        for (const char* kind :
             {"f16", "tf32", "f8f6f4", "i8", "mxf8f6f4", "mxf4", "mxf4nvf4", "other"}) {
            list.push_back(std::string("tcgen05.") + kind);
        }
        std::sort(list.begin(), list.end());
        return list;
    }();
    return names;
}

void read_cuda(TableReader& root, TaskParts& parts) {
    const TomlValue* section = root.find_kind("cuda", TomlValue::Kind::table);
    if (section == nullptr) {
        if (has_target(parts.task, "cuda")) {
            parts.mistakes.add(
                root.place_of("targets"),
                "target cuda without [[cuda.baselines]]",
                "give at least one: a name and a file, see docs/tasks.md");
        }
        return;
    }
    Mistakes& notes = parts.mistakes;
    if (!has_target(parts.task, "cuda")) {
        notes.add(section->place, "[cuda] in a task whose targets lack cuda");
        return;
    }
    TableReader reader(*section, "[cuda]", notes);
    CudaRules& rules = parts.task.cuda;
    rules.require = read_classes(reader, "require", notes);
    rules.forbid = read_classes(reader, "forbid", notes);
    read_cuda_sources(reader, parts);
    reader.finish();
    check_emulated_cases(root.place_of("cases"), parts);
    for (const std::string& name : rules.require) {
        if (contains(rules.forbid, name)) {
            notes.add(
                reader.place_of("forbid"),
                "the instruction class " + in_quotes(name) + " is demanded and forbidden");
        }
    }
}

}  // namespace kw
