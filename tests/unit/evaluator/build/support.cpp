// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/build/support.hpp"

#include "tests/support/catch.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace kw::test {
namespace {

namespace fs = std::filesystem;

DimExpr expr(const char* text) {
    return DimExpr::parse(text).value();
}

Arg arg(const char* name, DType dtype, Role role, std::vector<DimExpr> shape, const char* layout) {
    Arg result;
    result.name = name;
    result.dtype = dtype;
    result.role = role;
    result.shape = std::move(shape);
    result.layout = layout;
    return result;
}

std::unique_ptr<sandbox::Sandbox> open_or_fail() {
    auto box = sandbox::open_sandbox("auto");
    if (!box) {
        FAIL(box.error().what << " - " << box.error().hint);
    }
    return std::move(box).value();
}

cpu::Toolchain toolchain_or_fail(const std::string& name) {
    auto toolchain = cpu::find_toolchain(name);
    if (!toolchain) {
        FAIL(toolchain.error().what);
    }
    return std::move(toolchain).value();
}

}  // namespace

Task add_task() {
    Task task;
    task.name = "add_f32";
    task.title = "sum of two vectors";
    task.dims = {{"N", 1, 1 << 20, 1, "elements"}};
    task.args = {
        arg("a", DType::f32, Role::in, {expr("N")}, ""),
        arg("b", DType::f32, Role::in, {expr("N")}, ""),
        arg("y", DType::f32, Role::out, {expr("N")}, "")};
    return task;
}

Task gemv_task() {
    Task task;
    task.name = "w4a16_gemv";
    task.title = "4-bit weight GEMV, group 128, f16 activations";
    task.summary =
        "y[n] = sum_k (q[n][k] - 8) * s[n][k/128] * x[k], accumulated in f32 or wider.\n"
        "A hostile summary may hold */ and /* and \\\nwithout harm.";
    task.dims = {{"N", 1, 65536, 1, "outputs"}, {"K", 128, 65536, 128, "reduction"}};
    task.args = {
        arg("w",
            DType::u8,
            Role::weight,
            {expr("N"), expr("K / 2")},
            "element 2j in the low nibble of byte j, 2j+1 in the high nibble"),
        arg("s",
            DType::f16,
            Role::weight,
            {expr("N"), expr("K / 128")},
            "one scale per row and group of 128"),
        arg("x", DType::f16, Role::in, {expr("K")}, ""),
        arg("y", DType::f16, Role::out, {expr("N")}, "")};
    task.args.back().check.tolerance = Tolerance::bound;
    task.prepare = true;
    task.prepare_max_bytes = expr("N * K / 2 + 65536");
    return task;
}

Task product_task() {
    Task task;
    task.name = "product";
    task.title = "exact product";
    task.dims = {{"M", 1, 64, 1, ""}, {"N", 1, 64, 1, ""}};
    task.args = {
        arg("a", DType::i8, Role::in, {expr("M")}, ""),
        arg("y", DType::i32, Role::out, {expr("M"), expr("N")}, ""),
        arg("h", DType::bf16, Role::inout, {expr("M")}, ""),
        arg("c", DType::u8, Role::out, {expr("M")}, ""),
        arg("scratch", DType::f32, Role::workspace, {expr("M * N")}, "")};
    task.args[3].check.tolerance = Tolerance::codes;
    task.verify.project = true;
    task.verify.arg = "y";
    return task;
}

TempDir::TempDir() {
    std::string pattern = (fs::temp_directory_path() / "kw-build-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
}

TempDir::~TempDir() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
}

Workshop::Workshop(const std::string& compiler)
    : sandbox(open_or_fail())
    , builder(sandbox, toolchain_or_fail(compiler), cache.path) {
    const fs::path shared = fs::path(KW_BINARY_DIR) / "test-cache" / "pch";
    fs::create_directories(shared);
    fs::create_directory_symlink(shared, cache.path / "pch");
}

cpu::BuildOutcome Workshop::build(
    const Task& task, const std::string& source, const std::string& isa) {
    cpu::BuildRequest request;
    request.source = source;
    request.isa = isa;
    auto outcome = builder.build(task, request);
    if (!outcome) {
        FAIL(outcome.error().what << " - " << outcome.error().hint);
    }
    return std::move(outcome).value();
}

std::string read_text(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void check_golden(const std::string& name, const std::string& text) {
    const fs::path path = fs::path(KW_SOURCE_DIR) / "tests" / "golden" / name;
    if (std::getenv("KW_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path, std::ios::binary) << text;
    }
    CHECK(read_text(path) == text);
}

}  // namespace kw::test
