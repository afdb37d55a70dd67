// SPDX-License-Identifier: Apache-2.0
#include "server/dashboard/assets.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

const std::filesystem::path k_folder = std::filesystem::path(KW_SOURCE_DIR) / "server/dashboard";

bool is_own_script(const Asset& asset) {
    return asset.path.ends_with(".js") && asset.path != "/chart.js";
}

long lines_of(std::string_view text) {
    return std::ranges::count(text, '\n');
}

}  // namespace

TEST_CASE("dashboard: its files are compiled in byte for byte", "[server]") {
    for (const Asset& each : assets()) {
        INFO(each.path);
        const std::filesystem::path file = each.path == "/chart.js"
                                               ? std::filesystem::path(KW_CHART_JS)
                                               : k_folder / each.path.substr(1);
        CHECK((each.bytes == read_file(file)));  // neither is worth printing
    }
    for (const auto& entry : std::filesystem::directory_iterator(k_folder)) {
        const std::string extension = entry.path().extension().string();
        if (extension == ".js" || extension == ".css" || extension == ".html") {
            CHECK(asset("/" + entry.path().filename().string()).has_value());
        }
    }
}

TEST_CASE("dashboard: only its own paths are answered", "[server]") {
    REQUIRE(asset("/").has_value());
    CHECK(asset("/")->bytes == asset("/index.html")->bytes);
    CHECK(asset("/")->type == "text/html; charset=utf-8");
    CHECK(asset("/app.js")->type == "text/javascript; charset=utf-8");
    CHECK(asset("/style.css")->type == "text/css; charset=utf-8");
    for (const char* path : {"", "app.js", "/../app.js", "//app.js", "/app.js/", "/APP.JS", "/x"}) {
        CHECK(!asset(path).has_value());
    }
}

TEST_CASE("dashboard: the page has nothing inline and loads each script once", "[server]") {
    const std::string page(asset("/")->bytes);
    for (const Asset& each : assets()) {
        const std::string name(each.path.substr(1));
        const std::string script = "<script src=\"" + name + "\"></script>\n";
        CHECK((page.find(script) != std::string::npos) == name.ends_with(".js"));
    }
    CHECK(page.find("<script>") == std::string::npos);
    CHECK(page.find("style=") == std::string::npos);
    CHECK(page.find("<style") == std::string::npos);
    CHECK(page.find(" on") == std::string::npos);
    CHECK(page.find("//") == std::string::npos);  // no address elsewhere
}

TEST_CASE("dashboard: scripts make no markup of text and load nothing", "[server]") {
    long total = 0;
    for (const Asset& each : assets()) {
        if (!each.path.ends_with(".js")) {
            continue;
        }
        INFO(each.path);
        // What would end an inline script.
        CHECK(each.bytes.find("</script") == std::string_view::npos);
        CHECK(each.bytes.find("<!--") == std::string_view::npos);
        if (!is_own_script(each)) {
            continue;
        }
        CHECK(lines_of(each.bytes) < 400);
        total += lines_of(each.bytes);
        for (const char* word :
             {"innerHTML",
              "outerHTML",
              "insertAdjacentHTML",
              "document.write",
              "DOMParser",
              "createContextualFragment",
              "eval(",
              "new Function",
              "localStorage",
              "https:",
              "javascript:",
              "srcdoc",
              "setAttribute('style"}) {
            INFO(word);
            CHECK(each.bytes.find(word) == std::string_view::npos);
        }
    }
    CHECK(total < 1500);
}
