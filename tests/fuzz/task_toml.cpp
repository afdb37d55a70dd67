// SPDX-License-Identifier: Apache-2.0
// A task file from somebody else, in a folder with the sources that it may name.
#include "core/task_file.hpp"
#include "tests/fuzz/folder.hpp"
#include "tests/fuzz/target.hpp"

namespace kw::fuzz {
namespace {

constexpr std::int64_t k_most_bytes = std::int64_t{1} << 62;

void use(const Task& task) {
    KW_CHECK(!task.name.empty() && task.hash.size() == 64);
    for (const Case& one : task.cases) {
        KW_CHECK(!show_dims(task, one.dims).empty() || task.dims.empty());
        KW_CHECK(ordered_dims(task, one.dims).size() == task.dims.size());
        (void)fits_emulated(task, one.dims);
        (void)task.cost.flop.eval(one.dims);
        for (const Arg& arg : task.args) {
            const auto bytes = byte_size(arg, one.dims);
            KW_CHECK(!bytes || (*bytes >= 0 && *bytes < k_most_bytes));
            (void)fill_of(task, arg, one.distribution);
        }
    }
}

}  // namespace

void task_toml(std::string_view bytes) {
    static const Folder folder;
    static const bool made = [] {
        for (const char* source :
             {"reference.cpp", "seed.cpp", "baselines/naive.cpp", "cuda/naive.cu"}) {
            folder.write(source, "// a source\n");
        }
        return true;
    }();
    KW_CHECK(made);
    folder.write("task.toml", bytes);
    const auto task = load_task(folder.path);
    if (task) {
        use(*task);
    } else {
        KW_CHECK(!task.error().what.empty());
    }
}

}  // namespace kw::fuzz
