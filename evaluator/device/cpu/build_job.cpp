// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_job.hpp"

#include "core/hash.hpp"
#include "evaluator/device/cpu/asm_facts.hpp"
#include "evaluator/device/cpu/build_diagnostics.hpp"
#include "evaluator/device/cpu/build_files.hpp"
#include "evaluator/device/cpu/build_flags.hpp"
#include "evaluator/device/cpu/build_pch.hpp"
#include "evaluator/device/cpu/elf_facts.hpp"
#include "evaluator/device/cpu/scan.hpp"

#include <algorithm>
#include <chrono>

namespace kw::cpu {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* k_preprocessed = "kw_source.ii";
constexpr const char* k_object_file = "kw_kernel.so";

/// The run directory of one build; children of the sandbox wrote into it, so it goes with the
/// build.
struct WorkDir {
    fs::path path;
    explicit WorkDir(fs::path folder)
        : path(std::move(folder)) {}
    WorkDir(const WorkDir&) = delete;
    WorkDir& operator=(const WorkDir&) = delete;
    ~WorkDir() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

sandbox::Limits limits_of(SourceKind kind) {
    sandbox::Limits limits;
    limits.cpu = std::chrono::seconds(kind == SourceKind::candidate ? 20 : 60);
    limits.file_bytes = k_build_output_limit;
    return limits;
}

class Job {
public:
    Job(const BuildJob& job, fs::path work_dir)
        : job_(job)
        , work_(std::move(work_dir))
        , pch_(job.pch_folder)
        , limits_(limits_of(job.request.kind))
        , trusted_(job.request.kind != SourceKind::candidate)
        , scanned_(!trusted_ && job.request.scan) {}

    Result<BuiltObject> run() {
        if (job_.pch_ms > 0) {
            stage("build.pch", job_.pch_ms);
        }
        built_.outcome.facts.compiler = job_.toolchain.version;
        built_.outcome.facts.command = shown_command();
        if (scanned_ && !allowed(scan_timed([this] { return scan_source(job_.request.source); }))) {
            return std::move(built_);
        }
        KW_TRY(write_inputs());
        KW_TRY_ASSIGN(const bool preprocessed, preprocess());
        if (!preprocessed) {
            return std::move(built_);
        }
        const auto text = read_file(work_.path / k_preprocessed, k_build_output_limit);
        if (!text) {
            return fail(Verdict::memory_limit, "the preprocessed source is larger than 64 MiB");
        }
        if (scanned_ && !allowed(scan_timed([&] { return scan_text(*text); }))) {
            return std::move(built_);
        }
        KW_TRY_ASSIGN(const bool compiled, compile());
        if (compiled) {
            facts();
        }
        return std::move(built_);
    }

private:
    void stage(const char* name, double ms) { built_.outcome.stages.push_back({name, ms}); }

    template <class Step>
    auto timed(const char* name, Step step) {
        const auto start = Clock::now();
        auto result = step();
        stage(name, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
        return result;
    }
    template <class Scan>
    ScanResult scan_timed(Scan scan) {
        return timed("scan", scan);
    }

    BuiltObject fail(Verdict verdict, std::string summary, std::string detail = {}) {
        built_.outcome.verdict = verdict;
        built_.outcome.summary = std::move(summary);
        built_.outcome.detail = std::move(detail);
        built_.outcome.facts.diagnostics = built_.outcome.detail;
        return std::move(built_);
    }

    /// Takes over the findings; false and a verdict when something is forbidden.
    bool allowed(ScanResult scan) {
        auto& findings = built_.outcome.findings;
        findings.insert(findings.end(), scan.findings.begin(), scan.findings.end());
        if (scan.violations.empty()) {
            return true;
        }
        for (const Violation& violation : scan.violations) {
            findings.push_back(
                {violation.rule,
                 "violation",
                 "scan",
                 "line " + std::to_string(violation.line) + ": " + violation.what});
        }
        const Violation& first = scan.violations.front();
        built_.outcome.verdict = Verdict::forbidden;
        built_.outcome.summary =
            job_.file_name + ":" + std::to_string(first.line) + ": " + first.what;
        built_.outcome.detail = show(scan.violations, job_.file_name);
        return false;
    }

    ScanResult scan_text(std::string_view text) {
        PreprocessedInput input;
        input.text = text;
        input.own_file = job_.file_name;
        input.our_files = {job_.header_name, k_pch_header};
        if (pch_) {
            input.our_files.push_back((*pch_ / k_pch_header).string());
            input.pch_path = (*pch_ / (std::string(k_pch_header) + ".gch")).string();
        }
        input.allowed_roots = {
            "/usr/include/",
            "/usr/lib/gcc/",
            "/usr/lib/llvm",
            "/usr/local/include/",
            "/usr/lib/clang/"};
        return scan_preprocessed(input);
    }

    Result<void> write_inputs() {
        KW_TRY(write_file(work_.path / job_.file_name, job_.request.source, 0444));
        KW_TRY(write_file(work_.path / job_.header_name, job_.header, 0444));
        KW_TRY(write_file(work_.path / k_pch_header, pch_header_text(), 0444));
        return {};
    }

    [[nodiscard]] sandbox::Command command(const std::vector<std::string>& arguments) const {
        sandbox::Command command;
        command.argv = {job_.toolchain.compiler.string()};
        command.argv.insert(command.argv.end(), job_.flags.begin(), job_.flags.end());
        command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
        command.env = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C"}, {"TMPDIR", "/tmp"}};
        command.cwd = work_.path;
        command.binds = {{work_.path, {}, true}};
        if (pch_) {
            command.binds.push_back({*pch_, {}, false});
        }
        command.limits = limits_;
        return command;
    }

    [[nodiscard]] std::string shown_command() const {
        std::string text = job_.toolchain.family;
        for (const std::string& flag : job_.flags) {
            if (flag.find("diagnostics") == std::string::npos) {
                text += " " + flag;
            }
        }
        text += " -shared " + job_.file_name;
        for (const std::string& library : job_.request.link) {
            text += " -l" + library;
        }
        return text;
    }

    [[nodiscard]] DiagnosticContext context() const {
        DiagnosticContext context;
        context.own_file = job_.file_name;
        context.source = job_.request.source;
        context.work_dir = work_.path.string();
        context.task_function =
            job_.task.name + (job_.request.kind == SourceKind::reference ? "_reference" : "");
        context.task_signature = signature(context.task_function);
        return context;
    }

    /// `void name(...)` out of the generated header, on one line.
    [[nodiscard]] std::string signature(const std::string& function) const {
        const std::size_t start = job_.header.find("\nvoid " + function + "(");
        const std::size_t end = job_.header.find(");", start);
        if (start == std::string::npos || end == std::string::npos) {
            return function;
        }
        std::string text;
        for (const char c : std::string_view(job_.header).substr(start + 1, end - start)) {
            const bool again = (c == ' ' || c == '\n') && !text.empty() && text.back() == ' ';
            text += again ? "" : std::string(1, c == '\n' ? ' ' : c);
        }
        return "extern \"C\" " + text;
    }

    /// True when the step went well; false with the verdict set.
    bool passed(const sandbox::Outcome& outcome) {
        const auto failure = judge_step(outcome, limits_);
        if (!failure) {
            return true;
        }
        std::string detail = clean_diagnostics(outcome.err, context());
        if (failure->verdict == Verdict::internal) {
            detail += "the compiler said: " + outcome.err.substr(0, 500) + "\n";
        }
        std::string summary = failure->summary;
        if (failure->verdict == Verdict::compile_error && !detail.empty()) {
            summary = detail.substr(0, detail.find('\n'));
        }
        built_ = fail(failure->verdict, std::move(summary), std::move(detail));
        return false;
    }

    Result<sandbox::Outcome> run_preprocessor() {
        std::vector<std::string> arguments;
        const bool gcc = job_.toolchain.family == "g++";
        if (pch_) {
            arguments = {
                "-Winvalid-pch",
                "-Werror=invalid-pch",
                "-include",
                (*pch_ / k_pch_header).string()};
        } else if (job_.request.kind != SourceKind::reference) {
            arguments = {"-include", k_pch_header};
        }
        arguments.insert(
            arguments.end(),
            {"-DKW_TRAMPOLINES",
             "-include",
             job_.header_name,
             "-I.",
             "-E",
             job_.file_name,
             "-o",
             k_preprocessed});
        if (gcc) {
            arguments.emplace_back("-fpch-preprocess");
        }
        return job_.sandbox.run(command(arguments));
    }

    Result<bool> preprocess() {
        return timed("build.preprocess", [this]() -> Result<bool> {
            KW_TRY_ASSIGN(sandbox::Outcome outcome, run_preprocessor());
            if (pch_ && blames_pch(outcome.err)) {
                drop_pch();
                KW_TRY_ASSIGN(outcome, run_preprocessor());
            }
            warnings_ = outcome.err;
            return passed(outcome);
        });
    }

    /// The header as text instead: slower, never wrong.
    void drop_pch() {
        built_.outcome.findings.push_back(
            {"pch-unused", "info", "build", "the precompiled header could not be used"});
        pch_.reset();
    }

    [[nodiscard]] std::vector<std::string> compile_arguments(bool lean) const {
        std::vector<std::string> arguments{"-x", "c++-cpp-output", k_preprocessed, "-x", "none"};
        if (job_.toolchain.family == "g++") {
            arguments.insert(arguments.begin(), "-fpreprocessed");
        }
        const auto link = link_flags();
        arguments.insert(arguments.end(), link.begin(), link.end());
        arguments.insert(arguments.end(), {"-save-temps=obj", "-o", k_object_file});
        add_libraries(arguments, lean);
        return arguments;
    }

    /// Without libstdc++ the link takes half as long and the object loads faster; few kernels need
    /// it.
    void add_libraries(std::vector<std::string>& arguments, bool lean) const {
        for (const std::string& library : job_.request.link) {
            arguments.push_back("-l" + library);
        }
        if (lean) {
            arguments.insert(arguments.end(), {"-nodefaultlibs", "-lm", "-lc", "-lgcc"});
        } else {
            arguments.emplace_back("-lm");
        }
    }

    Result<bool> compile() {
        return timed("build.compile", [this]() -> Result<bool> {
            KW_TRY_ASSIGN(
                sandbox::Outcome outcome, job_.sandbox.run(command(compile_arguments(!trusted_))));
            if (pch_ && blames_pch(outcome.err)) {
                drop_pch();
                KW_TRY_ASSIGN(const bool again, preprocess());
                if (!again) {
                    return false;
                }
                KW_TRY_ASSIGN(outcome, job_.sandbox.run(command(compile_arguments(!trusted_))));
            }
            if (!trusted_ && has_undefined_names(outcome.err)) {
                KW_TRY_ASSIGN(outcome, link_in_full());
            }
            warnings_ += outcome.err;
            return passed(outcome);
        });
    }

    Result<sandbox::Outcome> link_in_full() {
        const fs::path object = temporary(".o");
        std::vector<std::string> arguments = link_flags();
        arguments.insert(arguments.end(), {object.filename().string(), "-o", k_object_file});
        add_libraries(arguments, false);
        return job_.sandbox.run(command(arguments));
    }

    /// -save-temps names: "<output>-<input>.s" (g++), "<input>.s" (clang++).
    [[nodiscard]] fs::path temporary(const std::string& extension) const {
        const std::string stem = fs::path(k_preprocessed).stem().string() + extension;
        const fs::path gcc = work_.path / (std::string(k_object_file) + "-" + stem);
        std::error_code ignored;
        return fs::exists(gcc, ignored) ? gcc : work_.path / stem;
    }

    void facts() {
        timed("build.facts", [this] {
            collect_facts();
            return true;
        });
    }

    void collect_facts() {
        auto object = read_file(work_.path / k_object_file, k_build_output_limit);
        if (!object) {
            built_ = fail(Verdict::memory_limit, "the built object is larger than 64 MiB");
            return;
        }
        const auto elf = elf_facts(*object);
        if (!elf) {
            built_ = fail(Verdict::internal, "the linker's output is no shared object");
            return;
        }
        BuildFacts& facts = built_.outcome.facts;
        facts.text_bytes = elf->text_bytes;
        facts.artifact_sha256 = sha256_hex(*object);
        facts.diagnostics = clean_diagnostics(warnings_, context());
        if (!trusted_) {
            note_symbols(*elf);
            if (!elf->resolvers.empty()) {
                forbid_resolver(elf->resolvers.front());
                return;
            }
        }
        if (const auto text = read_file(temporary(".s"), k_build_output_limit)) {
            const AsmFacts found = asm_facts(*text);
            facts.instruction_classes = found.instruction_classes;
            facts.stack_references = found.stack_references;
            if (!both_prepares(*text)) {
                return;
            }
        }
        built_.outcome.summary = "built";
        built_.shared_object = std::move(*object);
    }

    /// A source that defines one prepare function without the other would silently go unpacked.
    bool both_prepares(std::string_view text) {
        if (!job_.task.prepare || job_.request.kind == SourceKind::reference) {
            return true;
        }
        const std::string size_name = job_.task.name + "_prepare_size";
        const std::string name = job_.task.name + "_prepare";
        const bool has_size = defines_symbol(text, size_name);
        const bool has_prepare = defines_symbol(text, name);
        if (has_size == has_prepare) {
            return true;
        }
        const std::string& defined = has_size ? size_name : name;
        const std::string& missing = has_size ? name : size_name;
        const std::string what = "the source defines " + defined + " but not " + missing;
        built_ = fail(
            Verdict::compile_error,
            what,
            "error: " + what + " with the parameters that " + job_.header_name +
                " declares; define both or neither\n");
        return false;
    }

    void note_symbols(const ElfFacts& elf) {
        auto& findings = built_.outcome.findings;
        // crtbegin's own frame_dummy is one entry.
        if (elf.load_time_calls > 1) {
            findings.push_back(
                {"load-time-code",
                 "warning",
                 "build",
                 std::to_string(elf.load_time_calls - 1) +
                     " initialisers of globals run when the object is loaded"});
        }
        for (const std::string& name : elf.exports) {
            if (name != "kw_entry" && name != "kw_prepare" && name != "kw_prepare_size" &&
                findings.size() < 32) {
                findings.push_back({"extra-export", "info", "build", name.substr(0, 80)});
            }
        }
        for (const std::string& name : elf.imports) {
            if (findings.size() < 32) {
                findings.push_back({"import", "info", "build", name.substr(0, 80)});
            }
        }
    }

    /// Looking such a name up would run the candidate's code (held_code.hpp).
    void forbid_resolver(const std::string& name) {
        const std::string what = "it exports " + name.substr(0, 80) + " by a resolver";
        built_.outcome.findings.push_back({"load-time-code", "violation", "build", what});
        built_ = fail(
            Verdict::forbidden,
            job_.file_name + ": " + what,
            "make the function static, or leave its visibility alone: clones for several "
            "instruction sets are for the inside of a kernel\n");
    }

    const BuildJob& job_;
    WorkDir work_;
    std::optional<fs::path> pch_;
    sandbox::Limits limits_;
    bool trusted_;
    bool scanned_;
    BuiltObject built_;
    std::string warnings_;
};

}  // namespace

Result<BuiltObject> run_build_job(const BuildJob& job) {
    KW_TRY_ASSIGN(fs::path work_dir, job.sandbox.make_run_dir("build"));
    return Job(job, std::move(work_dir)).run();
}

bool links_with(sandbox::Sandbox& sandbox, const Toolchain& toolchain, const std::string& name) {
    auto folder = sandbox.make_run_dir("link");
    if (!folder) {
        return false;
    }
    const WorkDir work(std::move(folder).value());
    sandbox::Command command;
    command.argv = {
        toolchain.compiler.string(),
        "-shared",
        "-fPIC",
        "-x",
        "c++",
        "/dev/null",
        "-x",
        "none",
        "-Wl,--no-as-needed",
        "-l" + name,
        "-o",
        k_object_file};
    command.env = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C"}, {"TMPDIR", "/tmp"}};
    command.cwd = work.path;
    command.binds = {{work.path, {}, true}};
    const auto outcome = sandbox.run(command);
    return outcome && outcome->ended_by == sandbox::EndedBy::exit && outcome->exit_code == 0;
}

}  // namespace kw::cpu
