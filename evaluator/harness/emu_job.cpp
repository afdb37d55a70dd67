// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/emu_job.hpp"

#include <charconv>
#include <sstream>

namespace kw::harness {
namespace {

constexpr std::size_t k_max_lines = 4096;

class JobReader {
public:
    explicit JobReader(std::string_view text)
        : text_(text) {}

    std::optional<EmuJob> read(std::string& problem) {
        if (next_line() != "kw-emu/1") {
            problem = "not a kw-emu job";
            return std::nullopt;
        }
        for (std::size_t lines = 0; lines < k_max_lines && !done_; ++lines) {
            const std::string_view line = next_line();
            if (!read_line(std::string(line))) {
                problem = "cannot read the line: " + std::string(line.substr(0, 200));
                return std::nullopt;
            }
        }
        if (!done_) {
            problem = "there is no ptx";
            return std::nullopt;
        }
        return std::move(job_);
    }

private:
    std::string_view next_line() {
        const std::size_t end = std::min(text_.find('\n', at_), text_.size());
        const std::string_view line = text_.substr(at_, end - at_);
        at_ = std::min(end + 1, text_.size());
        return line;
    }

    bool read_line(const std::string& line) {
        std::istringstream words(line);
        std::string key;
        words >> key;
        emu::Options& options = job_.options;
        if (key == "checks") {
            return read_checks(words, options.checks);
        }
        if (key == "again") {
            EmuAgain& again = job_.again.emplace();
            return read_checks(words, again.checks) && words >> again.seed >> again.shift;
        }
        if (key == "threads") {
            return static_cast<bool>(words >> options.threads);
        }
        if (key == "seed") {
            return static_cast<bool>(words >> options.seed);
        }
        if (key == "instructions") {
            return static_cast<bool>(words >> options.instruction_budget);
        }
        if (key == "wall_ms") {
            return static_cast<bool>(words >> options.wall_budget_ms);
        }
        if (key == "sample") {
            for (std::uint64_t block = 0; words >> block;) {
                sample_.push_back(block);
            }
            return words.eof();
        }
        return key == "buffer"   ? read_buffer(words)
               : key == "launch" ? read_launch(words)
                                 : key == "ptx" && read_ptx(words);
    }

    static bool read_checks(std::istringstream& words, emu::Checks& checks) {
        std::string which;
        words >> which;
        checks = which == "all" ? emu::Checks::all() : emu::Checks{};
        return which == "all" || which == "none";
    }

    bool read_buffer(std::istringstream& words) {
        EmuBuffer buffer;
        std::string access;
        if (!(words >> buffer.name >> buffer.offset >> buffer.bytes >> access)) {
            return false;
        }
        if (access == "out") {
            buffer.access = emu::Access::output;
            buffer.initialised = false;
        } else if (access == "inout") {
            buffer.access = emu::Access::read_write;
        } else if (access == "scratch") {
            buffer.access = emu::Access::read_write;
            buffer.initialised = false;
        } else if (access != "in") {
            return false;
        }
        job_.buffers.push_back(std::move(buffer));
        return true;
    }

    bool read_launch(std::istringstream& words) {
        emu::Launch launch;
        std::string hex;
        words >> launch.kernel;
        for (auto* sizes : {&launch.grid, &launch.block, &launch.cluster}) {
            for (std::uint32_t& size : *sizes) {
                words >> size;
            }
        }
        if (!(words >> launch.dynamic_shared >> launch.cooperative >> hex) || hex.size() % 2 != 1 ||
            hex.front() != 'x') {
            return false;
        }
        for (std::size_t i = 1; i < hex.size(); i += 2) {
            unsigned value = 0;
            const char* begin = hex.data() + i;
            const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
            if (error != std::errc{} || end != begin + 2) {
                return false;
            }
            launch.parameters.push_back(static_cast<std::byte>(value));
        }
        job_.launches.push_back(std::move(launch));
        job_.samples.push_back(std::move(sample_));
        sample_.clear();
        return true;
    }

    bool read_ptx(std::istringstream& words) {
        std::size_t bytes = 0;
        if (!(words >> bytes) || bytes != text_.size() - at_) {
            return false;
        }
        job_.ptx = text_.substr(at_);
        done_ = true;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool done_ = false;
    std::vector<std::uint64_t> sample_;
    EmuJob job_;
};

}  // namespace

std::optional<EmuJob> read_job(std::string_view text, std::string& problem) {
    return JobReader(text).read(problem);
}

}  // namespace kw::harness
