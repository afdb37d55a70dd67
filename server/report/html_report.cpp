// SPDX-License-Identifier: Apache-2.0
#include "server/report/html_report.hpp"

#include "core/check.hpp"
#include "core/hash.hpp"
#include "server/dashboard/assets.hpp"
#include "server/views/attempts.hpp"
#include "server/views/kernel_pages.hpp"
#include "server/views/view_json.hpp"
#include "server/views/views.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace kw::server {

namespace {

std::string base64(std::string_view hex_digits) {
    constexpr std::string_view k_alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    unsigned bits = 0;
    int held = 0;
    for (const char digit : hex_digits) {
        bits = bits << 4 | static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
        held += 4;
        if (held >= 6) {
            held -= 6;
            text += k_alphabet[bits >> held & 63U];
            bits &= (1U << held) - 1;
        }
    }
    if (held > 0) {
        text += k_alphabet[bits << (6 - held) & 63U];
    }
    return text + std::string((4 - text.size() % 4) % 4, '=');
}

/// What a policy calls an inline script or style.
std::string policy_hash(std::string_view inline_text) {
    return " 'sha256-" + base64(sha256_hex(inline_text)) + "'";
}

/// Within a script element nothing but "</script" and "<!--" has a meaning; strings of JSON can do
/// without "<".
std::string for_script(const std::string& json_document) {
    std::string text;
    text.reserve(json_document.size());
    for (const char c : json_document) {
        text += c == '<' ? std::string("\\u003c") : std::string(1, c);
    }
    return text;
}

/// The documents by the address that the dashboard would ask for.
using Documents = std::vector<std::pair<std::string, std::string>>;

std::string data_element(const Documents& documents) {
    std::string text = "<script type=\"application/json\" id=\"kw-data\">{";
    for (const auto& [address, document] : documents) {
        text += text.back() == '{' ? "" : ",\n";
        text += for_script(dump(nlohmann::json(address)) + ":" + document);
    }
    return text + "}</script>\n";
}

/// The page with the files it names put into it.
std::string self_contained(const Documents& documents) {
    const std::string_view page = asset("/")->bytes;
    std::string scripts;
    std::string styles;
    std::string body;
    std::size_t policy_at = std::string::npos;
    const auto value_of = [](std::string_view line, std::string_view key) {
        const std::size_t begin = line.find(key) + key.size();
        return "/" + std::string(line.substr(begin, line.find('"', begin) - begin));
    };
    for (std::size_t begin = 0; begin < page.size();) {
        const std::size_t end = std::min(page.find('\n', begin), page.size());
        const std::string_view line = page.substr(begin, end - begin);
        begin = end + 1;
        if (line.starts_with("<meta charset")) {
            body += std::string(line) + "\n";
            policy_at = body.size();  // before anything that it speaks of
        } else if (line.starts_with("<link rel=\"stylesheet\"")) {
            const std::string text(asset(value_of(line, "href=\""))->bytes);
            styles += policy_hash(text);
            body += "<style>" + text + "</style>\n";
        } else if (line.starts_with("<script ")) {
            if (scripts.empty()) {
                body += data_element(documents);
            }
            const std::string text(asset(value_of(line, "src=\""))->bytes);
            scripts += policy_hash(text);
            body += "<script>" + text + "</script>\n";
        } else {
            body += std::string(line) + "\n";
        }
    }
    KW_CHECK(policy_at != std::string::npos);
    const std::string policy =
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src" +
        scripts + "; style-src" + styles +
        "; img-src data:; base-uri 'none'; form-action 'none'\">\n";
    return body.insert(policy_at, policy);
}

/// Kernels of the campaign, the most interesting first: bests, then accepted ones, then the rest.
std::vector<std::string> kernels_of(const std::vector<Attempt>& attempts) {
    std::vector<const Attempt*> ordered = in_order(attempts);
    std::ranges::stable_sort(ordered, {}, [](const Attempt* attempt) {
        return is_best(*attempt) ? 0 : is_kernel(*attempt) ? 1 : 2;
    });
    std::vector<std::string> hashes;
    std::set<std::string> seen;
    for (const Attempt* attempt : ordered) {
        const std::string& hash = attempt->row.candidate_hash;
        if (!hash.empty() && seen.insert(hash).second) {
            hashes.push_back(hash);
        }
    }
    return hashes;
}

}  // namespace

Result<HtmlReport> html_report(
    db::Store& store,
    const std::vector<std::filesystem::path>& task_roots,
    const std::string& campaign,
    std::size_t most_kernel_bytes) {
    KW_TRY_ASSIGN(std::string campaign_document, campaign_view(store, campaign));
    KW_TRY_ASSIGN(const std::optional<CampaignRow> row, store.campaign(campaign));
    KW_CHECK(row.has_value());
    KW_TRY_ASSIGN(const std::vector<Attempt> attempts, attempts_of(*row, store));
    Documents documents{{"report", dump({{"campaign", campaign}})}};
    documents.emplace_back("campaigns/" + campaign, std::move(campaign_document));
    BoardFilter filter;
    filter.campaigns = {campaign};
    filter.all = true;
    KW_TRY_ASSIGN(std::string board, board_view(store, filter));
    documents.emplace_back("board", std::move(board));
    if (auto task = task_view(store, task_roots, row->task)) {
        documents.emplace_back("tasks/" + row->task, std::move(task).value());
    }
    HtmlReport report;
    KernelPages pages(store, task_roots);
    std::size_t bytes = 0;
    for (const std::string& hash : kernels_of(attempts)) {
        if (bytes > most_kernel_bytes) {
            ++report.left_out;
            continue;
        }
        KW_TRY_ASSIGN(std::string page, pages.page(hash));
        bytes += page.size();
        if (bytes > most_kernel_bytes) {
            ++report.left_out;
            continue;
        }
        ++report.kernels;
        documents.emplace_back("kernels/" + hash, std::move(page));
    }
    report.text = self_contained(documents);
    return report;
}

}  // namespace kw::server
