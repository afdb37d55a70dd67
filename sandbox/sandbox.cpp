// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.hpp"

#include "sandbox/bwrap.hpp"
#include "sandbox/child.hpp"
#include "sandbox/filter.hpp"
#include "sandbox/inside/embedded.hpp"
#include "sandbox/inside/landlock.hpp"
#include "sandbox/launch.hpp"
#include "sandbox/output.hpp"
#include "sandbox/run_dirs.hpp"

#include <poll.h>

#include <algorithm>

namespace kw::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

/// A child that writes this many times its output limit is ended; less is only cut.
constexpr std::int64_t k_flood_factor = 16;
constexpr std::size_t k_last_words = 300;

/// The Error of a sandbox that did not come up, with what bubblewrap said about it.
Error with_last_words(Error error, const Setup& setup, const std::string& words) {
    if (setup.bwrap && error.code == Errc::environment && !words.empty()) {
        std::string line = words.substr(0, std::min(words.find('\n'), k_last_words));
        error.what += " (" + line + ")";
        if (error.hint.empty()) {
            error.hint = bwrap_advice(words);
        }
    }
    return error;
}

class ProcessSandbox final : public Sandbox {
public:
    ProcessSandbox(Setup setup, Profile profile)
        : setup_(std::move(setup))
        , profile_(std::move(profile))
        , run_dirs_(setup_.identity) {}

    [[nodiscard]] const Profile& profile() const override { return profile_; }

    Result<Outcome> run(const Command& given) override {
        const Command command = setup_.bwrap ? given : with_host_paths(given);
        KW_TRY_ASSIGN(const Fd in, input_file(command.stdin_text));
        KW_TRY_ASSIGN(PipeOutput out, PipeOutput::open(command.limits.output_bytes));
        KW_TRY_ASSIGN(PipeOutput err, PipeOutput::open(command.limits.output_bytes));
        auto group = launch(setup_, command, {in.get(), out.child_end(), err.child_end()});
        out.close_child_end();
        err.close_child_end();
        if (!group) {
            err.drain();
            return with_last_words(std::move(group).error(), setup_, err.take());
        }
        const Cause cause = attend(**group, command.limits, out, err);
        const Ending& ending = (*group)->finish();
        // The writers are dead: what the pipes still hold is all there is.
        for (PipeOutput* output : {&out, &err}) {
            std::int64_t before = -1;
            while (before != output->seen()) {
                before = output->seen();
                output->drain();
            }
        }
        Outcome outcome = decode(ending, cause, command.limits);
        outcome.out_cut = out.cut();
        outcome.err_cut = err.cut();
        outcome.out = out.take();
        outcome.err = err.take();
        return outcome;
    }

    Result<std::unique_ptr<Child>> start(const Command& given) override {
        Command command = setup_.bwrap ? given : with_host_paths(given);
        // Its stdout is a file too, and that file has a seal of its own.
        command.limits.file_bytes = std::max(
            command.limits.file_bytes, FileOutput::largest_size(command.limits.output_bytes));
        KW_TRY_ASSIGN(const Fd in, input_file(command.stdin_text));
        KW_TRY_ASSIGN(FileOutput out, FileOutput::open(command.limits.output_bytes));
        KW_TRY_ASSIGN(FileOutput err, FileOutput::open(command.limits.output_bytes));
        auto group = launch(setup_, command, {in.get(), out.child_end(), err.child_end()});
        if (!group) {
            return with_last_words(std::move(group).error(), setup_, err.read());
        }
        return make_child(std::move(group).value(), std::move(out), std::move(err), command.limits);
    }

    Result<std::filesystem::path> make_run_dir(const std::string& label) override {
        return run_dirs_.make(label);
    }

private:
    /// Waits for the end or a limit, emptying the pipes. Says whether we must end it.
    static Cause attend(Group& group, const Limits& limits, PipeOutput& out, PipeOutput& err) {
        const auto until = Clock::now() + limits.wall;
        const std::int64_t flood = limits.output_bytes * k_flood_factor;
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
            if (left.count() <= 0) {
                return Cause::wall_limit;
            }
            pollfd entries[3] = {
                {group.poll_fd(), POLLIN, 0},
                {out.poll_fd(), POLLIN, 0},
                {err.poll_fd(), POLLIN, 0}};
            ::poll(entries, 3, static_cast<int>(std::min<long long>(left.count(), 60'000)));
            if (entries[1].revents != 0) {
                out.drain();
            }
            if (entries[2].revents != 0) {
                err.drain();
            }
            if (entries[0].revents != 0 && group.ended()) {
                return Cause::itself;
            }
            if (out.seen() > flood || err.seen() > flood) {
                return Cause::output_limit;
            }
        }
    }

    Setup setup_;
    Profile profile_;
    RunDirs run_dirs_;
};

void describe_optional_layers(const Setup& setup, Profile& profile) {
    if (setup.landlock) {
        profile.layers.emplace_back("landlock");
        profile.id += "+landlock";
    } else {
        profile.missing.emplace_back("landlock: this kernel has none (needs Linux 5.13)");
    }
    if (setup.cgroup.version != 0) {
        const std::string name = "cgroup" + std::to_string(setup.cgroup.version);
        profile.layers.push_back(name);
        profile.id += "+" + name;
    } else {
        profile.missing.push_back("memory cgroup: " + setup.cgroup.missing);
    }
}

/// The cheapest command there is: the whole way in and out works.
Result<void> prove(Sandbox& sandbox) {
    Command command;
    command.argv = {"/bin/true"};
    command.filter = Filter::run;
    KW_TRY_ASSIGN(const Outcome outcome, sandbox.run(command));
    if (outcome.ended_by != EndedBy::exit || outcome.exit_code != 0) {
        return Error{
            Errc::environment,
            "trying out the sandbox: /bin/true ended with exit code " +
                std::to_string(outcome.exit_code) + ", signal " + std::to_string(outcome.signal) +
                " " + outcome.err,
            bwrap_advice(outcome.err)};
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Sandbox>> open_sandbox(const std::string& mode) {
    if (mode != "auto" && mode != "none") {
        return Error{
            Errc::config,
            "opening the sandbox: there is no mode " + mode,
            "KWRIGHT_SANDBOX is auto or none"};
    }
    Setup setup;
    Profile profile;
    setup.spawner = std::make_unique<Spawner>();
    KW_TRY_ASSIGN(setup.identity, ordinary_user());
    const auto image = inside::program_image();
    KW_TRY_ASSIGN(setup.helper, memory_file("kwright-inside", image.data(), image.size(), true));
    if (mode == "none") {
        profile.id = "none";
        profile.layers = {"rlimit"};
        if (setup.identity.drop) {
            profile.layers.emplace_back("user");
        }
        profile.missing.emplace_back("everything else: switched off by name");
        profile.weakened = true;
    } else {
        KW_TRY_ASSIGN(setup.bwrap, find_bwrap());
        for (const Filter kind : {Filter::build, Filter::run, Filter::gpu, Filter::tools}) {
            KW_TRY_ASSIGN(setup.filters[kind], build_filter(kind));
        }
        setup.landlock = inside::landlock_abi() > 0;
        setup.cgroup = find_cgroup_home();
        profile.id = "bwrap+seccomp+rlimit";
        profile.layers = {"bwrap", "seccomp", "rlimit"};
        if (setup.identity.drop) {
            profile.layers.emplace_back("user");
        }
        describe_optional_layers(setup, profile);
    }
    auto sandbox = std::make_unique<ProcessSandbox>(std::move(setup), std::move(profile));
    KW_TRY(prove(*sandbox));
    return std::unique_ptr<Sandbox>(std::move(sandbox));
}

Probe probe_sandbox() {
    Probe probe;
    auto sandbox = open_sandbox("auto");
    if (sandbox) {
        probe.usable = true;
        probe.profile = (*sandbox)->profile();
    } else {
        probe.problem = sandbox.error().what;
        probe.hint = sandbox.error().hint;
    }
    return probe;
}

}  // namespace kw::sandbox
