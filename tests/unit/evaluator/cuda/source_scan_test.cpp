// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/source_scan.hpp"

#include "evaluator/device/cuda/build_log.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace kw;
using namespace kw::cuda;

std::string rule(const std::string& source) {
    const auto result = scan_source(source);
    return result.violations.empty() ? "" : result.violations.front().rule;
}

TEST_CASE("cuda scan: what attacks the build or is host code is refused with its line") {
    struct Row {
        const char* source;
        const char* rule;
    };
    for (const Row& row : std::vector<Row>{
             {"#include \"/etc/passwd\"", "include-path"},
             {"#include <../../etc/passwd>", "include-path"},
             {"#define P \"/etc/passwd\"\n#include P", "include-path"},
             {"#define P <x.h>\n  #  include P", "include-path"},
             {"#define P <x.h>\n#inc\\\nlude P", "include-path"},
             {"#define P <x.h>\n%:include P", "include-path"},
             {"#define P <x.h>\n#include /* a */ P", "include-path"},
             {"#define P \"/etc/passwd\"\n#if __has_include(P)\n#endif", "include-path"},
             {"#if __has_include(\"/etc/shadow\")\n#endif", "include-path"},
             {"#embed \"/etc/passwd\"", "include-path"},
             {"#line 3 \"x\"", "line-marker"},
             {"#pragma nv_diag_suppress 20011", "pragma"},
             {"#pragma diag_suppress 1", "pragma"},
             {"_Pragma(\"nv_diag_suppress 1\")", "pragma"},
             {"#define X _Pragma(Y)", "pragma"},
             {"int main() { return 0; }", "host-code"},
             {"void f() { k<<<1, 1>>>(0); }", "host-code"},
             {"void f() { k<\\\n<<1, 1>>>(0); }", "host-code"},
             {"__device__ void f() { asm(\".incbin \\\"/etc/passwd\\\"\"); }", "asm-directive"},
             {"__device__ void f() { asm(\".INCLUDE \\\"/etc/passwd\\\"\"); }", "asm-directive"}}) {
        CAPTURE(row.source);
        const auto result = scan_source("int a;\n" + std::string(row.source) + "\n");
        REQUIRE_FALSE(result.violations.empty());
        CHECK(result.violations[0].rule == row.rule);
        CHECK(result.violations[0].line >= 2);
    }
    CHECK(rule(std::string("int a;\0", 7)) == "not-text");
}

TEST_CASE("cuda scan: ordinary device code passes") {
    CHECK(
        rule("#include <cuda_fp16.h>\n#include <cub/block/block_reduce.cuh>\n#pragma unroll 4\n"
             "#if __has_include(<cuda_fp8.h>)\n#endif\n#define F(x) _Pragma(\"unroll\") for (;;)\n"
             "__device__ int f(int a) { int remain = a << 3; S s; s.main(); return a < b; }\n"
             "__device__ void g() { asm volatile(\"mma.sync.aligned {%0}, %1;\" ::\"r\"(1)); }\n"
             "// int main() and <<<1, 1>>> in a comment\n") == "");
}

TEST_CASE("cuda scan: code that depends on the compiler is noted") {
    const auto result = scan_source("#ifdef __CUDACC_RTC__\nint a;\n#endif\nint __NVCC__;\n");
    CHECK(result.violations.empty());
    REQUIRE(result.findings.size() == 2);
    CHECK(result.findings[0].rule == "compiler-dependent");
    CHECK(result.findings[0].evidence == "line 1: code that depends on __CUDACC_RTC__");
}

TEST_CASE("cuda scan: functions for the host alone are told from those for both") {
    CHECK(scan_host_code("__host__ __device__ int f(); __device__ inline __host__ int g();")
              .violations.empty());
    CHECK(scan_host_code("int a;\n__host__ int f();").violations.at(0).line == 2);
    CHECK(scan_host_code("__device__ int a; __host__ int f();").violations.size() == 1);
}

TEST_CASE("cuda scan: large hostile text is read in bounded time") {
    for (const std::string& unit :
         {std::string("<"),
          std::string("#include "),
          std::string("__host__ "),
          std::string("\\\n"),
          std::string("/*"),
          std::string("R\"("),
          std::string("_Pragma(")}) {
        std::string text;
        while (text.size() < (std::size_t{1} << 20)) {
            text += unit;
        }
        CHECK(scan_source(text).violations.size() <= 24);
        CHECK(scan_host_code(text).violations.size() <= 8);
    }
}

LogContext context_of(std::string_view source, std::string_view ptx = {}) {
    LogContext context;
    context.own_file = "candidate.cu";
    context.source = source;
    context.toolkit = {"/usr/local/cuda-13.0/include"};
    context.ours = {"kw_rtc"};
    context.ptx = ptx;
    return context;
}

TEST_CASE("cuda log: messages are shown with the candidate's lines and no text of other files") {
    const std::string source = "int a;\nint main(){return 0;}\nfloat x = y;\n";
    const LogContext context = context_of(source);
    const auto messages = read_log(
        "candidate.cu(2): error: A function without execution space annotations "
        "(__host__/__device__/__global__) is considered a host function, and host functions are "
        "not allowed in JIT mode. Consider using -default-device flag\n"
        "  int main(){return 0;}\n      ^\n\n"
        "candidate.cu(3): error: identifier \"y\" is undefined\n  float x = y;\n\n"
        "candidate.cu(1): warning #177-D: variable \"a\" was declared but never referenced\n"
        "/etc/passwd(1): error: identifier \"root\" is undefined\n  root:x:0:0\n"
        "/usr/local/cuda-13.0/include/../../../etc/x(1): error: secret\n"
        "/usr/local/cuda-13.0/include/cub/cub.cuh(7): error: wrong\n"
        "kw_rtc/math.h(7): error: also wrong\n"
        "candidate.cu(9): catastrophic error: cannot open source file \"vector\"\n"
        "4 errors detected in the compilation of \"candidate.cu\".\n",
        context);
    REQUIRE(messages.size() == 8);
    CHECK(messages[0].host_code);
    CHECK(messages[3].place == CompilerMessage::Place::other);
    CHECK(messages[4].place == CompilerMessage::Place::other);
    CHECK(messages[5].place == CompilerMessage::Place::toolkit);
    CHECK(messages[6].place == CompilerMessage::Place::ours);
    CHECK(messages[7].missing_header == "vector");
    CHECK(
        show_messages(messages, context) ==
        "candidate.cu:2: error: host code: a function that is neither __device__ nor __global__; "
        "the file holds device code alone\n"
        "    int main(){return 0;}\n"
        "candidate.cu:3: error: identifier \"y\" is undefined\n"
        "    float x = y;\n"
        "candidate.cu:9: error: cannot open source file \"vector\"\n"
        "(in another file) error: include only headers of the toolkit\n"
        "(in another file) error: include only headers of the toolkit\n"
        "(in a header) error: wrong\n"
        "(in a header) error: also wrong\n");
}

TEST_CASE("cuda log: errors of ptxas are led back to lines of the source") {
    const std::string ptx =
        ".entry k() {\n.loc 1 3 5\nbogus.f32 %f1;\n}\n.file 1 \"/kw/in/candidate.cu\"\n";
    const std::string source = "a\nb\n  asm(\"bogus\");\n";
    const LogContext context = context_of(source, ptx);
    const auto messages = read_log(
        "ptxas kernel.ptx, line 3; error   : Not a name of any known instruction: 'bogus'\n"
        "ptxas error   : Entry function 'k' uses too much shared data\n"
        "ptxas info    : 0 bytes gmem\n"
        "ptxas fatal   : Ptx assembly aborted due to errors\n",
        context);
    CHECK(
        show_messages(messages, context) ==
        "candidate.cu:3: error: in PTX: Not a name of any known instruction: 'bogus'\n"
        "    asm(\"bogus\");\n"
        "error: in PTX: Entry function 'k' uses too much shared data\n");
}

}  // namespace
