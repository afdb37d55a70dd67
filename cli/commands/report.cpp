// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "server/report/evaluations_csv.hpp"
#include "server/report/html_report.hpp"
#include "server/report/new_file.hpp"
#include "server/report/speedup_svg.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

struct Made {
    std::string format;  ///< "html" | "csv" | "svg"
    std::string text;
    int kernels = 0;
    int left_out = 0;
};

Result<Made> make(const Invocation& invocation, db::Store& store) {
    const std::string campaign = invocation.text("CAMPAIGN");
    if (invocation.has("csv")) {
        KW_TRY_ASSIGN(std::string text, server::evaluations_csv(store, campaign));
        return Made{"csv", std::move(text)};
    }
    if (invocation.has("svg")) {
        KW_TRY_ASSIGN(std::string text, server::speedup_svg(store, campaign));
        return Made{"svg", std::move(text)};
    }
    KW_TRY_ASSIGN(
        server::HtmlReport report,
        server::html_report(store, task_roots(invocation.config), campaign));
    return Made{"html", std::move(report.text), report.kernels, report.left_out};
}

Result<void> check_usage(const Invocation& invocation) {
    if (invocation.has("csv") && invocation.has("svg")) {
        return Error{Errc::usage, "--csv and --svg are two files", "call report once for each"};
    }
    const bool page = !invocation.has("csv") && !invocation.has("svg");
    if (!invocation.has("output") && (page || invocation.json)) {
        return Error{
            Errc::usage,
            page ? "a report is a file for a browser" : "--json and the file both want stdout",
            "say where to: kwright report " + invocation.text("CAMPAIGN") + " -o FILE"};
    }
    return {};
}

Result<int> report(const Invocation& invocation, Console& console) {
    KW_TRY(check_usage(invocation));
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    KW_TRY_ASSIGN(const Made made, make(invocation, store));
    if (!invocation.has("output")) {
        console.print_source(made.text.substr(0, made.text.find_last_not_of('\n') + 1));
        return 0;
    }
    const std::string file = invocation.text("output");
    KW_TRY(server::write_new_file(file, made.text));
    if (invocation.json) {
        console.print(json_text(
            {{"schema", "kwright.report/1"},
             {"campaign", invocation.text("CAMPAIGN")},
             {"file", file},
             {"format", made.format},
             {"bytes", made.text.size()},
             {"kernels", made.kernels},
             {"left_out", made.left_out}}));
        return 0;
    }
    console.say(
        "wrote     " + file + "   " + show_bytes(static_cast<std::int64_t>(made.text.size())) +
        (made.format == "html" ? ", " + std::to_string(made.kernels) + " kernels" : ""));
    if (made.left_out > 0) {
        console.say(
            "          " + std::to_string(made.left_out) +
            " kernels have no page in it: the file would have become too large");
    }
    return 0;
}

}  // namespace

CommandSpec report_command() {
    CommandSpec spec;
    spec.name = "report";
    spec.group = "Look";
    spec.summary = "a campaign as one HTML file, as CSV, or as a figure";
    spec.examples = {
        "kwright report demo -o demo.html",
        "kwright report demo --csv > demo.csv",
        "kwright report demo --svg speedup -o demo.svg"};
    spec.positionals = {{"CAMPAIGN", "name", true, false, "campaign"}};
    spec.options = {
        {"-o,--output",
         "FILE",
         "write this file, which must not exist; CSV and SVG go to stdout without it",
         "",
         false,
         "Options",
         {}},
        {"--csv", "", "the evaluations as CSV", "", false, "Options", {}},
        {"--svg",
         "FIGURE",
         "one figure as SVG: speedup = the best speed-up over evaluations",
         "",
         false,
         "Options",
         {"speedup"}},
    };
    spec.run = report;
    return spec;
}

}  // namespace kw::cli
