// SPDX-License-Identifier: Apache-2.0
// The host side of exported CUDA kernels, driven through a fake libcuda.so.1: what is loaded, and
// how the launch plan becomes launches. No toolkit, no GPU, no kwright program.
#include "core/task_file.hpp"
#include "evaluator/device/cuda/ptx_facts.hpp"
#include "exporter/export.hpp"
#include "tests/support/board_kernels.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <cstdlib>

using namespace kw;
using namespace kw::test;
using namespace kw::exporter;
namespace fs = std::filesystem;

namespace {

const fs::path k_here = fs::path(KW_SOURCE_DIR) / "tests/integration/exporter/cuda";

constexpr const char* k_source = R"(//!kwright task=scale_add target=cuda arch=sm_90a
//!workspace partial=4*N other=TILE*4
//!tensormap name=tm base=x dtype=f32 dims=(64, N/64) box=(64, 2) swizzle=none
//!tensormap name=far base=x dtype=f32 dims=(64, N/64 + 1) box=(64, 2)
//!tensormap name=deep base=x dtype=f32 dims=(4, 4, 4, 1, N/64) box=(4, 1, 1, 1, 1)
//!launch first grid=ceil_div(N, TILE)+workspace+launch+NULL+kwk_call+functions block=TILE smem=SM_COUNT*16 when=N!=192 args=(w, x, partial, N, 0.5, N + 5)
//!launch second grid=(2, N/2) block=(32, 4) cluster=2 when=(N>100 && N!=192) args=(partial, other, y, tm, N)
//!launch second grid=1 block=32 cooperative=1 when=N==128 args=(partial, other, y, tm, N)
//!launch second grid=4096/(N-256) block=32 when=N==256 args=(partial, other, y, tm, N)
//!launch second grid=1 block=32 when=N==320 args=(partial, other, y, deep, N*N*N*N*N*N*N*N)
//!launch second grid=1 block=32 when=N==448 args=(partial, other, y, far, N)
//!launch second grid=1 block=32 when=N==64 args=(partial, other, y, deep, N)
//!launch second grid=1 block=32 smem=232000 when=N==640 args=(partial, other, y, deep, N)
//!launch second grid=3 block=32 cluster=2 when=N==704 args=(partial, other, y, deep, N)
#define TILE 128
#define workspace 0
#define launch 0
#define NULL 0
#define kwk_call 0
#define functions 0
)";
/// More kernels than a run-time might think of.
constexpr int k_more_kernels = 40;

std::string source() {
    std::string text = k_source;
    for (int i = 0; i < k_more_kernels; ++i) {
        text += "//!launch more" + std::to_string(i) + " grid=1 block=32 when=N==384 args=(w)\n";
    }
    return text;
}

constexpr const char* k_ptx = R"(.version 8.0
.target sm_90a
.address_size 64
.visible .entry _Z5firstPKfS0_Pfifl(
    .param .u64 a, .param .u64 b, .param .u64 c, .param .u32 d, .param .f32 e, .param .u64 f)
{ ret; }
.visible .entry second(
    .param .u64 a, .param .u64 b, .param .u64 c, .param .align 64 .b8 d[128], .param .u64 e)
{ .shared .align 4 .b8 kept[1024]; ret; }
)";

std::string ptx() {
    std::string text = k_ptx;
    for (int i = 0; i < k_more_kernels; ++i) {
        text += ".visible .entry more" + std::to_string(i) + "(.param .u64 a)\n{ ret; }\n";
    }
    return text;
}

/// For two generations of devices: machine code for one, PTX for the other.
constexpr const char* k_plain_source = R"(//!kwright task=scale_add target=cuda arch=sm_80
//!launch first grid=ceil_div(N, 128) block=128 args=(w, x, y, N, 0.5, N)
)";
constexpr const char* k_plain_ptx = R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry first(
    .param .u64 a, .param .u64 b, .param .u64 c, .param .u32 d, .param .f32 e, .param .u64 f)
{ ret; }
)";

/// Says what the kernel is made of without a toolkit.
struct GivenCode final : Examiner {
    std::string arch = "sm_90a";
    std::string code_ptx = ptx();

    Result<Examination> examine(const Task&, const Candidate&, const IsaLevel&) override {
        return Examination{"not asked here", false, false};
    }
    Result<std::string> build_cuda(
        const Task& task, const Candidate& candidate, CudaCode& code) override {
        const auto plan = cuda::parse_launch_plan(candidate.source, cuda::scope_of(task));
        for (const auto& problem : plan.problems) {
            INFO(cuda::show(problem, "k.cu"));
            CHECK(false);
        }
        const auto signatures = cuda::signatures(cuda::ptx_facts(code_ptx));
        CHECK(cuda::check_against_kernels(plan.plan, signatures).empty());
        code = {arch, code_ptx, "cubin of the kernel", plan.plan, signatures, false};
        return std::string();
    }
};

std::string shell(const fs::path& folder, const std::string& command, int* code = nullptr) {
    const fs::path log = folder / "log";
    const int status =
        std::system(("cd '" + folder.string() + "' && env -i PATH=/usr/bin:/bin LC_ALL=C sh -c \"" +
                     command + "\" > '" + log.string() + "' 2>&1")
                        .c_str());
    if (code != nullptr) {
        *code = WEXITSTATUS(status);
    }
    return read_file(log);
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Selection one_row(
    const Task& task, const std::string& text = source(), const std::string& arch = "sm_90a") {
    StoredKernel kernel;
    const Candidate candidate = make_candidate(task.name, text, "native", "cuda", arch);
    kernel.board.task = task.name;
    kernel.board.candidate_hash = candidate.hash;
    kernel.board.target = "cuda";
    kernel.board.timing_kind = "measured";
    kernel.board.device = "cuda: Fake GPU (sm_90a, 8 SMs), driver for CUDA 12.8";
    kernel.board.speedup = {2, 1.9, 2.1};
    kernel.candidate.hash = candidate.hash;
    kernel.candidate.task = task.name;
    kernel.candidate.target = "cuda";
    kernel.candidate.isa = arch;
    kernel.candidate.source = text;
    kernel.judging.result.cases = passed_cases(task);
    return {{kernel}, {}, false};
}

Task scale_add() {
    auto task = load_task(fs::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add");
    REQUIRE(task.ok());
    return *task;
}

/// The pack of one row, built under sanitizers with the fake driver and a program that calls it.
void build_pack(const Folder& folder, const GivenCode& code_of, Selection rows) {
    GivenCode examiner = code_of;
    const TaskFinder find = [](const std::string&) -> Result<Task> {
        return scale_add();
    };
    auto pack = make_pack(std::move(rows), find, examiner, "0.1.0");
    REQUIRE(pack.ok());
    const auto files = pack_files(*pack, fs::path(KW_SOURCE_DIR) / "library");
    REQUIRE(files.ok());
    REQUIRE(write_pack(*files, folder / "pack").ok());
    int code = 0;
    const std::string built = shell(
        folder.path(),
        "S='-fsanitize=address,undefined -fno-sanitize-recover=undefined'; cmake -S pack -B b "
        "-DKWK_SELFCHECK=OFF -DKWK_SHARED=OFF -DCMAKE_C_FLAGS=\\\"\\$S\\\" && cmake --build b -j2 "
        "&& "
        "mkdir fake && "
        "gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o fake/libcuda.so.1 " +
            (k_here / "fake_libcuda.c").string() +
            " && gcc \\$S -Wall -Wextra -Werror -Ipack/include -o use " +
            (k_here / "use.c").string() + " b/libkwk.a -lm -ldl",
        &code);
    INFO(built);
    REQUIRE(code == 0);
}

}  // namespace

TEST_CASE("pack: CUDA kernels are loaded and launched as their plan says", "[exporter]") {
    static const Folder folder;  // made once a process: what follows only runs it
    static const bool built = [] {
        build_pack(folder, GivenCode{}, one_row(scale_add()));
        return true;
    }();
    REQUIRE(built);
    int code = 0;
    const std::string run = "LD_LIBRARY_PATH=fake ./use";

    SECTION("launches follow the shape, the device and the file's constants") {
        const std::string ran = shell(folder.path(), run);
        INFO(ran);
        CHECK(has(
            ran,
            "supported: ok\nworkspace 2560\nwithout workspace: workspace missing or too small\n"));
        CHECK(has(ran, "load cubin 0 0\n"));
        CHECK(ran.find("load ") == ran.rfind("load "));  // once
        CHECK(has(ran, "set 8=231424 second 0\n"));
        CHECK(
            has(ran,
                "launch _Z5firstPKfS0_Pfifl grid 4 1 1 block 128 1 1 smem 128 stream 0x77 0x1000 "
                "0x2000 "
                "0x10000 512 0.5 517\n"));
        CHECK(
            has(ran,
                "launch second grid 2 256 1 block 32 4 1 smem 0 stream 0x77 attribute 4 2 0x10000 "
                "0x10800 "
                "0x3000 map5a 512\n"));
        CHECK(
            has(ran,
                "encode 7 rank 2 base 0x2000 dims 64 8 strides 256 box 64 2 steps 1 1 modes 0 0 0 "
                "0\n"));
        CHECK(has(ran, "call: ok\nunaligned: pointer not aligned\n"));
        // A call only launches: it can be captured into a graph.
        const std::size_t begin = ran.find("without workspace:");
        const std::string during = ran.substr(begin, ran.find("call: ok") - begin);
        CHECK(!has(during, "load "));
        CHECK(!has(during, "set "));
        CHECK(has(ran, "on Fake GPU, compute capability 9.0\n  runs k"));
        CHECK(has(ran, "(measured on this device)"));
        const std::string small = shell(folder.path(), run + " 64");
        CHECK(!has(small, "launch second grid 2"));
        CHECK(has(small, "encode 7 rank 5"));
        CHECK(!has(small, "encode 7 rank 2"));  // a map that no launch takes may be anything
        const std::string both = shell(folder.path(), run + " 128");
        CHECK(has(both, "attribute 2 1"));
    }
    SECTION("a shape that the plan has no launch for launches nothing") {
        // No launch remains; division by zero; overflow; a tensor beyond its buffer; more shared
        // memory than static smem leaves; a cluster that does not divide the grid.
        for (const char* size : {"192", "256", "320", "448", "640", "704"}) {
            const std::string ran = shell(folder.path(), run + " " + size, &code);
            INFO(ran);
            CHECK(code == 0);
            CHECK(has(ran, "call: no kernel for this machine or shape"));
            CHECK(!has(ran, "launch "));
        }
    }
    SECTION("a plan may have more kernels than sixteen") {
        const std::string ran = shell(folder.path(), run + " 384", &code);
        INFO(ran);
        CHECK(code == 0);
        CHECK(has(ran, "launch more39 grid 1"));
    }
    SECTION("what the driver refuses once is tried again, and each device has its own image") {
        const std::string ran = shell(folder.path(), "FAKE_FULL=1 " + run + " 512", &code);
        INFO(ran);
        CHECK(code == 0);
        CHECK(has(ran, "supported: CUDA driver"));
        CHECK(has(ran, "call: ok"));
        const std::string none = shell(folder.path(), "KWK_DEVICE=reference " + run, &code);
        CHECK(has(none, "call: no kernel for this machine or shape"));
    }
    SECTION("a device is another one when its name goes on") {
        const std::string ran = shell(folder.path(), "FAKE_NAME='Fake' " + run);
        INFO(ran);
        CHECK(has(ran, "call: ok"));
        CHECK(has(ran, "measured on another device of the family"));
    }
    SECTION("another architecture, no context, no driver and a refusal are said") {
        CHECK(
            has(shell(folder.path(), "FAKE_CC=80 " + run),
                "call: no kernel for this machine or shape"));
        CHECK(has(shell(folder.path(), "FAKE_CC=80 KWK_DEVICE=sm_90a " + run), "call: ok"));
        CHECK(has(shell(folder.path(), "FAKE_NO_CONTEXT=1 " + run), "call: CUDA driver"));
        CHECK(has(shell(folder.path(), "FAKE_REFUSES=1 " + run), "call: CUDA driver"));
        CHECK(has(shell(folder.path(), "FAKE_NO_CUBIN=1 " + run), "load .vers"));
        const std::string none = shell(folder.path(), "./use");
        CHECK(has(none, "call: CUDA driver"));
        CHECK(has(none, "no CUDA device"));
    }
}

TEST_CASE("pack: each device runs the image that its driver takes", "[exporter]") {
    const Folder folder;
    GivenCode code_of;
    code_of.arch = "sm_80";
    code_of.code_ptx = k_plain_ptx;
    build_pack(folder, code_of, one_row(scale_add(), k_plain_source, "sm_80"));
    const auto run = [&](const std::string& environment) {
        return shell(folder.path(), "LD_LIBRARY_PATH=fake " + environment + " ./use 512 0 1 0 1");
    };
    const auto in_order = [](const std::string& text, const std::vector<std::string>& parts) {
        std::size_t at = 0;
        for (const std::string& part : parts) {
            at = text.find(part, at);
            if (at == std::string::npos) {
                return false;
            }
            at += part.size();
        }
        return true;
    };
    // Machine code within its generation, the PTX on a later one.
    const std::string mixed = run("FAKE_CC=86,90");
    INFO(mixed);
    CHECK(in_order(
        mixed,
        {"on 0 as cubin\n", "load .vers", "on 1 as ptx\n", "on 0 as cubin\n", "on 1 as ptx\n"}));
    CHECK(mixed.find("load ") != mixed.rfind("load "));  // two images, each once
    CHECK(in_order(mixed, {"set 8=232448 first 0\n", "set 8=232448 first 1\n"}));
    // Equal devices, of which one driver refuses the machine code.
    const std::string refused = run("FAKE_CC=80,80 FAKE_NO_CUBIN=d0");
    INFO(refused);
    CHECK(in_order(
        refused,
        {"load cubin",
         "load .vers",
         "on 0 as ptx\n",
         "load cubin",
         "on 1 as cubin\n",
         "on 0 as ptx\n",
         "on 1 as cubin\n"}));
}
