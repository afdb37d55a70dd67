// SPDX-License-Identifier: Apache-2.0
#include "exporter/check_pack.hpp"

#include "core/hash.hpp"
#include "core/text_file.hpp"

#include <nlohmann/json.hpp>

#include <system_error>

#include <algorithm>
#include <set>
#include <string_view>

namespace kw::exporter {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t k_most_bytes = std::size_t{64} << 20;
constexpr std::size_t k_digest = 64;

bool stays_inside(const fs::path& name) {
    return name.is_relative() && !name.empty() &&
           std::none_of(
               name.begin(), name.end(), [](const fs::path& part) { return part == ".."; });
}

/// One line of SHA256SUMS: digest, two blanks, name.
void check_line(const fs::path& folder, std::string_view line, PackCheck& check) {
    const std::string name(line.substr(std::min(line.size(), k_digest + 2)));
    if (line.size() <= k_digest + 2 || line.substr(k_digest, 2) != "  " || !stays_inside(name)) {
        check.problems.push_back({"SHA256SUMS", "a line that no export wrote"});
        return;
    }
    ++check.files;
    const auto text = read_text_file(folder / name, k_most_bytes);
    if (!text.ok()) {
        check.problems.push_back({name, "missing or unreadable"});
    } else if (sha256_hex(*text) != line.substr(0, k_digest)) {
        check.problems.push_back({name, "changed since it was exported"});
    }
}

/// What the pack's build would take although no export wrote it. A build folder may lie beside.
void check_extras(const fs::path& folder, const std::string& sums, PackCheck& check) {
    for (const char* part : {"src", "selfcheck", "include", "cmake"}) {
        std::error_code failed;
        for (fs::recursive_directory_iterator at(folder / part, failed), end; !failed && at != end;
             at.increment(failed)) {
            const std::string name = at->path().lexically_relative(folder).generic_string();
            if (!at->is_directory(failed) && sums.find("  " + name + "\n") == std::string::npos) {
                check.problems.push_back({name, "not among the sums"});
            }
        }
    }
}

Result<void> check_sums(const fs::path& folder, PackCheck& check) {
    const auto sums = read_text_file(folder / "SHA256SUMS");
    if (!sums.ok()) {
        return Error{
            Errc::usage,
            "checking '" + folder.string() + "': it has no SHA256SUMS",
            "name a folder that kwright export wrote"};
    }
    std::string_view rest = *sums;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        check_line(folder, rest.substr(0, end), check);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (sums->find("  manifest.json\n") == std::string::npos) {
        check.problems.push_back({"manifest.json", "not among the sums"});
    }
    check_extras(folder, *sums, check);
    return {};
}

struct ManifestRow {
    std::string kernel;
    std::int64_t row = 0;
    std::string device;
};

Result<std::vector<ManifestRow>> read_manifest(const fs::path& folder, PackCheck& check) {
    KW_TRY_ASSIGN(const std::string text, read_text_file(folder / "manifest.json", k_most_bytes));
    try {
        const Json document = Json::parse(text);
        document.at("pack").get_to(check.pack);
        std::vector<ManifestRow> rows;
        for (const Json& operation : document.at("operations")) {
            for (const Json& row : operation.at("rows")) {
                rows.push_back(
                    {row.at("kernel").get<std::string>(),
                     row.at("row").get<std::int64_t>(),
                     row.at("device").get<std::string>()});
            }
        }
        return rows;
    } catch (const Json::exception& problem) {
        return Error{
            Errc::usage,
            "reading the manifest of '" + folder.string() + "': " + problem.what(),
            "export the pack again"};
    }
}

bool is_digest(const std::string& text) {
    return text.size() == k_digest &&
           text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<void> check_row(const ManifestRow& row, db::Store& store, PackCheck& check) {
    const std::string shown = short_id('k', row.kernel);
    if (!is_digest(row.kernel)) {
        check.problems.push_back({"manifest.json", "names a kernel by what is no hash"});
        return {};
    }
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> judgings, store.evaluations_of(row.kernel));
    const auto same = std::find_if(judgings.begin(), judgings.end(), [&](const auto& each) {
        return each.id == row.row && each.result.device == row.device;
    });
    if (same == judgings.end()) {
        check.notes.push_back(
            shown + " (row " + std::to_string(row.row) + ") is not in this database");
    } else if (same->state != "judged") {
        check.problems.push_back({shown, "its row is " + same->state + " since"});
    }
    return {};
}

}  // namespace

Result<PackCheck> check_pack(const fs::path& folder, db::Store* store) {
    PackCheck check;
    KW_TRY(check_sums(folder, check));
    KW_TRY_ASSIGN(const std::vector<ManifestRow> rows, read_manifest(folder, check));
    check.rows = static_cast<int>(rows.size());
    for (const ManifestRow& row : rows) {
        if (store != nullptr) {
            KW_TRY(check_row(row, *store, check));
        }
    }
    return check;
}

}  // namespace kw::exporter
