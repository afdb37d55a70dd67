// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/cuda/support.hpp"

#include <random>

namespace {

using namespace kw;
using namespace kw::test;

const std::string k_launch = "//!launch k grid=1 block=1 args=()\n";

TEST_CASE("launch plan: the example of the documentation is read whole") {
    const auto plan = good_plan(
        "//!kwright task=w4a16_gemv target=cuda arch=sm_90a\n"
        "//!workspace partial=4*N*SPLITS\n"
        "//!launch gemv_split grid=(ceil_div(N, ROWS), SPLITS) block=256 smem=2*K/SPLITS\n"
        "//!       args=(w, s, x, partial, N, K)\n"
        "//!launch add_splits grid=ceil_div(N, 256) block=256 args=(partial, y, N)\n"
        "//!tune ROWS = {4, 8, 16}\n"
        "#define ROWS 8\n"
        "constexpr int SPLITS = 4;\n");
    CHECK(plan.task == "w4a16_gemv");
    CHECK(plan.target == "cuda");
    CHECK(plan.arch == "sm_90a");
    REQUIRE(plan.workspaces.size() == 1);
    CHECK(plan.workspaces[0].bytes.expr.text() == "4*N*SPLITS");
    REQUIRE(plan.launches.size() == 2);
    CHECK(plan.launches[0].kernel == "gemv_split");
    CHECK(plan.launches[0].grid[0].expr.text() == "ceil_div(N, ROWS)");
    CHECK(plan.launches[0].args.size() == 6);
    CHECK(plan.launches[0].args[3].kind == cuda::LaunchArg::Kind::pointer);
    CHECK(plan.launches[0].args[4].kind == cuda::LaunchArg::Kind::scalar);
    CHECK(plan.launches[0].args[5].at.line == 4);
    CHECK(plan.launches[0].args[5].at.column == 38);
    CHECK(plan.launches[1].kernel == "add_splits");
    CHECK(plan.constants == DimMap{{"ROWS", 8}, {"SPLITS", 4}});
}

TEST_CASE("launch plan: every mistake has its line and column and says what was expected") {
    struct Row {
        const char* source;
        const char* problem;
    };
    for (const Row& row : std::vector<Row>{
             {"//!lunch k grid=1 block=1 args=()\n",
              "c.cu:1:1: the file has no //!launch line; expected //!launch kernel "
              "grid=(ceil_div(N, 256)) block=256 args=(...)\n"
              "c.cu:1:4: unknown directive '//!lunch'; expected //!launch\n"},
             {"\n  //!launch k gird=1 grid=1 block=1 args=()",
              "c.cu:2:15: unknown key 'gird' of //!launch; expected grid\n"},
             {"//!launch k grid=1 block=1 grid=2 args=()", "c.cu:1:28: grid is given twice\n"},
             {"//!launch k grid=1 block=1",
              "c.cu:1:4: //!launch of 'k' lacks args; expected args=...\n"},
             {"//!launch grid=1 block=1 args=()",
              "c.cu:1:11: //!launch without the name of a kernel; expected //!launch kernel "
              "grid=... block=... args=(...)\n"},
             {"//!launch k grid=M block=1 args=()",
              "c.cu:1:18: unknown name 'M' in an expression; expected N, K, CC,"},
             {"//!launch k grid=(1,(N+) ) block=1 args=()", "c.cu:1:24: expression '(N+)': "},
             {"//!launch k grid=(1 block=1 args=()",
              "c.cu:1:18: the parentheses of '(1 block=1 args=()' do not balance\n"},
             {"//!launch k grid=1 block=1 args=(ww)",
              "c.cu:1:34: unknown argument 'ww'; expected w, s, x"},
             {"//!launch k grid=1 block=1 args=(w,,N)", "c.cu:1:36: an empty argument\n"},
             {"//!launch k grid=1 block=1 args=(w+1)",
              "c.cu:1:34: the buffer 'w' in an expression; expected integers and dims; a pointer "
              "stands alone\n"},
             {"//!launch k grid=1 block=1 args=w",
              "c.cu:1:33: args without parentheses; expected args=(w, x, y, N)\n"},
             {"//!launch k grid=(1,1,1,1) block=1 args=()",
              "c.cu:1:18: grid has 4 values; expected 1 to 3\n"},
             {"//!launch k grid=() block=1 args=()", "c.cu:1:18: grid has 0 values"},
             {"//!launch k grid=1 block=1 args=() smem=", "c.cu:1:41: smem has no value"},
             {"//!launch k grid=1 block=1 args=() cooperative=2",
              "c.cu:1:48: cooperative '2' is not known; expected 0 or 1\n"},
             {"//!launch k grid=1 block=1 args=() smem=4 *N",
              "c.cu:1:43: unexpected '*N' in //!launch; expected key=value; a value with blanks in "
              "parentheses\n"},
             {"//!kwright task=a target=cpu\n//!launch k grid=1 block=1 args=()",
              "c.cu:1:26: target 'cpu' of a CUDA candidate; expected target=cuda\n"},
             {"//!kwright target=cuda arch=sm_91\n//!launch k grid=1 block=1 args=()",
              "c.cu:1:29: arch 'sm_91' is not known; expected sm_90\n"},
             {"//!kwright trget=cuda\n//!launch k grid=1 block=1 args=()",
              "c.cu:1:12: unknown key 'trget' of //!kwright; expected target\n"},
             {"//!workspace x=4\n//!launch k grid=1 block=1 args=()",
              "c.cu:1:14: the name 'x' is taken\n"},
             {"//!workspace\n//!launch k grid=1 block=1 args=()",
              "c.cu:1:4: //!workspace is empty; expected //!workspace name=bytes\n"},
             {"//!launch k grid=B block=1 args=()\n#define B 8\n#define B 16\n",
              "c.cu:1:18: 'B' has no single integer value in the file; expected one "
              "'#define B 8' or 'constexpr int'\n"},
             {"//!launch k grid=N block=1 args=()\nconstexpr int N = 8;\n",
              "c.cu:1:18: 'N' is a dim of the task and a constant of the file; expected another "
              "name for the constant\n"},
             {"int x;\n", "c.cu:1:1: the file has no //!launch line"}}) {
        CAPTURE(row.source);
        const std::string problems = problems_of(row.source);
        INFO(problems);
        CHECK(problems.rfind(row.problem, 0) == 0);
    }
}

TEST_CASE("launch plan: continuations keep the columns of their own lines") {
    const std::string by_mark =
        "//!launch k grid=1 // blocks\n//!   block=1 // threads\n  // ! args=(w, Q)\n";
    CHECK(problems_of(by_mark).rfind("c.cu:3:17: unknown argument 'Q'", 0) == 0);
    for (const char* lead : {"//!", "//", ""}) {
        const std::string by_backslash =
            std::string("//!launch k grid=1 block=1 \\\n") + lead + " args=(w, Q)\n";
        const std::string column = std::to_string(std::string(lead).size() + 11);
        CAPTURE(by_backslash);
        CHECK(problems_of(by_backslash).rfind("c.cu:2:" + column + ": unknown", 0) == 0);
    }
    const auto plan = good_plan("//!launch k grid=(1, \r\n//! 2)\r\n//! block=1 args=()\r\n");
    CHECK(plan.launches[0].grid[1].expr.text() == "2");
}

TEST_CASE("launch plan: ordinary comments and other lines are left alone") {
    CHECK(
        problems_of(
            "//! This kernel is fast.\n// nothing\nint a; //!launch z\n/* x */\n" + k_launch +
            "int b;\n//! A comment behind code.\n") == "");
    CHECK(problems_of("//!tune A = {1, 2}\n#define A 1\n//! require A < 2\n" + k_launch) == "");
}

TEST_CASE("launch plan: constants of the file are read by lines") {
    const auto plan = good_plan(
        k_launch +
        "#define BLOCK 256u\n# define  TWICE (2 * BLOCK) // text\n#define F(x) 3\n#define S \"a\"\n"
        "static constexpr int A = 1, B = A * 2;  /* text */\n"
        "constexpr std::size_t BYTES = 48 * 1024ULL;\n  const unsigned long long C = 1'000;\n"
        "constexpr float R = 0.5f;\nint v = 7;\n#define BLOCK 256\n#define HEX 0x10L\n"
        "template <int T> void f();\nconstexpr int bad = sizeof(int);\n");
    CHECK(
        plan.constants == DimMap{
                              {"A", 1},
                              {"B", 2},
                              {"BLOCK", 256},
                              {"BYTES", 49152},
                              {"C", 1000},
                              {"HEX", 16},
                              {"TWICE", 512}});
}

TEST_CASE("launch plan: tensor maps are read with their defaults and strictly") {
    const std::string launch = "//!launch k grid=1 block=1 args=(tm)\n";
    const auto plan = good_plan(
        launch + "//!tensormap name=tm base=w dtype=u8 dims=(K/2, N) box=(64, 128) swizzle=64B\n");
    REQUIRE(plan.tensormaps.size() == 1);
    CHECK(plan.tensormaps[0].interleave == "none");
    CHECK(plan.tensormaps[0].oob == "zero");
    CHECK(plan.launches[0].args[0].kind == cuda::LaunchArg::Kind::tensormap);
    struct Row {
        const char* map;
        const char* problem;
    };
    for (const Row& row : std::vector<Row>{
             {"base=w dtype=u8 dims=N box=16", "//!tensormap lacks name"},
             {"name=tm base=q dtype=u8 dims=N box=16", "base 'q' is not known"},
             {"name=tm base=w dtype=u9 dims=N box=16", "dtype 'u9' is not known; expected u8"},
             {"name=tm base=w dtype=u8 dims=(N,K) box=16", "box has 1 values for 2 dims"},
             {"name=tm base=w dtype=u8 dims=N strides=N box=16", "strides has 1 values for 1"},
             {"name=tm base=w dtype=u8 dims=N box=16 oob=nan", "oob=nan of an integer dtype"},
             {"name=tm base=w dtype=u8 dims=N box=16 swizle=64B", "unknown key 'swizle'"},
             {"name=tm base=w dtype=u8 dims=N box=16 interleave=32B", "interleave with 1 dims"},
             {"name=x base=w dtype=u8 dims=N box=16", "the name 'x' is taken"},
             {"name=tm base=w dtype=u8 dims=(1,1,1,1,1,1) box=16", "dims has 6 values"}}) {
        CAPTURE(row.map);
        const std::string problems = problems_of(launch + "//!tensormap " + row.map + "\n");
        INFO(problems);
        CHECK(problems.find(row.problem) != std::string::npos);
    }
}

TEST_CASE("launch plan: hostile text is refused in bounded time and printable words") {
    std::vector<std::string> sources{
        std::string("//!launch k grid=\0\x01 block=1 args=()\n", 36),
        "//!launch k grid=" + std::string(5000, '(') + " block=1 args=()",
        "//!launch k grid=" + std::string(5000, '(') + "1" + std::string(5000, ')'),
        "//!launch k grid=99999999999999999999999 block=1 args=()",
        "//!" + std::string(std::size_t{1} << 20, 'a'),
        "//!launch " + std::string((std::size_t{1} << 20) - 20, ' '),
        "//!launch " + std::string((std::size_t{1} << 20) - 20, '('),
        std::string(std::size_t{2} << 20, '/'),
        "#define A " + std::string((std::size_t{1} << 20) - 20, '('),
        "//!launch k grid=-1-\xff\xfe block=1 args=(\x80)",
        "//!launch k grid=1 block=1 args=(" + std::string(40, 'N') + ")"};
    std::string many;
    std::string mixed;
    for (int i = 0; i < 2000; ++i) {
        many += "//!launch k" + std::to_string(i) + " grid=1 block=1 args=()\n";
        mixed += "//!workspace w" + std::to_string(i) + "=1 w=2 =3\n#define C" + std::to_string(i) +
                 " C" + std::to_string(i - 1) + "\n";
    }
    sources.push_back(many);
    sources.push_back(mixed);
    std::string args = "//!launch k grid=1 block=1 args=(N";
    for (int i = 0; i < 100; ++i) {
        args += ",N";
    }
    sources.push_back(args + ")");
    for (const std::string& source : sources) {
        CAPTURE(source.substr(0, 80));
        const auto parsed = parse(source);
        CHECK_FALSE(parsed.problems.empty());
        CHECK(parsed.problems.size() <= cuda::k_most_problems);
        for (const auto& problem : parsed.problems) {
            const std::string text = cuda::show(problem, "c.cu");
            CHECK(text.size() < 600);
            const bool printable =
                std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
            CHECK(printable);
        }
    }
}

TEST_CASE(
    "launch plan: a thousand mangled plans neither crash nor leave a place outside the file") {
    const std::string seed =
        "//!kwright task=w4a16_gemv target=cuda arch=sm_90a\n"
        "//!workspace partial=4*N*SPLITS\n"
        "//!tensormap name=tm base=w dtype=u8 dims=(K/2, N) box=(64, 128) swizzle=64B\n"
        "//!launch gemv grid=(ceil_div(N, ROWS), SPLITS) block=256 \\\n"
        "//!   smem=2*K/SPLITS cluster=(2,1,1) when=N>1\n"
        "//!   args=(tm, s, x, partial, N, K, 0.5f) cooperative=0\n"
        "#define ROWS 8\nconstexpr int SPLITS = 4;\n";
    const std::string letters = "()=,/!\\\n \t\"#%?:<>&|019aN.f-*+\x00\xff";
    std::mt19937 random(12345);
    const auto below = [&random](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    for (int round = 0; round < 1000; ++round) {
        std::string source = seed;
        const std::size_t edits = 1 + below(8);
        for (std::size_t i = 0; i < edits && !source.empty(); ++i) {
            const std::size_t at = below(source.size());
            switch (below(4)) {
                case 0: source[at] = letters[below(letters.size())]; break;
                case 1: source.insert(at, 1, letters[below(letters.size())]); break;
                case 2: source.erase(at, 1 + below(12)); break;
                default: source.insert(at, source.substr(below(source.size()), below(40))); break;
            }
        }
        const auto lines = std::count(source.begin(), source.end(), '\n') + 1;
        const auto parsed = parse(source);
        for (const auto& problem : parsed.problems) {
            CHECK((problem.at.line >= 1 && problem.at.line <= lines));
            CHECK(problem.at.column >= 1);
        }
        if (parsed.problems.empty()) {
            static_cast<void>(cuda::evaluate(parsed.plan, {{"N", 33}, {"K", 256}}, {}));
        }
    }
}

}  // namespace
