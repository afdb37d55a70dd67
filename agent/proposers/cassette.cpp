// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/cassette.hpp"

#include "agent/text.hpp"
#include "core/text_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <tuple>

namespace kw::agent {

namespace {

using nlohmann::json;

constexpr std::size_t k_max_cassette_bytes = std::size_t{256} << 20;

std::string to_hex(const std::string& bytes) {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += k_digits[byte >> 4];
        out += k_digits[byte & 15];
    }
    return out;
}

int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool from_hex(const std::string& text, std::string& out) {
    if (text.size() % 2 != 0) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out += static_cast<char>(high * 16 + low);
    }
    return true;
}

std::string text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool small_int(const json& object, const char* key, int& out) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer()) {
        return false;
    }
    const auto value = found->get<std::int64_t>();
    out = static_cast<int>(value);
    return value >= 0 && value <= 1'000'000;
}

/// The problem with a reply line, "" when there is none.
std::string read_reply(const json& line, CassetteReply& reply) {
    if (!small_int(line, "step", reply.step) || !small_int(line, "slot", reply.slot) ||
        reply.step < 1) {
        return "'step' (from 1) and 'slot' (from 0) are expected";
    }
    if (line.contains("raw_hex")) {
        if (!from_hex(text_of(line, "raw_hex"), reply.raw)) {
            return "'raw_hex' is not hexadecimal";
        }
    } else if (!line.contains("raw") || !line["raw"].is_string()) {
        return "'raw' is missing";
    } else {
        reply.raw = line["raw"].get<std::string>();
    }
    reply.parent_hash = text_of(line, "parent");
    reply.prompt_hash = text_of(line, "prompt_hash");
    reply.model = text_of(line, "model");
    if (const auto usage = line.find("usage"); usage != line.end() && usage->is_object()) {
        const auto number = [&](const char* key) {
            const auto found = usage->find(key);
            return found != usage->end() && found->is_number() ? found->get<double>() : 0.0;
        };
        const auto tokens = [&](const char* key) {
            return static_cast<std::int64_t>(std::clamp(number(key), 0.0, 1e15));
        };
        reply.tokens_in = tokens("tokens_in");
        reply.tokens_out = tokens("tokens_out");
        reply.usd = number("usd");
    }
    return {};
}

class ReplayStrategy final : public Strategy {
public:
    explicit ReplayStrategy(const Cassette& cassette) {
        for (const CassetteReply& reply : cassette.replies) {
            waves_[reply.step].push_back({reply.slot, reply.parent_hash});
        }
    }
    [[nodiscard]] std::string name() const override { return "replay"; }
    [[nodiscard]] std::optional<Wave> next(const History& done) const override {
        const int last = done.attempts.empty() ? 0 : done.attempts.back().step;
        const auto wave = waves_.upper_bound(last);
        if (wave == waves_.end()) {
            return std::nullopt;
        }
        return Wave{wave->first, wave->second};
    }

private:
    std::map<int, std::vector<Ask>> waves_;
};

}  // namespace

std::string to_json_lines(const Cassette& cassette) {
    nlohmann::ordered_json header;
    header["schema"] = k_cassette_schema;
    header["task"] = cassette.task;
    header["task_hash"] = cassette.task_hash;
    header["target"] = cassette.target;
    header["device"] = cassette.device;
    header["isa"] = cassette.isa;
    header["campaign"] = cassette.campaign;
    header["proposer"] = cassette.proposer;
    header["strategy"] = cassette.strategy;
    constexpr auto k_replace = nlohmann::ordered_json::error_handler_t::replace;
    std::string out = header.dump(-1, ' ', false, k_replace) + "\n";
    for (const CassetteReply& reply : cassette.replies) {
        nlohmann::ordered_json line;
        line["step"] = reply.step;
        line["slot"] = reply.slot;
        line["parent"] = reply.parent_hash;
        line["prompt_hash"] = reply.prompt_hash;
        line["model"] = reply.model;
        const bool utf8 = valid_utf8(reply.raw) == reply.raw;
        line[utf8 ? "raw" : "raw_hex"] = utf8 ? reply.raw : to_hex(reply.raw);
        line["usage"] = {
            {"tokens_in", reply.tokens_in}, {"tokens_out", reply.tokens_out}, {"usd", reply.usd}};
        out += line.dump(-1, ' ', false, k_replace) + "\n";
    }
    return out;
}

Result<Cassette> parse_cassette(std::string_view text, const std::string& file_name) {
    Cassette cassette;
    int number = 0;
    const auto fail = [&](const std::string& what) {
        return Error{
            Errc::config,
            file_name + ":" + std::to_string(number) + ": " + what,
            "a cassette is written by kwright campaign export-cassette"};
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        at = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        const json value = json::parse(line, nullptr, false);
        if (!value.is_object()) {
            return fail("not a JSON object");
        }
        if (cassette.task.empty()) {
            if (text_of(value, "schema") != k_cassette_schema || text_of(value, "task").empty()) {
                return fail(
                    std::string("the header of schema ") + k_cassette_schema + " is expected");
            }
            cassette.task = text_of(value, "task");
            cassette.task_hash = text_of(value, "task_hash");
            if (value.contains("target")) {
                cassette.target = text_of(value, "target");
            }
            if (cassette.target != "cpu" && cassette.target != "cuda") {
                return fail("'target' is neither cpu nor cuda");
            }
            cassette.device = text_of(value, "device");
            cassette.isa = text_of(value, "isa");
            cassette.campaign = text_of(value, "campaign");
            cassette.proposer = text_of(value, "proposer");
            cassette.strategy = text_of(value, "strategy");
            continue;
        }
        CassetteReply reply;
        if (const std::string problem = read_reply(value, reply); !problem.empty()) {
            return fail(problem);
        }
        const auto order = [](const CassetteReply& r) {
            return std::tie(r.step, r.slot);
        };
        if (!cassette.replies.empty() && order(cassette.replies.back()) >= order(reply)) {
            return fail("replies are expected by step and slot, each once");
        }
        cassette.replies.push_back(std::move(reply));
    }
    if (cassette.task.empty()) {
        return fail("the file is empty");
    }
    return cassette;
}

Result<Cassette> load_cassette(const std::filesystem::path& file) {
    Result<std::string> content = read_text_file(file, k_max_cassette_bytes);
    if (!content) {
        Error error = content.error();
        error.hint = "give the path of a file written by kwright campaign export-cassette";
        return error;
    }
    return parse_cassette(std::move(*content), file.string());
}

std::unique_ptr<Strategy> make_replay_strategy(const Cassette& cassette) {
    return std::make_unique<ReplayStrategy>(cassette);
}

}  // namespace kw::agent
