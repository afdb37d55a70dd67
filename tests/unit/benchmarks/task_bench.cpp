// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/benchmarks/task_bench.hpp"

#include "core/csprng.hpp"
#include "core/hash.hpp"
#include "core/task_file.hpp"
#include "evaluator/compare.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/fill.hpp"
#include "tests/support/catch.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdlib.h>

namespace kw::test {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t k_guard = 256;
constexpr std::byte k_guard_byte{0xa7};

using PrepareSize = std::size_t (*)(const std::int64_t*);

void write_file(const fs::path& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    REQUIRE(out.good());
}

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    INFO(path.string());
    REQUIRE(in.good());
    return {std::istreambuf_iterator<char>(in), {}};
}

fs::path cache() {
    const fs::path folder = fs::path(KW_BINARY_DIR) / "test-cache" / "benchmarks";
    fs::create_directories(folder);
    return folder;
}

bool is_output(const Arg& arg) {
    return arg.role == Role::out || arg.role == Role::inout;
}
bool is_input(const Arg& arg) {
    return arg.role != Role::out && arg.role != Role::workspace;
}

void run_reference(const Task& task, const Library& library, Drawn& drawn) {
    std::vector<void*> pointers = reference_inputs(task, drawn);
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        auto& buffers = drawn.reference.emplace_back();
        if (!is_output(task.args[i])) {
            continue;
        }
        const auto elements = element_count(task.args[i], drawn.dims).value();
        for (int which = 0; which < 2; ++which) {
            const auto bytes = reference_bytes(task.args[i], elements, which);
            if (bytes > 0) {
                buffers.emplace_back(static_cast<std::size_t>(bytes));
                pointers.push_back(buffers.back().data());
            }
        }
    }
    pointers.push_back(dims_pointer(drawn));
    entry_of(library, "kw_reference")(pointers.data());
    for (const auto& buffers : drawn.reference) {
        for (const Buffer& buffer : buffers) {
            REQUIRE(buffer.guard_intact());
        }
    }
}

std::string complaint(const Arg& arg, const OutputDiff& diff) {
    return arg.name + "[" + std::to_string(diff.first) + "]: got " + diff.got + ", want " +
           diff.want + ", " + std::to_string(diff.mismatches) + " of " +
           std::to_string(diff.elements) + " wrong";
}

}  // namespace

std::string replaced(const std::string& text, const std::string& find, const std::string& with) {
    const std::size_t at = text.find(find);
    INFO("text to replace: " << find);
    REQUIRE(at != std::string::npos);
    return text.substr(0, at) + with + text.substr(at + find.size());
}

Entry entry_of(const Library& library, const char* name) {
    void* symbol = library.symbol(name);
    INFO(name);
    REQUIRE(symbol != nullptr);
    return reinterpret_cast<Entry>(symbol);
}

void* dims_pointer(const Drawn& drawn) {
    return const_cast<std::int64_t*>(drawn.ordered.data());
}

std::vector<void*> reference_inputs(const Task& task, const Drawn& drawn) {
    std::vector<void*> pointers;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        if (is_input(task.args[i])) {
            pointers.push_back(drawn.args[i].data());
        }
    }
    return pointers;
}

Library::Library(const fs::path& file)
    : handle_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) {
        FAIL(dlerror());
    }
}
void* Library::symbol(const char* name) const {
    return dlsym(handle_, name);
}

Buffer::Buffer(std::size_t bytes)
    : storage_(new std::byte[bytes + k_guard + 64])
    , size_(bytes) {
    std::fill_n(data() + size_, k_guard, k_guard_byte);
}
std::byte* Buffer::data() const {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.get());
    return storage_.get() + (64 - address % 64) % 64;
}
bool Buffer::guard_intact() const {
    return std::all_of(
        data() + size_, data() + size_ + k_guard, [](std::byte b) { return b == k_guard_byte; });
}

TaskBench::TaskBench(const std::string& name) {
    auto task = load_task(fs::path(KW_SOURCE_DIR) / "benchmarks" / name);
    INFO((task.ok() ? std::string() : task.error().what));
    REQUIRE(task.ok());
    task_ = std::move(*task);
    std::string pattern = (fs::temp_directory_path() / "kw-bench-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    work_ = pattern;
    write_file(work_ / (task_.name + ".h"), cpu::task_header(task_));
    write_file(work_ / (task_.name + "_reference.h"), cpu::reference_header(task_));
    reference_ = std::make_unique<Library>(build(read_file(task_.reference), "-march=native"));
}

TaskBench::~TaskBench() {
    std::error_code ignored;
    fs::remove_all(work_, ignored);
}

std::string TaskBench::read(const std::string& file) const {
    return read_file(task_.folder / file);
}

Library TaskBench::build(
    const std::string& source, const std::string& flags, const std::string& link) const {
    const std::string options =
        "-std=c++20 -O2 " + flags + " -DKW_TRAMPOLINES -fPIC -shared -fvisibility=hidden " + link;
    // Every test is a process of its own, and all of a task need its reference.
    const fs::path base =
        cache() / sha256_hex(
                      std::string(__VERSION__) + options + cpu::task_header(task_) +
                      cpu::reference_header(task_) + source);
    const fs::path object = base.string() + ".so";
    if (!fs::exists(object)) {
        const std::string mine = (work_ / ("source" + std::to_string(built_++))).string();
        write_file(mine + ".cpp", source);
        const std::string command = "g++ -I" + work_.string() + " -o " + mine + ".so " + mine +
                                    ".cpp " + options + " > " + mine + ".txt 2>&1";
        const int status = std::system(command.c_str());
        INFO(command << "\n" << read_file(mine + ".txt"));
        REQUIRE(status == 0);
        // Whole or not at all: another test may build the same.
        fs::copy_file(mine + ".so", base.string() + "." + std::to_string(getpid()));
        fs::rename(base.string() + "." + std::to_string(getpid()), object);
    }
    return Library(object);
}

Drawn TaskBench::draw(
    const DimMap& dims, const std::string& distribution, const std::string& label) const {
    Drawn drawn;
    drawn.dims = dims;
    drawn.distribution = distribution;
    drawn.ordered = ordered_dims(task_, dims);
    const Seed seed = seed_from_text("kernelwright benchmarks test");
    for (const Arg& arg : task_.args) {
        const auto bytes = byte_size(arg, dims);
        REQUIRE(bytes.ok());
        Buffer& buffer = drawn.args.emplace_back(static_cast<std::size_t>(*bytes));
        if (!is_input(arg)) {
            poison(buffer.bytes(), arg.dtype, 1);
            continue;
        }
        SecretStream stream(seed, label + "/" + arg.name);
        const auto filled =
            fill_argument(arg, dims, fill_of(task_, arg, distribution), stream, buffer.bytes());
        INFO(label << " " << arg.name << " " << (filled.ok() ? "" : filled.error().what));
        REQUIRE(filled.ok());
    }
    run_reference(task_, *reference_, drawn);
    return drawn;
}

std::vector<Buffer> TaskBench::run(
    const Library& library, const Drawn& drawn, std::string& complaint) const {
    std::vector<Buffer> outputs;
    std::vector<void*> pointers;
    outputs.reserve(task_.args.size());
    for (std::size_t i = 0; i < task_.args.size(); ++i) {
        const auto from = drawn.args[i].bytes();
        outputs.emplace_back(from.size());
        std::memcpy(outputs.back().data(), from.data(), from.size());
        pointers.push_back(outputs.back().data());
    }
    const auto size = reinterpret_cast<PrepareSize>(library.symbol("kw_prepare_size"));
    REQUIRE(size != nullptr);
    const std::size_t packed_bytes = size(drawn.ordered.data());
    Buffer packed(packed_bytes);
    pointers.push_back(packed_bytes > 0 ? packed.data() : nullptr);
    pointers.push_back(dims_pointer(drawn));
    if (packed_bytes > 0) {
        const auto cap = task_.prepare_max_bytes.eval(drawn.dims);
        if (!task_.prepare || !cap.ok() || packed_bytes > static_cast<std::size_t>(*cap)) {
            complaint = "prepare wants " + std::to_string(packed_bytes) + " bytes";
            return outputs;
        }
        entry_of(library, "kw_prepare")(pointers.data());
    }
    entry_of(library, "kw_entry")(pointers.data());
    if (!packed.guard_intact()) {
        complaint = "prepare wrote behind its bytes";
    }
    for (std::size_t i = 0; i < task_.args.size(); ++i) {
        if (!outputs[i].guard_intact()) {
            complaint = task_.args[i].name + ": written behind its end";
        }
    }
    return outputs;
}

std::string TaskBench::check(const Library& library, const Drawn& drawn) const {
    std::string complaint;
    const std::vector<Buffer> outputs = run(library, drawn, complaint);
    if (!complaint.empty()) {
        return complaint;
    }
    std::vector<std::span<std::byte>> after;
    for (const Buffer& output : outputs) {
        after.push_back(output.bytes());
    }
    return check(drawn, after);
}

std::string TaskBench::check(
    const Drawn& drawn, const std::vector<std::span<std::byte>>& after) const {
    for (std::size_t i = 0; i < task_.args.size(); ++i) {
        const Arg& arg = task_.args[i];
        const auto got = after[i];
        const auto before = drawn.args[i].bytes();
        if (arg.role == Role::weight || arg.role == Role::in) {
            if (std::memcmp(got.data(), before.data(), got.size()) != 0) {
                return arg.name + ": input was changed";
            }
        } else if (is_output(arg)) {
            const auto& reference = drawn.reference[i];
            const auto diff = compare_output(
                arg,
                drawn.dims,
                got,
                before,
                reference[0].bytes(),
                reference.size() > 1 ? reference[1].bytes() : std::span<std::byte>());
            REQUIRE(diff.ok());
            if (!diff->equal) {
                return complaint(arg, *diff);
            }
        }
    }
    return "";
}

const std::vector<std::pair<std::string, Drawn>>& TaskBench::cases() const {
    if (cases_.empty()) {
        for (const Case& item : task_.cases) {
            if (!item.timed) {
                cases_.emplace_back(item.name, draw(item.dims, item.distribution, item.name));
            }
        }
        for (std::size_t i = 0; i < 4; ++i) {  // hidden shapes: a different value of each dim
            DimMap dims;
            for (const auto& [name, values] : task_.hidden.choose) {
                dims[name] = values[i % values.size()];
            }
            const auto& kinds = task_.hidden.distributions;
            const std::string label = "hidden " + show_dims(task_, dims);
            cases_.emplace_back(
                label, draw(dims, kinds.empty() ? "" : kinds[i % kinds.size()], label));
        }
    }
    return cases_;
}

std::string TaskBench::first_complaint(const Library& library) const {
    for (const auto& [name, drawn] : cases()) {
        const std::string text = check(library, drawn);
        if (!text.empty()) {
            return name + ": " + text;
        }
    }
    return "";
}

std::vector<std::string> tuned_sources(const std::string& seed) {
    struct Parameter {
        std::string name, now;
        std::vector<std::string> values;
    };
    std::vector<Parameter> parameters;
    const std::regex tune(R"(//!tune (\w+) = \{([^}]*)\}\n#define (\w+) (\S+)\n)");
    std::size_t points = 0;
    for (std::sregex_iterator at(seed.begin(), seed.end(), tune), end; at != end; ++at) {
        const std::smatch& match = *at;
        REQUIRE(match[1] == match[3]);
        Parameter& parameter = parameters.emplace_back();
        parameter.name = match[1];
        parameter.now = match[4];
        const std::string list = match[2];
        const std::regex value(R"([^,\s]+)");
        for (std::sregex_iterator v(list.begin(), list.end(), value); v != end; ++v) {
            parameter.values.push_back(v->str());
        }
        CHECK(std::count(parameter.values.begin(), parameter.values.end(), parameter.now) == 1);
        points = std::max(points, parameter.values.size());
    }
    REQUIRE(!parameters.empty());
    std::vector<std::string> sources;
    for (std::size_t point = 0; point <= points; ++point) {
        std::string& source = sources.emplace_back(seed);
        for (const Parameter& parameter : parameters) {
            const std::string& value =
                point == points ? parameter.now : parameter.values[point % parameter.values.size()];
            source = replaced(
                source,
                "#define " + parameter.name + " " + parameter.now + "\n",
                "#define " + parameter.name + " " + value + "\n");
        }
    }
    return sources;
}

void check_packing(const Task& task, const Library& library) {
    const auto size = reinterpret_cast<PrepareSize>(library.symbol("kw_prepare_size"));
    for (const Case& item : task.cases) {
        if (task.prepare && item.timed) {
            const auto dims = ordered_dims(task, item.dims);
            const auto cap =
                static_cast<std::size_t>(task.prepare_max_bytes.eval(item.dims).value());
            INFO(item.name);
            CHECK(size(dims.data()) <= cap);
        }
    }
}

void require_baselines_right(const TaskBench& bench) {
    REQUIRE(bench.task().baselines.size() >= 2);
    for (const Baseline& baseline : bench.task().baselines) {
        std::string link;
        bool present = true;
        for (const std::string& library : baseline.link) {
            link += " -l" + library;
            present = present && std::system(("echo 'int main(){}' | g++ -x c++ - -o /dev/null -l" +
                                              library + " > /dev/null 2>&1")
                                                 .c_str()) == 0;
        }
        if (!present) {
            WARN(baseline.name << " is absent: its library is not installed");
            continue;
        }
        INFO(bench.task().name << " baseline " << baseline.name);
        const Library library = bench.build(read_file(baseline.file), "-march=x86-64-v3", link);
        CHECK(bench.first_complaint(library) == "");
        check_packing(bench.task(), library);
    }
}

}  // namespace kw::test
