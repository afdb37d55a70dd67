// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/proposers.hpp"
#include "agent/replies/reply_parser.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

namespace kw::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds k_poll{500};

constexpr const char* k_readme =
    "kwright writes its questions here and waits for answers: a person or any tool can be the "
    "model.\n"
    "\n"
    "  <campaign>/<step>-<slot>.prompt.md    the question, complete\n"
    "  <campaign>/<step>-<slot>.reply.md     the answer: write it under another name, then rename\n"
    "                                        it to this one (a file that is written in place is\n"
    "                                        taken once its size stays the same)\n"
    "\n"
    "An answer is text with one line `NOTE: what was changed` and one ```cpp block that holds the "
    "whole\n"
    "file. All questions of a step appear at once. Answers stay here and are read again on "
    "resume.\n";

std::string safe_name(const std::string& name) {
    std::string out;
    for (const char c : name) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
        out += plain || (c == '.' && !out.empty()) ? c : '_';
    }
    return out.empty() ? "campaign" : out;
}

std::string read_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    return std::move(content).str();
}

Result<void> write_file(const fs::path& file, const std::string& content) {
    const fs::path part = file.string() + ".part";
    {
        std::ofstream out(part, std::ios::binary | std::ios::trunc);
        out << content;
        out.flush();
        if (!out) {
            return Error{
                Errc::environment,
                "writing " + part.string() + ": cannot write",
                "check the exchange folder and the free space on its disk"};
        }
    }
    std::error_code ec;
    fs::rename(part, file, ec);
    if (ec) {
        return Error{Errc::environment, "renaming to " + file.string() + ": " + ec.message(), ""};
    }
    return {};
}

class ExchangeProposer final : public Proposer {
public:
    ExchangeProposer(fs::path folder, double wait_s, Clock& clock)
        : folder_(std::move(folder))
        , wait_s_(wait_s)
        , clock_(clock) {}

    [[nodiscard]] std::string label() const override { return "exchange"; }
    [[nodiscard]] double worst_case_usd(const ProposeRequest&) const override { return 0; }

    void begin_wave(const History&, const std::vector<ProposeRequest>& requests) override {
        for (const ProposeRequest& request : requests) {
            (void)ask(request);  // propose() asks again and reports what goes wrong
        }
    }

    Result<Reply> propose(
        const ProposeRequest& request, const std::atomic<int>& cancelled) override {
        KW_TRY(ask(request));
        const fs::path file = file_of(request, ".reply.md");
        const std::chrono::nanoseconds begin = clock_.steady();
        std::uintmax_t seen = 0;
        while (true) {
            std::error_code ec;
            const std::uintmax_t size = fs::file_size(file, ec);
            if (!ec && size > 0 && size == seen) {
                return take(file, size);
            }
            seen = ec ? 0 : size;
            if (cancelled.load() > 0) {
                return Error{Errc::interrupted, "waiting for " + file.string() + ": stopped", ""};
            }
            if (std::chrono::duration<double>(clock_.steady() - begin).count() >= wait_s_) {
                return Error{
                    Errc::model,
                    "waiting for " + file.string() + ": no answer came in time",
                    "write the answer to this file, then: kwright resume " + request.campaign};
            }
            clock_.sleep(k_poll);
        }
    }

private:
    [[nodiscard]] fs::path file_of(const ProposeRequest& request, const char* ending) const {
        return folder_ / safe_name(request.campaign) /
               (std::to_string(request.step) + "-" + std::to_string(request.slot) + ending);
    }

    static Result<Reply> take(const fs::path& file, std::uintmax_t size) {
        Reply reply;
        reply.model = "exchange";
        if (size > 4 * k_max_reply_bytes) {
            return Error{
                Errc::model,
                "reading " + file.string() + ": " + std::to_string(size) + " bytes is no answer",
                "put a smaller file there and resume"};
        }
        reply.text = read_file(file);
        return reply;
    }

    /// The prompt file, unless it is there already with the same text. A prompt with another text
    /// belongs to another campaign of the same name: it and its answer are set aside.
    Result<void> ask(const ProposeRequest& request) {
        const fs::path prompt = file_of(request, ".prompt.md");
        const fs::path reply = file_of(request, ".reply.md");
        std::error_code ec;
        fs::create_directories(prompt.parent_path(), ec);
        if (ec) {
            return Error{
                Errc::environment,
                "making exchange folder " + prompt.parent_path().string() + ": " + ec.message(),
                "give a folder that can be written: --proposer exchange:DIR"};
        }
        if (const fs::path readme = folder_ / "README.txt"; !fs::exists(readme, ec)) {
            KW_TRY(write_file(readme, k_readme));
        }
        const std::string text = whole_prompt(request);
        if (fs::exists(prompt, ec)) {
            if (read_file(prompt) == text) {
                return {};
            }
            fs::rename(prompt, prompt.string() + ".old", ec);
            fs::rename(reply, reply.string() + ".old", ec);
        }
        return write_file(prompt, text);
    }

    fs::path folder_;
    double wait_s_;
    Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Proposer>> make_exchange_proposer(
    const std::filesystem::path& folder, double wait_s, Clock& clock) {
    if (folder.empty()) {
        return Error{Errc::usage, "proposer exchange: no folder given", "write exchange:DIR"};
    }
    return std::unique_ptr<Proposer>(std::make_unique<ExchangeProposer>(folder, wait_s, clock));
}

}  // namespace kw::agent
