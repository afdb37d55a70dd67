// SPDX-License-Identifier: Apache-2.0
#include "core/csprng.hpp"
#include "evaluator/compare.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

#include <algorithm>
#include <cstring>

namespace kw::test {

void require_projection_right(
    const TaskBench& bench, const DimMap& dims, const std::string& distribution) {
    const Task& task = bench.task();
    const auto found = std::find_if(task.args.begin(), task.args.end(), [&](const Arg& arg) {
        return arg.name == task.verify.arg;
    });
    REQUIRE(found != task.args.end());
    const Arg& arg = *found;
    const auto at = static_cast<std::size_t>(found - task.args.begin());
    Drawn drawn = bench.draw(dims, distribution, "projection");
    const std::int64_t columns = arg.shape.back().eval(dims).value();
    const std::int64_t elements = element_count(arg, dims).value();
    const std::int64_t rows = elements / columns;
    const bool exact = arg.check.tolerance == Tolerance::exact;

    Buffer r(static_cast<std::size_t>(columns) * 8);
    SecretStream stream(seed_from_text("projection"), "r");
    if (exact) {
        stream.fill(r.bytes());
    } else {
        for (std::int64_t i = 0; i < columns; ++i) {
            const double value = 2 * stream.uniform() - 1;
            std::memcpy(r.data() + 8 * i, &value, 8);
        }
    }
    Buffer projected(static_cast<std::size_t>(rows) * 8);
    Buffer magnitude(exact ? 0 : static_cast<std::size_t>(rows) * 8);
    std::vector<void*> pointers = reference_inputs(task, drawn);
    pointers.push_back(r.data());
    pointers.push_back(projected.data());
    if (!exact) {
        pointers.push_back(magnitude.data());
    }
    pointers.push_back(dims_pointer(drawn));
    entry_of(bench.reference(), "kw_reference_project")(pointers.data());
    CHECK(projected.guard_intact());
    CHECK(magnitude.guard_intact());

    // The naive kernel's output passes; with one element changed it does not.
    const Library naive = bench.build(bench.read("baselines/naive.cpp"));
    std::vector<void*> call;
    for (const Buffer& buffer : drawn.args) {
        call.push_back(buffer.data());
    }
    call.push_back(nullptr);
    call.push_back(dims_pointer(drawn));
    entry_of(naive, "kw_entry")(call.data());
    const auto got = drawn.args[at].bytes();
    const auto compare = [&] {
        const auto diff =
            compare_projection(arg, dims, got, r.bytes(), projected.bytes(), magnitude.bytes());
        REQUIRE(diff.ok());
        return diff->equal;
    };
    CHECK(compare());
    std::vector<std::int64_t> index = {0, columns - 1, elements / 2, elements - 1};
    std::vector<Buffer> picked;
    pointers = reference_inputs(task, drawn);
    const auto count = static_cast<std::int64_t>(index.size());
    pointers.push_back(index.data());
    pointers.push_back(reinterpret_cast<void*>(index.size()));  // by value
    for (int which = 0; which < 2; ++which) {
        picked.emplace_back(static_cast<std::size_t>(reference_bytes(arg, count, which)));
        if (!picked.back().bytes().empty()) {
            pointers.push_back(picked.back().data());
        }
    }
    pointers.push_back(dims_pointer(drawn));
    entry_of(bench.reference(), "kw_reference_at")(pointers.data());
    const auto some = compare_at(arg, dims, got, index, picked[0].bytes(), picked[1].bytes());
    REQUIRE(some.ok());
    CHECK(some->equal);
    const auto full = bench.check(naive, bench.draw(dims, distribution, "projection"));
    CHECK(full == "");

    const auto width = static_cast<std::size_t>(size_of(arg.dtype));
    got[(static_cast<std::size_t>(elements) / 2 + 1) * width - 1] ^= std::byte{0x40};
    CHECK_FALSE(compare());
}

}  // namespace kw::test
