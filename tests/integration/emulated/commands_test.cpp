// SPDX-License-Identifier: Apache-2.0
// `kwright dev emu` and `kwright dev bench emulated`, from the command line to the sandbox and
// back.
#include "evaluator/device/cuda/toolkit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <cstring>

using namespace kw::test;
using nlohmann::json;

namespace {

const std::string k_add = KW_SOURCE_DIR "/tests/golden/ptx/vector_add.ptx";

std::string floats(const std::vector<float>& values) {
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::vector<float> ramp(std::size_t count, float step) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) {
        values[i] = static_cast<float>(i) * step;
    }
    return values;
}

/// add_f32 on 300 elements of x.bin and y.bin, z of `bytes` bytes.
std::vector<std::string> add_call(const std::string& bytes) {
    return {
        "dev",
        "emu",
        k_add,
        "--kernel",
        "add_f32",
        "--grid",
        "3",
        "--block",
        "128",
        "--arg",
        "in:x.bin",
        "--arg",
        "in:y.bin",
        "--arg",
        "out:z.bin:" + bytes,
        "--arg",
        "i32:300",
        "--arch",
        "sm_80"};
}

std::vector<std::string> with(std::vector<std::string> call, const std::vector<std::string>& more) {
    call.insert(call.end(), more.begin(), more.end());
    return call;
}

json document_of(const Outcome& outcome) {
    INFO(outcome.out << outcome.err);
    const json document = json::parse(outcome.out, nullptr, false);
    REQUIRE(!document.is_discarded());
    return document;
}

}  // namespace

TEST_CASE("dev emu: a kernel of a file runs on the caller's buffers", "[emulated]") {
    const Folder folder;
    const Program kwright(folder.path());
    write_file(folder / "x.bin", floats(ramp(300, 1)));
    write_file(folder / "y.bin", floats(ramp(300, 2)));
    const Outcome good = kwright(add_call("1200"));
    INFO(good.out << good.err);
    CHECK(good.code == 0);
    CHECK(good.out.find("completed, 0 errors") != std::string::npos);
    CHECK(good.out.find("modelled") != std::string::npos);
    CHECK(read_file(folder / "z.bin") == floats(ramp(300, 3)));

    // A buffer that is 40 bytes short: ten threads of the last block, the same on any threads.
    const json one = document_of(kwright(with(add_call("1160"), {"--json"})));
    CHECK(one.at("schema") == "kwright.emu/1");
    CHECK(one.at("ending") == "faulted");
    CHECK(one.at("modelled").is_null());
    REQUIRE(one.at("findings").size() == 1);
    const json& finding = one.at("findings").front();
    CHECK(finding.at("kind") == "out-of-bounds access");
    CHECK(finding.at("block") == json({2, 0, 0}));
    CHECK(finding.at("thread") == json({34, 0, 0}));
    CHECK(finding.at("count") == 10);
    CHECK(finding.at("ptx_line") > 0);
    CHECK(finding.at("line") > 0);
    const Outcome three = kwright(with(add_call("1160"), {"--threads", "3", "--json"}));
    CHECK(three.code == 1);
    CHECK(document_of(three) == one);
}

TEST_CASE("dev emu: a CUDA file is compiled as a candidate is", "[emulated]") {
    if (!kw::cuda::find_toolkit()) {
        WARN("skipped: no CUDA toolkit here");
        return;
    }
    const Folder folder;
    const Program kwright(folder.path());
    write_file(folder / "y.bin", floats(ramp(64, 1)));
    write_file(
        folder / "scale.cu",
        "extern \"C\" __global__ void scale(float* y, float a) { y[threadIdx.x] *= a; }\n");
    const std::vector<std::string> call{
        "dev", "emu", "scale.cu", "--block", "64", "--arg", "inout:y.bin", "--arg", "f32:0.5"};
    const Outcome good = kwright(call);
    INFO(good.out << good.err);
    CHECK(good.code == 0);
    CHECK(read_file(folder / "y.bin") == floats(ramp(64, 0.5)));
    write_file(folder / "scale.cu", "#include \"/etc/passwd\"\n");
    const Outcome refused = kwright(call);
    CHECK(refused.code == 1);
    CHECK(refused.err.find("scale.cu:1") != std::string::npos);
    CHECK(refused.err.find("root:") == std::string::npos);
}

TEST_CASE("dev emu: what a hostile file does ends in an answer", "[emulated]") {
    const Folder folder;
    const Program kwright(folder.path());
    const std::string head = ".version 8.7\n.target sm_80\n.address_size 64\n.visible .entry k()\n";
    write_file(folder / "loop.ptx", head + "{\nL: bra L;\n}\n");
    const Outcome loop = kwright({"dev", "emu", "loop.ptx", "--timeout", "1"});
    INFO(loop.out << loop.err);
    CHECK(loop.code == 1);
    CHECK(loop.out.find("hang") != std::string::npos);
    write_file(folder / "text.ptx", head + "{ this is no instruction }\n");
    CHECK(kwright({"dev", "emu", "text.ptx"}).code == 2);
    write_file(folder / "new.ptx", head + "{\n.reg .b32 %r<2>;\ntcgen05.fence %r1;\nret;\n}\n");
    const Outcome unsupported = kwright({"dev", "emu", "new.ptx"});
    CHECK(unsupported.code == 1);
    CHECK(unsupported.out.find("unsupported") != std::string::npos);
    CHECK(kwright({"dev", "emu", "loop.ptx", "--block", "2048"}).code == 2);
}

TEST_CASE("dev bench emulated: every kernel runs clean in every mode", "[emulated]") {
    const Folder folder;
    const Program kwright(folder.path());
    const json document =
        document_of(kwright({"dev", "bench", "emulated", "--quick", "--runs", "1", "--json"}));
    CHECK(document.at("schema") == "kwright.bench-emulated/1");
    REQUIRE(document.at("kernels").size() == 4);
    for (const json& kernel : document.at("kernels")) {
        INFO(kernel.dump());
        CHECK(kernel.at("thread_instructions") > 100'000);
        for (const char* cores : {"one_core", "all_cores"}) {
            for (const char* mode : {"none", "judged", "all"}) {
                CHECK(kernel.at(cores).at(mode).at("thread_instructions_per_s") > 0);
            }
        }
        CHECK(kernel.at("one_core").at("all").at("shadow_bytes") > 0);
        CHECK(kernel.at("one_core").at("none").at("shadow_bytes") == 0);
        CHECK(kernel.at("one_core").at("none").at("peak_bytes") > kernel.at("buffer_bytes"));
    }
}
