// SPDX-License-Identifier: Apache-2.0
// Degenerate tasks are refused, each by the probe made for it; the reference is a function of the
// test.
#include "evaluator/task_probes.hpp"

#include "core/task_file.hpp"
#include "evaluator/fill.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

using namespace kw;

namespace {

/// y = w * x + 1 in f32, N elements, with three untimed cases.
Task small_task() {
    auto task = load_task(std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add");
    REQUIRE(task.ok());
    return std::move(*task);
}

using Element =
    std::function<double(std::span<const float> w, std::span<const float> x, std::size_t)>;

std::span<const float> floats(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

/// A reference of scale_add's form; elements of which `element` says infinity are left unwritten.
ReferenceCall reference_of(const Element& element) {
    return [element, calls = 0](const DimMap& dims, const ArgumentBytes& inputs) mutable {
        const auto n = static_cast<std::size_t>(dims.at("N"));
        Wanted wanted{ArgumentBytes(3), ArgumentBytes(3)};
        for (ArgumentBytes* buffers : {&wanted.first, &wanted.second}) {
            (*buffers)[2].resize(8 * n);
            poison((*buffers)[2], DType::f64, static_cast<std::uint64_t>(++calls));
        }
        for (std::size_t i = 0; i < n; ++i) {
            const double value = element(floats(inputs[0]), floats(inputs[1]), i);
            const double magnitude = std::fabs(value) + 1;  // at least |w * x|
            if (!std::isinf(value)) {
                std::memcpy(wanted.first[2].data() + 8 * i, &value, 8);
                std::memcpy(wanted.second[2].data() + 8 * i, &magnitude, 8);
            }
        }
        return Result<Wanted>(std::move(wanted));
    };
}

double scale_add(std::span<const float> w, std::span<const float> x, std::size_t i) {
    return static_cast<double>(w[i]) * static_cast<double>(x[i]) + 1;
}

std::vector<ProbeAnswer> answers_of(const Task& task, const Element& element) {
    const ReferenceCall one = reference_of(element);
    const ReferenceCall other = reference_of(element);
    auto answers =
        probe_task(task, probe_cases(task, "cpu"), one, other, seed_from_text("task probes test"));
    INFO((answers.ok() ? "" : answers.error().what));
    REQUIRE(answers.ok());
    return std::move(*answers);
}

/// "probe: subject" of every failure.
std::set<std::string> failures(const Task& task, const Element& element) {
    std::set<std::string> failed;
    for (const ProbeAnswer& answer : answers_of(task, element)) {
        CHECK_FALSE(answer.text.empty());
        if (answer.state == ProbeState::fails) {
            failed.insert(answer.probe + (answer.subject.empty() ? "" : ": " + answer.subject));
        }
    }
    return failed;
}

}  // namespace

TEST_CASE("task_probes: a sound task has an answer for every fault and no failure") {
    const Task task = small_task();
    const std::vector<ProbeAnswer> answers = answers_of(task, scale_add);
    CHECK(failures(task, scale_add).empty());
    for (const InputFault fault : input_faults()) {
        for (const char* subject : {"w", "x"}) {
            INFO(name(fault) << " " << subject);
            CHECK(std::ranges::count_if(answers, [&](const ProbeAnswer& answer) {
                      return answer.probe == name(fault) && answer.subject == subject;
                  }) == 1);
        }
    }
    for (const OutputFault fault : output_faults()) {
        INFO(name(fault));
        CHECK(std::ranges::count(answers, name(fault), &ProbeAnswer::probe) == 1);
    }
}

TEST_CASE("task_probes: a constant output is refused") {
    const auto failed = failures(small_task(), [](auto, auto, std::size_t) { return 1.0; });
    CHECK(failed.contains("output constant: y"));
    CHECK(failed.contains("output of the call before: y"));
    CHECK(failed.contains("input not read: w"));
    CHECK(failed.contains("input not read: x"));
}

TEST_CASE("task_probes: an output that is zero in every case is refused") {
    const auto failed = failures(small_task(), [](auto, auto, std::size_t) { return 0.0; });
    CHECK(failed.contains("output zero: y"));
}

TEST_CASE("task_probes: an input that changes nothing is refused, and a copied one") {
    const auto failed =
        failures(small_task(), [](auto, auto x, std::size_t i) { return double{x[i]}; });
    CHECK(failed.contains("input not read: w"));
    CHECK(failed.contains("input taken as zero: w"));
    CHECK(failed.contains("output a copy of an input: y = x"));
    CHECK_FALSE(failed.contains("input not read: x"));
}

TEST_CASE("task_probes: an input with the same content in every draw is refused") {
    Task task = small_task();
    task.args[0].fill = {"constant", {{"value", 1.0}}, {}};
    CHECK(failures(task, scale_add).contains("input not read: w"));
}

TEST_CASE("task_probes: a reference that stops before the end is refused") {
    const auto failed = failures(small_task(), [](auto w, auto x, std::size_t i) {
        return i + 1 == w.size() ? 1.0 : scale_add(w, x, i);
    });
    CHECK(failed.contains("end of every row dropped: w"));
    CHECK(failed.contains("end of every row dropped: x"));
}

TEST_CASE("task_probes: a tolerance that lets zeros pass is refused") {
    Task task = small_task();
    task.args[2].check.tiny = 1e30;
    std::erase_if(task.cases, [](const Case& entry) { return entry.distribution == "special"; });
    const auto failed = failures(task, scale_add);
    CHECK(failed.contains("output zero: y"));
    CHECK(failed.contains("smaller half of the values zero: y"));
    CHECK(failed.contains("input not read: x"));
    CHECK(failed.contains("index off by one group: x"));
}

TEST_CASE("task_probes: a tolerance that lets half precision pass is refused") {
    Task task = small_task();
    task.args[2].check.c = 1e5;
    CHECK(
        failures(task, scale_add) == std::set<std::string>{
                                         "input in lower precision: w",
                                         "input in lower precision: x",
                                         "output in the next lower precision: y",
                                         "sums in half precision: y"});
}

TEST_CASE("task_probes: a tolerance that refuses the right value is refused") {
    Task task = small_task();
    task.args[2].check.u_out = 0;
    task.args[2].check.c = 0;
    task.args[2].check.tiny = 0;
    CHECK(failures(task, scale_add).contains("honest output accepted"));
}

TEST_CASE("task_probes: a reference that remembers or draws lots is refused") {
    const auto calls = std::make_shared<int>(0);
    const auto failed = failures(small_task(), [calls](auto w, auto x, std::size_t i) {
        return scale_add(w, x, i) + 1e-12 * ++*calls;
    });
    CHECK(failed.contains("reference deterministic"));
}

TEST_CASE("task_probes: a reference that leaves elements unwritten is refused") {
    const auto failed = failures(small_task(), [](auto w, auto x, std::size_t i) {
        return i == 3 ? INFINITY : scale_add(w, x, i);
    });
    CHECK(failed.contains("reference deterministic"));
}

TEST_CASE("task_probes: a reference that fails is an error and not an answer") {
    const Task task = small_task();
    const ReferenceCall broken = [](const DimMap&, const ArgumentBytes&) {
        return Result<Wanted>(Error{Errc::config, "running the reference: crashed", ""});
    };
    const auto answers = probe_task(
        task, probe_cases(task, "cpu"), broken, broken, seed_from_text("task probes test"));
    REQUIRE_FALSE(answers.ok());
    CHECK(answers.error().code == Errc::config);
}

TEST_CASE("task_probes: a fault that makes inputs unreadable is not asked, and the others are") {
    const Task task = small_task();
    const ReferenceCall right = reference_of(scale_add);
    const ReferenceCall picky = [&](const DimMap& dims, const ArgumentBytes& inputs) {
        const auto w = floats(inputs[0]);
        if (std::ranges::count(w, 0.0F) > 0) {
            return Result<Wanted>(Error{Errc::config, "running the reference: crashed", ""});
        }
        return right(dims, inputs);
    };
    const auto answers = probe_task(
        task, probe_cases(task, "cpu"), picky, picky, seed_from_text("task probes test"));
    REQUIRE(answers.ok());
    int unread = 0;
    for (const ProbeAnswer& answer : *answers) {
        INFO(answer.probe << " " << answer.subject << " " << answer.text);
        CHECK(answer.state != ProbeState::fails);
        unread += answer.text.find("cannot read such inputs") != std::string::npos ? 1 : 0;
    }
    CHECK(unread == 2);  // w as zero, the end of w
}

TEST_CASE("task_probes: a task of which every case is timed is refused") {
    Task task = small_task();
    for (Case& entry : task.cases) {
        entry.timed = true;
    }
    CHECK(failures(task, scale_add) == std::set<std::string>{"cases to probe"});
}

TEST_CASE("task_probes: the emulated device's cases are the small ones, cheapest first") {
    const auto loaded = load_task(std::filesystem::path(KW_SOURCE_DIR) / "benchmarks/w8a8_gemm");
    REQUIRE(loaded.ok());
    Task task = *loaded;
    task.cases[1].emulated = false;
    const auto cpu = probe_cases(task, "cpu");
    CHECK(probe_cases(task, "cuda").size() + 1 == cpu.size());
    CHECK(std::ranges::is_sorted(cpu, {}, [&](const Case& entry) {
        return task.cost.reference_flop.eval(entry.dims).value();
    }));
    CHECK(std::ranges::none_of(cpu, &Case::timed));
}

TEST_CASE("arg_part: fields of records are seen apart and faults stay inside their field") {
    const auto loaded = load_task(std::filesystem::path(KW_SOURCE_DIR) / "benchmarks/q4_0_gemv");
    REQUIRE(loaded.ok());
    const DimMap dims = {{"N", 3}, {"K", 64}};
    const auto parts = input_parts(*loaded);
    REQUIRE(parts.size() == 4);
    CHECK(parts[0].name == "w field 1 (f16)");
    CHECK_FALSE(parts[0].packed);
    CHECK(parts[1].packed);
    std::vector<std::byte> w(3 * 36);
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] = static_cast<std::byte>(i + 1);
    }
    const std::vector<std::byte> before = w;
    const PartView scales(parts[0], *loaded, dims, w);
    CHECK(scales.rows() == 3);
    CHECK(scales.columns() == 2);
    const PartView codes(parts[1], *loaded, dims, w);
    CHECK(codes.columns() == 32);
    plant(InputFault::swapped_nibbles, codes, codes, {});
    CHECK(w[2] == std::byte{0x30});
    CHECK(w[18] == before[18]);
    plant(InputFault::swapped_nibbles, codes, codes, {});
    plant(InputFault::next_column, scales, scales, {});
    CHECK(w[0] == before[18]);
    CHECK(w[18] == before[0]);
    CHECK(w[2] == before[2]);
    plant(InputFault::next_column, scales, scales, {});
    CHECK(w == before);
}

TEST_CASE("input_faults: an axis shorter than a record has room for no fault") {
    auto loaded = load_task(std::filesystem::path(KW_SOURCE_DIR) / "benchmarks/q4_0_gemv");
    REQUIRE(loaded.ok());
    const auto shape = DimExpr::parse("K / 32");
    REQUIRE(shape.ok());
    loaded->args[0].shape.back() = *shape;
    std::vector<std::byte> w(3 * 2, std::byte{0x5a});
    const std::vector<std::byte> before = w;
    for (const ArgPart& part : input_parts(*loaded)) {
        if (part.arg == 0) {
            const PartView view(part, *loaded, {{"N", 3}, {"K", 64}}, w);
            CHECK(view.columns() == 0);
            for (const InputFault fault : input_faults()) {
                plant(fault, view, view, {"outlier", {}, {}});
            }
        }
    }
    CHECK(w == before);
}

TEST_CASE("input_faults: faults that exchange undo themselves, and others leave the rest alone") {
    const Task task = small_task();
    const DimMap dims = {{"N", 64}};
    std::vector<std::byte> bytes(256);
    poison(bytes, DType::u8, 5);
    const std::vector<std::byte> before = bytes;
    ArgPart part = input_parts(task)[0];
    for (const DType dtype : {DType::u16, DType::u32, DType::u64}) {
        part.dtype = dtype;
        const PartView view(part, task, dims, bytes);
        plant(InputFault::reversed_bits, view, view, {});
        CHECK(bytes != before);
        plant(InputFault::reversed_bits, view, view, {});
        CHECK(bytes == before);
    }
    part.dtype = DType::u8;
    const PartView codes(part, task, dims, bytes);
    plant(InputFault::top_bit, codes, codes, {});
    CHECK(bytes != before);
    plant(InputFault::top_bit, codes, codes, {});
    CHECK(bytes == before);
    plant(InputFault::last_column, codes, codes, {});
    CHECK(bytes.back() == std::byte{0});
    CHECK(std::equal(bytes.begin(), bytes.end() - 1, before.begin()));
}

TEST_CASE("input_faults: operands are rounded to the next precision that the tolerance forbids") {
    Task task = small_task();
    const auto bits_at = [&](double u_op, DType dtype) {
        task.args[2].check.u_op = u_op;
        task.args[0].dtype = dtype;
        return input_parts(task)[0].rounded_bits;
    };
    CHECK(bits_at(0, DType::f16) == 8);
    CHECK(bits_at(0, DType::bf16) == 4);
    CHECK(bits_at(0x1p-11, DType::f32) == 8);
    CHECK(bits_at(0x1p-9, DType::f32) == 4);
    CHECK(bits_at(0x1p-4, DType::f32) == 2);
    CHECK(bits_at(0.5, DType::f32) == 0);
    CHECK(cannot_have(InputFault::rounded, input_parts(task)[0]).has_value());
}

TEST_CASE("input_faults: rounding keeps eight bits of significand and ties go to even") {
    const Task task = small_task();
    const ArgPart part = input_parts(task)[0];
    std::vector<float> values{1.0F, 1.00390625F, 1.01171875F, -3.1415927F, 0.0F, 1e-40F};
    const auto bytes = std::as_writable_bytes(std::span(values));
    const PartView view(part, task, {{"N", 6}}, bytes);
    plant(InputFault::rounded, view, view, {});
    CHECK(values == std::vector<float>{1.0F, 1.0F, 1.015625F, -3.140625F, 0.0F, values[5]});
    CHECK(values[5] != 0.0F);
}
