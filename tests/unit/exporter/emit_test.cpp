// SPDX-License-Identifier: Apache-2.0
// The generated text: reproducible, and deaf to what strangers wrote. That it compiles and runs is
// tests/integration/exporter.
#include "exporter/emit.hpp"

#include "core/task_file.hpp"
#include "exporter/export.hpp"
#include "tests/support/board_kernels.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

using namespace kw;
using namespace kw::test;
using namespace kw::exporter;

namespace {

const std::filesystem::path k_library = std::filesystem::path(KW_SOURCE_DIR) / "library";

Task scale_add() {
    auto task = load_task(std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add");
    REQUIRE(task.ok());
    return *task;
}

/// Accepts everything, at every level but the worst.
struct Willing final : Examiner {
    Result<Examination> examine(
        const Task&, const Candidate& candidate, const IsaLevel& level) override {
        const bool constructor = candidate.source.find("constructor") != std::string::npos;
        if (level.suffix == "v2" || constructor) {
            return Examination{"CE: no such intrinsic", false, false};
        }
        return Examination{"", level.suffix == "v3", level.suffix == "v4"};
    }
    Result<std::string> build_cuda(const Task&, const Candidate&, CudaCode&) override {
        return std::string("no toolkit");
    }
};

StoredKernel kernel_of(const Task& task, const std::string& source, const std::string& stranger) {
    StoredKernel kernel;
    const Candidate candidate = make_candidate(task.name, source);
    kernel.candidate.hash = candidate.hash;
    kernel.candidate.task = task.name;
    kernel.candidate.isa = "native";
    kernel.candidate.source = source;
    kernel.board.task = task.name;
    kernel.board.candidate_hash = candidate.hash;
    kernel.board.target = "cpu";
    kernel.board.campaign = stranger;
    kernel.board.model = stranger;
    kernel.board.device = "cpu: " + stranger + ", 2 cores, x86-64-v4";
    kernel.board.timing_kind = "measured";
    kernel.board.speedup = {2, 1.9, 2.1};
    kernel.judging.result.cases = passed_cases(task);
    return kernel;
}

Result<Pack> pack_of(const std::vector<StoredKernel>& kernels, bool named = true) {
    static Willing examiner;
    const TaskFinder find = [](const std::string&) -> Result<Task> {
        return scale_add();
    };
    return make_pack({kernels, {}, named}, find, examiner, "0.1.0");
}

}  // namespace

TEST_CASE("make_pack: one unit for a kernel with rows of two devices", "[exporter]") {
    const Task task = scale_add();
    StoredKernel second = kernel_of(task, "void f();", "B");
    second.board.speedup = {3, 2.9, 3.1};
    const auto pack = pack_of({kernel_of(task, "void f();", "A"), second});
    REQUIRE(pack.ok());
    REQUIRE(pack->operations.size() == 1);
    CHECK(pack->operations[0].units.size() == 1);
    REQUIRE(pack->operations[0].rows.size() == 2);
    CHECK(pack->operations[0].rows[0].kernel.board.speedup.value == 3);  // best first
    const Unit& unit = pack->operations[0].units[0];
    CHECK(unit.codes.size() == 3);
    CHECK(unit.absent.at("x86-64-v2") == "CE: no such intrinsic");
    CHECK(unit.codes[0].checked);
    CHECK(unit.codes[1].keeps_state);
}

TEST_CASE("make_pack: what cannot be exported is skipped with its reason", "[exporter]") {
    const Task task = scale_add();
    const auto none = pack_of({kernel_of(task, "constructor", "A")});
    REQUIRE(!none.ok());
    CHECK(none.error().code == Errc::no);
    StoredKernel cuda = kernel_of(task, "gpu", "A");
    cuda.candidate.target = "cuda";
    cuda.candidate.isa = "sm_90a";
    const auto some = pack_of({kernel_of(task, "void f();", "A"), cuda});
    REQUIRE(some.ok());
    REQUIRE(some->skipped.size() == 1);
    CHECK(some->skipped[0].reason == "no toolkit");
}

TEST_CASE(
    "make_pack: it walks down until a row is exported and each level has code", "[exporter]") {
    const Task task = scale_add();
    StoredKernel narrow = kernel_of(task, "int only_v3;", "A");
    narrow.candidate.isa = "x86-64-v3";
    const auto pack = pack_of(
        {kernel_of(task, "constructor", "A"),  // the best one is no library
         narrow,                               // v3 alone: v4 has no code yet
         kernel_of(task, "void f();", "A"),
         kernel_of(task, "void slower();", "A"),
         kernel_of(task, "void elsewhere();", "B")},
        false);
    REQUIRE(pack.ok());
    const auto& rows = pack->operations[0].rows;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].kernel.candidate.source == "int only_v3;");
    CHECK(rows[1].kernel.candidate.source == "void f();");
    CHECK(rows[2].kernel.candidate.source == "void elsewhere();");
    CHECK(pack->operations[0].units.size() == 3);
    CHECK(pack->skipped.size() == 1);
}

TEST_CASE("make_pack: a row without accepted cases and one too many stay out", "[exporter]") {
    const Task task = scale_add();
    StoredKernel unseen = kernel_of(task, "void g();", "A");
    unseen.judging.result.cases.clear();
    std::vector<StoredKernel> kernels(k_most_rows + 1, kernel_of(task, "void f();", "A"));
    kernels.insert(kernels.begin(), unseen);
    const auto pack = pack_of(kernels);
    REQUIRE(pack.ok());
    CHECK(pack->operations[0].rows.size() == k_most_rows);
    REQUIRE(pack->skipped.size() == 2);
    CHECK(pack->skipped[0].reason.find("no case") != std::string::npos);
    CHECK(pack->skipped[1].reason.find("64 rows") != std::string::npos);
}

TEST_CASE("pack: the tables of the run-time have the sizes that the exporter minds", "[exporter]") {
    const std::string runtime =
        read_file(k_library / "src/kwk_runtime.h") + read_file(k_library / "src/kwk_cuda.h");
    for (const auto& [name, size] :
         {std::pair("ARGS", k_most_args),
          std::pair("DIMS", k_most_dims),
          std::pair("RANK", k_most_rank),
          std::pair("KERNELS", k_most_rows),
          std::pair("MAP_RANK", k_most_map_rank)}) {
        const std::string want = std::string("KWK_MAX_") + name + " = " + std::to_string(size);
        INFO(want);
        CHECK(runtime.find(want + ",") != std::string::npos);
    }
}

TEST_CASE("pack: the build names every source of the run-time", "[exporter]") {
    const std::string build = read_file(k_library / "cmake/CMakeLists.txt");
    CHECK(build.find("GLOB kwk") == std::string::npos);
    for (const char* part : {"src", "selfcheck"}) {
        for (const auto& entry : std::filesystem::directory_iterator(k_library / part)) {
            const std::string name = entry.path().filename().string();
            if (entry.path().extension() == ".c" && name != "kwk_cxx_shim.c") {
                INFO(name);
                CHECK(build.find(std::string(part) + "/" + name) != std::string::npos);
            }
        }
    }
}

TEST_CASE("pack: the library's version is that of its ABI", "[exporter]") {
    const auto pack = pack_of({kernel_of(scale_add(), "void f();", "A")});
    REQUIRE(pack.ok());
    CHECK(abi_of(*pack) == "0.1");
    CHECK(build_list(*pack).find("set(KWK_ABI 0.1)") != std::string::npos);
    CHECK(python_operations(*pack).find("ABI = \"0.1\"") != std::string::npos);
    Pack later = *pack;
    later.version = "1.22.3-rc1";
    CHECK(abi_of(later) == "1.22");
    CHECK(build_list(later) != build_list(*pack));
}

TEST_CASE("operation_table: dimensions are locals of their own names", "[exporter]") {
    Task task = scale_add();
    auto pack = pack_of({kernel_of(task, "void f();", "A")});
    REQUIRE(pack.ok());
    const std::string table = operation_table(pack->operations[0]);
    CHECK(table.find("const int64_t kwk_n_N = kwk_dims[0]") != std::string::npos);
    CHECK(table.find("const int64_t N ") == std::string::npos);
}

TEST_CASE("operation_table: a row says what it was measured on and for", "[exporter]") {
    CHECK(
        device_name("cuda: NVIDIA H200 (sm_90a, 132 SMs), driver for CUDA 12.8") == "NVIDIA H200");
    CHECK(device_name("cpu: A (R), 2 cores, x86-64-v4") == "A (R)");
    StoredKernel kernel = kernel_of(scale_add(), "void f();", "A");
    for (const auto& [isa, level] :
         {std::pair("native", "KWK_LEVEL_V4"),
          std::pair("x86-64-v2", "KWK_LEVEL_V2"),
          std::pair("sse9", "KWK_LEVEL_NONE")}) {
        kernel.board.isa = isa;
        const auto pack = pack_of({kernel});
        REQUIRE(pack.ok());
        const std::string table = operation_table(pack->operations[0]);
        CHECK(table.find(std::string("\"A\",\n     ") + level + ",\n") != std::string::npos);
    }
}

TEST_CASE("build_list: references are built for any processor", "[exporter]") {
    const auto pack = pack_of({kernel_of(scale_add(), "void f();", "A")});
    REQUIRE(pack.ok());
    const std::string list = build_list(*pack);
    const std::size_t at = list.find("kwk_operation(scale_add");
    REQUIRE(at != std::string::npos);
    CHECK(list.substr(at, list.find('\n', at) - at).find("-march") == std::string::npos);
}

TEST_CASE(
    "pack_files: the same pack gives the same bytes and another source another pack",
    "[exporter]") {
    const Task task = scale_add();
    const auto first = pack_files(*pack_of({kernel_of(task, "void f();", "A")}), k_library);
    const auto again = pack_files(*pack_of({kernel_of(task, "void f();", "A")}), k_library);
    const auto other = pack_files(*pack_of({kernel_of(task, "void g();", "A")}), k_library);
    REQUIRE((first.ok() && again.ok() && other.ok()));
    CHECK(*first == *again);
    CHECK(sums_of(*first) != sums_of(*other));
    CHECK(first->at("src/operations.c") != other->at("src/operations.c"));
}

TEST_CASE("pack_files: every generated file and kernel has its licence", "[exporter]") {
    const auto pack = pack_of({kernel_of(scale_add(), "void f();", "a model")});
    REQUIRE(pack.ok());
    const auto files = pack_files(*pack, k_library);
    REQUIRE(files.ok());
    const std::string id = pack->operations[0].units[0].id;
    CHECK(files->at("LICENSE").find("Apache License") != std::string::npos);
    CHECK(files->at("NOTICE").find(id + " by a model\n") != std::string::npos);
    for (const auto& [name, text] : *files) {
        const std::string kind = std::filesystem::path(name).extension().string();
        if (kind == ".c" || kind == ".cpp" || kind == ".h" || kind == ".hpp" || kind == ".cmake") {
            INFO(name);
            CHECK(text.substr(0, 60).find("SPDX-License-Identifier: ") != std::string::npos);
            CHECK(text.find("SPDX-", text.find("SPDX-") + 1) == std::string::npos);
        }
    }
}

TEST_CASE("pack_files: names and sources of strangers stay text", "[exporter]") {
    const Task task = scale_add();
    const std::string stranger = "\"); */\n#error \"x\" ?\?/\n\\\x01\xff |`](http://x)";
    const std::string source = "/* */ #define kwk_run 1\n#line 1 \"/etc/passwd\"\n}}}";
    const auto pack = pack_of({kernel_of(task, source, stranger)});
    REQUIRE(pack.ok());
    const auto files = pack_files(*pack, k_library);
    REQUIRE(files.ok());
    const std::string id = pack->operations[0].units[0].id;
    CHECK(files->at("src/scale_add/" + id + ".inc") == source);
    for (const auto& [name, text] : *files) {
        if (name == "src/scale_add/" + id + ".inc") {
            continue;
        }
        INFO(name);
        CHECK(text.find("\n#error \"x\"") == std::string::npos);  // a directive begins a line
        for (const char c : text) {
            const bool ascii = (c >= ' ' && c <= '~') || c == '\n' || c == '\t';
            if (!ascii) {
                FAIL("a byte that is not text");
            }
        }
    }
    const auto manifest = nlohmann::json::parse(files->at("manifest.json"));
    CHECK(manifest.at("operations").at(0).at("rows").at(0).at("speedup").at("value") == 2);
    CHECK(manifest.at("operations").at(0).at("units").at(0).at("code").size() == 3);
}

TEST_CASE("pack_files: a task may not take the pack's own names", "[exporter]") {
    const Task task = scale_add();
    auto pack = pack_of({kernel_of(task, "void f();", "A")});
    REQUIRE(pack.ok());
    for (const char* name : {"explain", "run", "call", "prepare", "op"}) {
        pack->operations[0].task.name = name;
        INFO(name);
        CHECK(!pack_files(*pack, k_library).ok());
    }
    Operation twin = pack->operations[0];
    pack->operations[0].task.name = "gemv";
    twin.task.name = "gemv_prepare";
    pack->operations.push_back(twin);
    const auto files = pack_files(*pack, k_library);
    REQUIRE(!files.ok());
    CHECK(files.error().what.find("kwk_gemv_prepare") != std::string::npos);
}

TEST_CASE("make_pack: names that the generated files need are refused by name", "[exporter]") {
    const auto made = [](const std::string& name, const std::string& dim) {
        static Willing examiner;
        Task task = scale_add();
        StoredKernel kernel = kernel_of(task, "void f();", "A");
        kernel.board.task = task.name = name;
        task.dims[0].name = dim;
        const TaskFinder find = [&](const std::string&) -> Result<Task> {
            return task;
        };
        return make_pack({{kernel}, {}, false}, find, examiner, "0.1.0");
    };
    for (const char* task : {"kwk", "shared", "empty", "operations", "static", "lambda"}) {
        INFO(task);
        const auto pack = made(task, "N");
        REQUIRE(!pack.ok());
        CHECK(pack.error().code == Errc::config);
        CHECK(pack.error().what.find(std::string("'") + task + "'") != std::string::npos);
    }
    for (const char* dim :
         {"int64_t", "SIZE_MAX", "policy", "stream", "workspace", "lambda", "in", "kw_x"}) {
        INFO(dim);
        CHECK(!made("scale_add", dim).ok());
    }
    CHECK(made("internal", "N").ok());
}

TEST_CASE("write_pack: a folder that is not empty is left alone", "[exporter]") {
    const Folder folder;
    const Files files{{"a/b.txt", "x"}};
    REQUIRE(write_pack(files, folder / "new").ok());
    CHECK(read_file(folder / "new" / "a" / "b.txt") == "x");
    CHECK(read_file(folder / "new" / "SHA256SUMS").ends_with("  a/b.txt\n"));
    const auto twice = write_pack(files, folder / "new");
    REQUIRE(!twice.ok());
    CHECK(twice.error().code == Errc::usage);
    CHECK(check_target(folder / "new").error().code == Errc::usage);
    CHECK(check_target(folder / "other").ok());
    std::filesystem::create_directory(folder / "empty");
    CHECK(write_pack(files, folder / "empty").ok());
}

TEST_CASE("write_pack: what others laid beside the folder stays", "[exporter]") {
    const Folder folder;
    write_file(folder / "mine" / "precious.txt", "x");
    std::filesystem::create_directory_symlink(folder / "mine", folder / "new.partial");
    std::filesystem::create_directory_symlink(folder / "mine", folder / "link");
    REQUIRE(write_pack({{"a.txt", "y"}}, folder / "new").ok());
    CHECK(read_file(folder / "mine" / "precious.txt") == "x");
    CHECK(std::filesystem::is_symlink(folder / "new.partial"));
    CHECK(!write_pack({{"a.txt", "y"}}, folder / "link").ok());
    std::size_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        static_cast<void>(entry);
        ++entries;
    }
    CHECK(entries == 4);  // mine, two links, the pack
}
