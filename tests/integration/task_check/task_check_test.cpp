// SPDX-License-Identifier: Apache-2.0
#include "evaluator/task_check.hpp"

#include "core/task_file.hpp"
#include "evaluator/device/cpu/reference_calls.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <filesystem>

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;

namespace {

EvaluatorConfig config() {
    EvaluatorConfig config;
    config.cache_dir = fs::path(KW_BINARY_DIR) / "test-cache";
    config.harness_dir = fs::path(KW_BINARY_DIR) / "bin";
    return config;
}

Task load(const fs::path& folder) {
    auto task = load_task(folder);
    INFO((task.ok() ? "" : task.error().what));
    REQUIRE(task.ok());
    return std::move(*task);
}

template <class T>
T require(Result<T> result) {
    INFO((result.ok() ? "" : result.error().what));
    REQUIRE(result.ok());
    return std::move(result).value();
}

std::size_t count(
    const std::vector<ProbeAnswer>& answers, std::string_view probe, const std::string& subject) {
    return static_cast<std::size_t>(std::ranges::count_if(answers, [&](const ProbeAnswer& answer) {
        return answer.probe == probe && answer.subject == subject;
    }));
}

/// No failure, and an answer, if only "not applicable" with the reason, for every fault of every
/// argument.
void require_sound(const std::string& name) {
    const Task task = load(fs::path(KW_SOURCE_DIR) / "benchmarks" / name);
    const auto device = require(open_cpu_device(config()));
    const auto answers = require(check_task(*device, task, config(), JudgeOptions{}, false));
    for (const ProbeAnswer& answer : answers) {
        INFO(name << ": " << answer.probe << " " << answer.subject << ": " << answer.text);
        CHECK(answer.state != ProbeState::fails);
        CHECK_FALSE(answer.text.empty());
    }
    for (const ArgPart& part : input_parts(task)) {
        for (const InputFault fault : input_faults()) {
            INFO(name << ": " << kw::name(fault) << " of " << part.name);
            CHECK(count(answers, kw::name(fault), part.name) == 1);
        }
    }
    for (const Arg& arg : task.args) {
        for (const OutputFault fault : output_faults()) {
            INFO(name << ": " << kw::name(fault) << " of " << arg.name);
            CHECK(count(answers, kw::name(fault), arg.name) == (is_written(arg) ? 1U : 0U));
        }
    }
}

std::vector<ProbeAnswer> probed(const Task& task) {
    const auto cases = probe_cases(task, "cpu");
    const auto calls = require(cpu::start_references(config(), task, cases, 2));
    return require(probe_task(task, cases, calls[0], calls[1], seed_from_text("degenerate tasks")));
}

/// A scale_add that may be changed.
fs::path scale_add_in(const Folder& folder) {
    fs::path task = folder / "scale_add";
    fs::copy(
        fs::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add",
        task,
        fs::copy_options::recursive);
    return task;
}

/// scale_add with another element of its reference.
std::vector<ProbeAnswer> answers_of_reference(const std::string& element) {
    const Folder folder;
    const fs::path task_folder = scale_add_in(folder);
    write_file(
        task_folder / "reference.cpp",
        "#include \"scale_add_reference.h\"\n#include <cmath>\n"
        "static double calls = 0;\n"
        "void scale_add_reference(const float* w, const float* x, double* y_ref, double* y_mag,\n"
        "                         int64_t N) {\n"
        "    ++calls;\n    (void)w;\n    (void)x;\n"
        "    for (int64_t i = 0; i < N; ++i) {\n        " +
            element + "\n        y_mag[i] = std::fabs(y_ref[i]) + 1;\n    }\n}\n");
    return probed(load(task_folder));
}

/// What scale_add's check says of a baseline that links `library` and computes `element`.
ProbeAnswer answer_of_peer(const std::string& library, const std::string& element) {
    const Folder folder;
    const fs::path task = scale_add_in(folder);
    std::string naive = read_file(task / "baselines/naive.cpp");
    const std::string honest = "w[i] * x[i] + 1.0f";
    const std::size_t at = naive.find(honest);
    REQUIRE(at != std::string::npos);
    write_file(task / "baselines/peer.cpp", naive.replace(at, honest.size(), element));
    const std::string toml = read_file(task / "task.toml");
    write_file(
        task / "task.toml",
        toml + "\n[[baselines]]\nname = \"peer\"\nfile = \"baselines/peer.cpp\"\nlink = [\"" +
            library + "\"]\ntrusted_peer = true\n");
    const auto device = require(open_cpu_device(config()));
    const auto answers = require(check_task(*device, load(task), config(), JudgeOptions{}, true));
    const auto found = std::ranges::find(answers, "peer", &ProbeAnswer::subject);
    REQUIRE(found != answers.end());
    CHECK(found->probe == "baseline is right");
    return *found;
}

bool fails(const std::vector<ProbeAnswer>& answers, const std::string& probe) {
    return std::ranges::any_of(answers, [&](const ProbeAnswer& answer) {
        return answer.probe == probe && answer.state == ProbeState::fails;
    });
}

}  // namespace

TEST_CASE("task check: w4a16_gemv is sound") {
    require_sound("w4a16_gemv");
}
TEST_CASE("task check: q4_0_gemv is sound") {
    require_sound("q4_0_gemv");
}
TEST_CASE("task check: w2a8_gemm is sound") {
    require_sound("w2a8_gemm");
}
TEST_CASE("task check: w8a8_gemm is sound") {
    require_sound("w8a8_gemm");
}
TEST_CASE("task check: nf4_codec is sound") {
    require_sound("nf4_codec");
}
TEST_CASE("task check: mxfp4_nvfp4_codec is sound") {
    require_sound("mxfp4_nvfp4_codec");
}
TEST_CASE("task check: int4_kv_attention is sound") {
    require_sound("int4_kv_attention");
}
TEST_CASE("task check: rmsnorm_quant is sound") {
    require_sound("rmsnorm_quant");
}

TEST_CASE("task check: degenerate references are refused in the sandbox as in a test") {
    const auto steady = answers_of_reference("y_ref[i] = double(w[i]) * double(x[i]) + 1;");
    CHECK(std::ranges::count(steady, ProbeState::fails, &ProbeAnswer::state) == 0);
    const auto remembers =
        answers_of_reference("y_ref[i] = double(w[i]) * double(x[i]) + 1 + 1e-13 * calls;");
    CHECK(fails(remembers, "reference deterministic"));
    const auto unwritten =
        answers_of_reference("if (i != 5) y_ref[i] = double(w[i]) * double(x[i]) + 1;");
    CHECK(fails(unwritten, "reference deterministic"));
    const auto dies = answers_of_reference(
        "if (w[i] == 0) __builtin_trap();\n        y_ref[i] = double(w[i]) * double(x[i]) + 1;");
    CHECK(std::ranges::count(dies, ProbeState::fails, &ProbeAnswer::state) == 0);
    CHECK(count(dies, "input taken as zero", "w") == 1);
    const auto constant = answers_of_reference("y_ref[i] = 1;");
    CHECK(fails(constant, "output constant"));
    CHECK(fails(constant, "input not read"));
}

TEST_CASE("task check: a library's baseline is compared though it is no candidate") {
    CHECK(answer_of_peer("m", "w[i] * x[i] + 1.0f").state == ProbeState::holds);
    const ProbeAnswer wrong =
        answer_of_peer("m", "w[i] * x[i] + (N == 1023 && i > 7 ? 2.0f : 1.0f)");
    INFO(wrong.text);
    CHECK(wrong.state == ProbeState::fails);
    CHECK(wrong.text.find("WA wrong result: case ragged (N=1023): y[8]") == 0);
    const ProbeAnswer absent = answer_of_peer("kw_no_such_library", "w[i] * x[i] + 1.0f");
    CHECK(absent.state == ProbeState::not_applicable);
    CHECK(absent.text == "its library is not here");
}

TEST_CASE("task check: a shipped task made sloppy is refused") {
    const Task task = load(fs::path(KW_SOURCE_DIR) / "benchmarks/w4a16_gemv");
    Task wide = task;
    wide.args.back().check.c = 1e5;
    CHECK(fails(probed(wide), "sums in half precision"));
    Task rough = task;
    rough.args.back().check.u_op = 1;
    CHECK(fails(probed(rough), "output zero"));
    Task even = task;
    even.args[1].fill = {"constant", {{"value", 0.01}}, {}};
    for (auto& [name, fills] : even.distributions) {
        fills.erase("s");
    }
    CHECK(fails(probed(even), "input not read"));
    Task silent = task;
    std::erase_if(silent.cases, [](const Case& entry) { return entry.name != "zero-x"; });
    const auto answers = probed(silent);
    CHECK(fails(answers, "output zero"));
    CHECK(fails(answers, "input not read"));
    Task short_rows = task;
    std::erase_if(short_rows.cases, [](const Case& entry) { return entry.name != "one-hot"; });
    CHECK(fails(probed(short_rows), "end of every row dropped"));
}

TEST_CASE("task check: CUDA sources are judged on the emulated device and a wrong one is refused") {
    const auto device = open_device("emulated:sm_90a", config());
    if (!device.ok()) {
        REQUIRE(device.error().code == Errc::environment);
        WARN("not tested: " << device.error().what);
        return;
    }
    const Folder folder;
    const fs::path task_folder = scale_add_in(folder);
    std::string seed = read_file(task_folder / "cuda/seed.cu");
    seed.replace(seed.find("if (i < N)"), 10, "if (i < N - 1)");
    write_file(task_folder / "cuda/seed.cu", seed);
    const Task task = load(task_folder);
    const auto answers = require(check_task(**device, task, config(), JudgeOptions{}, false));
    for (const ProbeAnswer& answer : answers) {
        INFO(answer.probe << " " << answer.subject << ": " << answer.text);
        CHECK((answer.state == ProbeState::fails) == (answer.probe == "seed is right"));
    }
    CHECK(count(answers, "baseline is right", "naive") == 1);
    CHECK(count(answers, "empty kernel rejected", "does nothing") == 1);
    CHECK(count(answers, "empty kernel rejected", "writes zeros") == 1);
    CHECK(count(answers, "output zero", "y") == 1);
}

TEST_CASE("task check: the verdict decides what a trial shows") {
    const Task task = load(fs::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add");
    Evaluation wrong;
    wrong.verdict = Verdict::wrong_result;
    const TaskTrial baseline{"baseline is right", "naive", "", true};
    CHECK(answer_of(baseline, wrong, task).state == ProbeState::fails);
    const TaskTrial empty{"empty kernel rejected", "writes zeros", "", false};
    CHECK(answer_of(empty, wrong, task).state == ProbeState::holds);
    Evaluation crashed;
    crashed.verdict = Verdict::runtime_error;
    CHECK(answer_of(empty, crashed, task).state == ProbeState::fails);
    Evaluation accepted;
    accepted.verdict = Verdict::accepted;
    CHECK(answer_of(empty, accepted, task).state == ProbeState::fails);
    CHECK(answer_of(baseline, accepted, task).state == ProbeState::holds);
}
