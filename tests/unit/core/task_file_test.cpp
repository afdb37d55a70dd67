// SPDX-License-Identifier: Apache-2.0
#include "core/task_file.hpp"

#include "core/text_file.hpp"
#include "tests/unit/core/task_folder.hpp"

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;

namespace {

/// The valid file with `from` replaced once by `to`.
std::string with(const std::string& from, const std::string& to) {
    std::string text = k_task_toml;
    const std::size_t at = text.find(from);
    INFO(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

Task load_ok(const fs::path& folder) {
    Result<Task> task = load_task(folder);
    INFO((task.ok() ? "" : task.error().what + " | " + task.error().hint));
    REQUIRE(task.ok());
    return std::move(task).value();
}

struct Golden {
    std::string from;
    std::string to;
    std::string what;  ///< behind "task.toml:"
    std::string hint = {};
};

void check_goldens(const std::vector<Golden>& goldens) {
    for (const Golden& golden : goldens) {
        const TempFolder root;
        write_task(root / "gemv", with(golden.from, golden.to));
        const Result<Task> task = load_task(root / "gemv");
        INFO(golden.from << " -> " << golden.to);
        REQUIRE_FALSE(task.ok());
        CHECK(task.error().code == Errc::config);
        CHECK(task.error().what == (root / "gemv/task.toml").string() + ":" + golden.what);
        CHECK(task.error().hint == golden.hint);
    }
}

}  // namespace

TEST_CASE("task_file: a valid folder becomes the task it describes", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    const Task task = load_ok(root / "gemv");
    CHECK(task.name == "gemv");
    CHECK(task.targets == std::vector<std::string>{"cpu"});
    CHECK(task.judge_cap_s == 5);
    CHECK(task.hints == std::vector<std::string>{"Read w once."});
    REQUIRE(task.dims.size() == 2);
    CHECK(task.dims[1].multiple_of == 32);
    REQUIRE(task.args.size() == 3);
    CHECK(task.args[0].role == Role::weight);
    REQUIRE(task.args[0].fill.record.size() == 2);
    CHECK(task.args[0].fill.record[1].count == 16);
    CHECK(task.args[1].fill.params.at("sigma") == 2);
    CHECK(task.args[2].check.tolerance == Tolerance::bound);
    CHECK(task.args[2].check.c == 4);
    CHECK(task.args[2].check.k.text() == "K");
    CHECK(task.verify.project);
    CHECK(task.verify.project_above == 100'000'000);
    REQUIRE(task.cases.size() == 2);
    CHECK(task.cases[0].probe);
    CHECK(task.cases[1].distribution == "spread");
    CHECK(task.hidden.count == 2);
    CHECK(task.hidden.choose.at("K") == std::vector<std::int64_t>{32, 96});
    REQUIRE(task.baselines.size() == 1);
    CHECK(task.baselines[0].file == root.path() / "gemv/baselines/naive.cpp");
    CHECK(task.reference == root.path() / "gemv/reference.cpp");
    CHECK(task.seed == root.path() / "gemv/seed.cpp");
    CHECK(task.hash.size() == 64);
}

TEST_CASE("task_file: the default cap of prepare is 1.05 of all weights and 64 KiB", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    const Task task = load_ok(root / "gemv");
    CHECK(task.prepare);
    const DimMap dims{{"N", 512}, {"K", 1024}};
    const std::int64_t weights = 512 * (1024 / 32 * 18);
    CHECK(*task.prepare_max_bytes.eval(dims) == weights * 105 / 100 + 65536);
}

TEST_CASE("task_file: every benchmark of the project loads", "[core]") {
    const std::vector<TaskEntry> entries = list_tasks({fs::path(KW_SOURCE_DIR) / "benchmarks"});
    CHECK_FALSE(entries.empty());
    for (const TaskEntry& entry : entries) {
        CHECK(load_ok(entry.folder).name == entry.name);
    }
}

TEST_CASE("task_file: adding target cuda leaves the hash of the CPU's task", "[core]") {
    const TempFolder root;
    write_task(root / "gemv");
    const Task before = load_ok(root / "gemv");
    CHECK(before.cpu_hash == before.hash);
    CHECK(hash_for(before, "cpu") == before.cpu_hash);

    std::string text = read_text_file(root / "gemv/task.toml").value();
    const std::string targets = "targets = [\"cpu\"]";
    REQUIRE(text.find(targets) != std::string::npos);
    text.replace(text.find(targets), targets.size(), "targets = [\"cpu\", \"cuda\"]");
    text += "\n[cuda]\n[[cuda.baselines]]\nname = \"naive\"\nfile = \"naive.cu\"\n";
    write_file(root / "gemv/task.toml", text);
    write_file(root / "gemv/naive.cu", "// first\n");
    const Task with = load_ok(root / "gemv");
    CHECK(with.cpu_hash == before.hash);
    CHECK(hash_for(with, "cuda") == with.hash);
    CHECK(with.hash != before.hash);
    CHECK(is_same_task(with, "cpu", before.hash));
    CHECK(is_same_task(with, "cpu", with.hash));  // stored before there was a hash for the CPU
    CHECK_FALSE(is_same_task(with, "cuda", before.hash));

    write_file(root / "gemv/naive.cu", "// second\n");
    CHECK(load_ok(root / "gemv").hash != with.hash);
    write_file(root / "gemv/reference.cpp", "// another\n");
    CHECK(load_ok(root / "gemv").cpu_hash != with.cpu_hash);
}

TEST_CASE("task_file: the recorded campaigns of the demo are of tasks as they are", "[core]") {
    const fs::path benchmarks = fs::path(KW_SOURCE_DIR) / "benchmarks";
    int cassettes = 0;
    for (const auto& entry : fs::directory_iterator(benchmarks / "demo")) {
        if (!entry.path().string().ends_with(".cassette.jsonl")) {
            continue;
        }
        ++cassettes;
        const std::string name = entry.path().filename().string();
        const Task task = load_ok(benchmarks / name.substr(0, name.find('.')));
        const std::string text = read_text_file(entry.path()).value();
        CHECK(text.substr(0, text.find('\n')).find(hash_for(task, "cpu")) != std::string::npos);
    }
    CHECK(cassettes >= 3);
}

TEST_CASE("task_file: mistakes at the head are named with their place", "[core]") {
    check_goldens({
        {"\"kwright.task/1\"",
         "\"kwright.task/9\"",
         "1:10: schema 'kwright.task/9' is not known here (known: kwright.task/1)"},
        {"schema = \"kwright.task/1\"\n", "", "1:1: the task lacks the key 'schema'"},
        {"name = \"gemv\"",
         "name = \"gemm\"",
         "2:8: the name 'gemm' is not the folder's name 'gemv'"},
        {"name = \"gemv\"", "name = \"ge mv\"", "2:8: 'ge mv' is not a C identifier"},
        {"name = \"gemv\"", "name = \"struct\"", "2:8: 'struct' is a reserved name"},
        {"name = \"gemv\"", "name = 7", "2:8: name must be a text and is an integer"},
        {"title = \"A small product\"", "title = \"\"", "3:9: title must not be empty"},
        {"\"A small product\"", "\"a\\u0007b\"", "3:9: title: the text holds the control byte 7"},
        {"summary =", "sumary =", "1:1: the task lacks the key 'summary'"},
        {"judge_cap_s = 5",
         "judge_cap_s = 5\njudge_caps = 5",
         "7:1: unknown key 'judge_caps' in the task",
         "did you mean 'judge_cap_s'?"},
        {"judge_cap_s = 5", "judge_cap_s = 1e9", "6:15: judge_cap_s: 1e+09 is outside 0.1 .. 3600"},
        {"[\"cpu\"]", "[\"gpu\"]", "5:11: unknown target 'gpu' (known: cpu, cuda)"},
        {"[\"cpu\"]", "[]", "5:11: targets must not be empty"},
        {"[\"Read w once.\"]", "[1]", "7:10: hints must hold texts and holds an integer"},
        {"judge_cap_s = 5",
         "judge_cap_s = 2026-11-22",
         "6:15: judge_cap_s must be a number and is a date or time"},
    });
}

TEST_CASE("task_file: mistakes in dims are named with their place", "[core]") {
    check_goldens({
        {"name = \"K\"", "name = \"N\"", "14:8: the name 'N' is taken"},
        {"name = \"K\"", "name = \"max\"", "14:8: 'max' is a reserved name"},
        {"name = \"K\"", "name = \"kw_K\"", "14:8: 'kw_K' is a reserved name"},
        {"min = 32\nmax = 65536", "min = 32\nmax = 31", "16:7: dim K: max is below min"},
        {"min = 32\nmax = 65536",
         "min = 33\nmax = 63",
         "17:15: dim K: no multiple of 32 lies in 33 .. 63"},
        {"multiple_of = 32",
         "multiple_of = 0",
         "17:15: multiple_of: 0 is outside 1 .. 1099511627776"},
        {"multiple_of = 32",
         "multipleof = 32",
         "17:1: unknown key 'multipleof' in [[dims]]",
         "did you mean 'multiple_of'?"},
        {"about = \"outputs\"", "about = false", "12:9: about must be a text and is true or false"},
    });
}

TEST_CASE("task_file: mistakes in arguments are named with their place", "[core]") {
    check_goldens({
        {"name = \"x\"", "name = \"N\"", "26:8: the name 'N' is taken"},
        {"dtype = \"f32\"\nrole = \"in\"",
         "dtype = \"f23\"\nrole = \"in\"",
         "27:9: dtype must be one of f16, bf16, f32, f64, i8, u8, i16, u16, i32, u32, i64, u64 and "
         "is 'f23'",
         "did you mean 'f32'?"},
        {"role = \"in\"",
         "role = \"input\"",
         "28:8: role must be one of weight, in, out, inout, workspace and is 'input'",
         "did you mean 'inout'?"},
        {"role = \"in\"\n", "", "25:1: argument 'x' lacks the key 'role'"},
        {"shape = [\"K\"]",
         "shape = [\"K +\"]",
         "29:10: shape: expression 'K +', column 4: expected a number, a name or '(', found the "
         "end"},
        {"shape = [\"K\"]",
         "shape = [\"k\"]",
         "29:10: shape: 'k' is not a dim of this task",
         "did you mean 'K'?"},
        {"shape = [\"K\"]", "shape = []", "29:9: a shape has 1 to 8 axes and this has 0"},
        {"shape = [\"K\"]",
         "shape = [true]",
         "29:10: shape must be an expression (a text) and is true or false"},
        {"shape = [\"K\"]", "shape = \"K\"", "29:9: shape must be an array and is a text"},
        {"shape = [\"N\"]\ncheck",
         "shape = [\"N\"]\nfill = { dist = \"zero\" }\ncheck",
         "36:8: an argument of role out is not filled"},
        {"fill = { dist = \"normal\", sigma = 2.0 }",
         "check = { tolerance = \"exact\" }",
         "30:9: an argument of role in is not compared"},
        {"role = \"out\"",
         "role = \"workspace\"",
         "36:9: an argument of role workspace is not compared"},
        {"layout = ",
         "layuot = ",
         "23:1: unknown key 'layuot' in argument 'w'",
         "did you mean 'layout'?"},
    });
}

TEST_CASE("task_file: mistakes in checks are named with their place", "[core]") {
    const std::string check = "{ tolerance = \"bound\", k = \"K\", u_out = 6e-8 }";
    check_goldens({
        {"check = " + check, "", "31:1: argument 'y' lacks the key 'check'"},
        {check,
         "{ tolerance = \"close\" }",
         "36:23: tolerance must be one of exact, bound, codes and is 'close'"},
        {check, "{ tolerance = \"bound\" }", "36:9: the check of argument 'y' lacks the key 'k'"},
        {check,
         "{ tolerance = \"bound\", k = \"Q\" }",
         "36:36: k: 'Q' is not a dim of this task",
         "dims: N, K"},
        {check,
         "{ tolerance = \"bound\", k = \"K\", u_out = -1 }",
         "36:49: u_out: -1 is outside 0 .. 1"},
        {check, "{ tolerance = \"bound\", k = \"K\", tiny = inf }", "36:48: tiny must be finite"},
        {check,
         "{ tolerance = \"exact\", k = \"K\" }",
         "36:32: unknown key 'k' in the check of argument 'y'"},
        {check,
         "{ tolerance = \"codes\" }",
         "36:9: tolerance codes compares bytes and the dtype is f32"},
        {check, "{ tolerance = \"codes\", code_bits = 5 }", "36:44: code_bits must be 4 or 8"},
    });
}

TEST_CASE("task_file: mistakes in fills are named with their place", "[core]") {
    const std::string fill = "{ dist = \"normal\", sigma = 2.0 }";
    check_goldens({
        {fill, "{ sigma = 2.0 }", "30:8: the fill of argument 'x' lacks the key 'dist'"},
        {fill,
         "{ dist = \"nromal\" }",
         "30:17: unknown distribution 'nromal'",
         "did you mean 'normal'?"},
        {fill,
         "{ dist = \"gauss\" }",
         "30:17: unknown distribution 'gauss'",
         "known: zero, constant, uniform, bytes, normal, student_t, outlier, log_uniform, ties, "
         "special, one_hot, ramp, zero_groups, constant_groups, records"},
        {fill,
         "{ dist = \"normal\", simga = 2.0 }",
         "30:27: unknown key 'simga' in the fill of argument 'x'",
         "did you mean 'sigma'?"},
        {fill,
         "{ dist = \"normal\", sigma = -2.0 }",
         "30:35: sigma: -2 is outside 0 .. 1.7976931348623157e+308"},
        {fill,
         "{ dist = \"normal\", sigma = \"2\" }",
         "30:35: sigma must be a number and is a text"},
        {fill,
         "{ dist = \"uniform\", lo = 1 }",
         "30:8: the fill of argument 'x' lacks the key 'hi'"},
        {fill, "{ dist = \"uniform\", lo = 3, hi = 1 }", "30:33: uniform: lo is above hi"},
        {fill,
         "{ dist = \"log_uniform\", lo = 0, hi = 1 }",
         "30:37: lo: 0 is outside 1e-300 .. 1.7976931348623157e+308"},
        {fill,
         "{ dist = \"outlier\", every = 2.5, scale = 2 }",
         "30:36: every must be a whole number"},
        {fill,
         "{ dist = \"zero_groups\", group = 4, fraction = 2 }",
         "30:54: fraction: 2 is outside 0 .. 1"},
        {fill,
         "{ dist = \"records\", record = [ { dtype = \"f32\" } ] }",
         "30:8: records fill arguments of dtype u8 and this one is f32"},
        {fill, "3", "30:8: fill must be a table and is an integer"},
        {"dist = \"bytes\" } }",
         "dist = \"uniform\", lo = 0, hi = 256 } }",
         "24:175: uniform: hi is no value of u8"},
        {"dist = \"bytes\" } }",
         "dist = \"constant\", value = 1.5 } }",
         "24:171: constant: value is no value of u8"},
        {"count = 16", "count = 0", "24:131: count: 0 is outside 1 .. 65536"},
        {"count = 16",
         "cuont = 16",
         "24:123: unknown key 'cuont' in a record field",
         "did you mean 'count'?"},
        {"dtype = \"f16\"",
         "dtype = \"f61\"",
         "24:49: dtype must be one of f16, bf16, f32, f64, i8, u8, i16, u16, i32, u32, i64, u64 "
         "and is 'f61'",
         "did you mean 'f16'?"},
    });
}

TEST_CASE("task_file: mistakes in costs and verification are named with their place", "[core]") {
    check_goldens({
        {"flop = \"2 * N * K\"\n", "", "38:1: [cost] lacks the key 'flop'"},
        {"flop = \"2 * N * K\"",
         "flop = 2.5",
         "39:8: flop must be an expression (a text) and is a number"},
        {"op_class = \"f32\"",
         "op_class = \"f64\"",
         "41:12: op_class must be one of f32, i8, bit, none and is 'f64'"},
        {"reference_flop", "reference_flops", "38:1: [cost] lacks the key 'reference_flop'"},
        {"project = \"y\"",
         "project = \"x\"",
         "44:11: project: 'x' is not an output of this task",
         "outputs: y"},
        {"products = \"N * K\"\n", "", "43:1: [verify] lacks the key 'products'"},
        {"{ tolerance = \"bound\", k = \"K\", u_out = 6e-8 }",
         "{ tolerance = \"exact\" }",
         "44:11: project: an exact output must have an integer dtype to be projected"},
        {"[prepare]\n",
         "[prepare]\nmax_bytes = \"N - 1000000\"\n",
         "49:8: case 'tiny': prepare.max_bytes is -999996, less than 0"},
        {"[prepare]\n", "[prepare]\nmax_size = 3\n", "38:1: unknown key 'max_size' in [prepare]"},
        {"role = \"weight\"",
         "role = \"in\"",
         "37:1: [prepare] without an argument of role weight"},
        {"bytes = \"N * K / 32 * 18 + 4 * (N + K)\"",
         "bytes = \"N / (K - 32)\"",
         "48:8: case 'tiny': cost.bytes: expression 'N / (K - 32)', column 3: division by zero"},
    });
}

TEST_CASE("task_file: mistakes in cases are named with their place", "[core]") {
    check_goldens({
        {"dims = { N = 4, K = 32 }",
         "dims = { N = 4 }",
         "48:8: the dims of case 'tiny' lacks the key 'K'"},
        {"dims = { N = 4, K = 32 }",
         "dims = { N = 4, K = 32, M = 2 }",
         "48:25: unknown key 'M' in the dims of case 'tiny'"},
        {"dims = { N = 4, K = 32 }",
         "dims = { N = 0, K = 32 }",
         "48:14: N = 0 is outside 1 .. 65536"},
        {"dims = { N = 4, K = 32 }",
         "dims = { N = 4, K = 40 }",
         "48:21: K = 40 is no multiple of 32"},
        {"dims = { N = 4, K = 32 }",
         "dims = { N = 4, K = \"32\" }",
         "48:21: K must be an integer and is a text"},
        {"name = \"big\"", "name = \"tiny\"", "51:8: the case name 'tiny' is taken"},
        {"name = \"big\"",
         "name = \"a b\"",
         "51:8: a case's name is printable ASCII without spaces and quotes"},
        {"distribution = \"spread\"",
         "distribution = \"spraed\"",
         "53:16: unknown distribution 'spraed'",
         "did you mean 'spread'?"},
        {"probe = true\n",
         "",
         "46:1: no probe case",
         "mark one small case with probe = true: the cheap first check"},
        {"timed = true",
         "timed = true\nprobe = true",
         "50:1: a second probe case: exactly one case is the probe"},
        {"timed = true\n", "", "46:1: no timed case", "mark the ranked shapes with timed = true"},
        {"timed = true", "timed = 1", "54:9: timed must be true or false and is an integer"},
        {"x = { dist = \"log_uniform\"",
         "z = { dist = \"log_uniform\"",
         "56:1: unknown argument 'z' in distribution 'spread'"},
        {"x = { dist = \"log_uniform\", lo = 1e-3, hi = 1e3 }",
         "y = { dist = \"zero\" }",
         "56:5: an argument of role out is not filled"},
        {"shape = [\"N\", \"K / 32 * 18\"]",
         "shape = [\"N\", \"K / 2\"]",
         "48:8: case 'tiny': argument 'w': the last axis (16 bytes) is no multiple of the record's "
         "18 bytes"},
        {"shape = [\"K\"]",
         "shape = [\"K\", \"1e9\"]",
         "48:8: case 'tiny': argument 'x' has 128000000000 bytes, more than 4 GiB"},
        {"shape = [\"K\"]",
         "shape = [\"K - 32\"]",
         "48:8: case 'tiny': argument 'x' has no elements"},
        {"shape = [\"K\"]",
         "shape = [\"K\", \"4e18\"]",
         "48:8: case 'tiny': computing the size of argument x: the number of elements does not fit "
         "64 bits"},
    });
}

TEST_CASE("task_file: mistakes in hidden cases are named with their place", "[core]") {
    const std::string choose = "choose = { N = [1, 7], K = [32, 96] }";
    check_goldens({
        {choose, "choose = { N = [1, 7] }", "59:10: the choose of [hidden] lacks the key 'K'"},
        {choose, "choose = { N = [], K = [32] }", "59:16: choose N from 1 to 64 values"},
        {choose, "choose = { N = [1, 70000], K = [32] }", "59:20: N = 70000 is outside 1 .. 65536"},
        {choose, "choose = { N = [1], K = [33] }", "59:26: K = 33 is no multiple of 32"},
        {"count = 2\nchoose", "count = 99\nchoose", "58:9: count: 99 is outside 0 .. 16"},
        {"distributions = [\"\", \"spread\"]",
         "distributions = [\"sprad\"]",
         "60:17: unknown distribution 'sprad'",
         "did you mean 'spread'?"},
        {"shape = [\"K\"]",
         "shape = [\"K == 96 && N == 7 ? 2000000000 : K\"]",
         "59:10: hidden case N=7 K=96: argument 'x' has 8000000000 bytes, more than 4 GiB"},
    });
}

TEST_CASE("task_file: mistakes in baselines and seeds are named with their place", "[core]") {
    const std::string file = "file = \"baselines/naive.cpp\"";
    const std::string peer = file + "\n[[baselines]]\nname = \"peer\"\nfile = \"seed.cpp\"\n";
    check_goldens({
        {file,
         "file = \"baselines/none.cpp\"",
         "63:8: there is no file 'baselines/none.cpp' in the task's folder"},
        {file,
         "file = \"../gemv/seed.cpp\"",
         "63:8: '../gemv/seed.cpp' is not a path inside the task's folder"},
        {file,
         "file = \"/etc/passwd\"",
         "63:8: '/etc/passwd' is not a path inside the task's folder"},
        {file, "file = \"baselines\"", "63:8: 'baselines' is not a regular file"},
        {file, peer + "link = [\"-rpath\"]", "67:8: '-rpath' is not the name of a library"},
        {file,
         peer + "isa = \"avx2\"",
         "67:7: isa must be one of x86-64-v2, x86-64-v3, x86-64-v4 and is 'avx2'"},
        {file,
         file + "\nlink = [\"dnnl\"]",
         "61:1: the first baseline is the naive one: it may need no library and no instruction "
         "set"},
        {file,
         file + "\n[[baselines]]\nname = \"naive\"\nfile = \"seed.cpp\"",
         "65:8: the baseline name 'naive' is taken"},
        {"[seed]\nfile = \"seed.cpp\"",
         "[seed]\nfiel = \"seed.cpp\"",
         "64:1: [seed] lacks the key 'file'"},
        {"[[baselines]]",
         "[[baseline]]",
         "61:3: unknown key 'baseline' in the task",
         "did you mean 'baselines'?"},
    });
}
