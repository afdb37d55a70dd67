// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"

#include "tests/unit/core/support.hpp"

#include <set>

using namespace kw;
using namespace kw::test;

namespace {

using Variables = std::map<std::string, std::string>;

Result<Config> load(
    const std::optional<std::string>& user,
    const std::optional<std::string>& project,
    const Variables& variables = {}) {
    const TempFolder folder;
    Config::Sources sources;
    if (user) {
        write_file(folder / "user.toml", *user);
        sources.user_file = folder / "user.toml";
    }
    if (project) {
        write_file(folder / "kwright.toml", *project);
        sources.project_file = folder / "kwright.toml";
    }
    sources.environment = [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    return Config::load(sources);
}

/// The error of a project file, without the folder it happens to lie in.
Error mistake_in(const std::string& project) {
    const Result<Config> config = load(std::nullopt, project);
    REQUIRE_FALSE(config.ok());
    Error error = config.error();
    const std::size_t at = error.what.find("kwright.toml");
    REQUIRE(at != std::string::npos);
    error.what = error.what.substr(at);
    return error;
}

}  // namespace

TEST_CASE("config: without sources every key is at its default", "[core]") {
    const Result<Config> config = load(std::nullopt, std::nullopt);
    REQUIRE(config.ok());
    CHECK(config->text("db") == "./kwright.db");
    CHECK(config->text("sandbox") == "auto");
    CHECK(config->integer("budget.max_evals") == 40);
    CHECK(config->number("model.timeout_s") == 300);
    CHECK(config->number("model.usd_per_mtok_in") == -1);
    CHECK(config->integer("judge.max_pairs") == 300);
    CHECK(config->values().size() == config_keys().size());
    for (const auto& [key, value] : config->values()) {
        INFO(key);
        CHECK(value.origin == Origin::fallback);
    }
}

TEST_CASE("config: each source wins over the ones below it", "[core]") {
    // Bit i of the mask: source i sets the key.
    const char* key = "budget.max_evals";
    for (unsigned mask = 0; mask < 16; ++mask) {
        const auto file = [&](unsigned bit, const char* value) {
            return (mask & bit) != 0
                       ? std::optional("[budget]\nmax_evals = " + std::string(value) + "\n")
                       : std::optional<std::string>("# empty\n");
        };
        Variables variables;
        if ((mask & 4U) != 0) {
            variables["KWRIGHT_BUDGET_MAX_EVALS"] = "3";
        }
        Result<Config> config = load(file(1, "1"), file(2, "2"), variables);
        REQUIRE(config.ok());
        if ((mask & 8U) != 0) {
            REQUIRE(config->set_flag(key, "4", "--max-evals").ok());
        }
        const std::int64_t want = (mask & 8U) != 0   ? 4
                                  : (mask & 4U) != 0 ? 3
                                  : (mask & 2U) != 0 ? 2
                                  : (mask & 1U) != 0 ? 1
                                                     : 40;
        const Origin origin = (mask & 8U) != 0   ? Origin::flag
                              : (mask & 4U) != 0 ? Origin::environment
                              : (mask & 2U) != 0 ? Origin::project_file
                              : (mask & 1U) != 0 ? Origin::user_file
                                                 : Origin::fallback;
        INFO(mask);
        CHECK(config->integer(key) == want);
        CHECK(config->values().at(key).origin == origin);
    }
}

TEST_CASE("config: a value says where it comes from", "[core]") {
    Result<Config> config =
        load(std::nullopt, "# one\ndb = \"x.db\"\n", {{"KWRIGHT_SANDBOX", "none"}});
    REQUIRE(config.ok());
    REQUIRE(config->set_flag("search.width", "2", "--width").ok());
    const std::string where = config->values().at("db").where;
    CHECK(where.substr(where.size() - 14) == "kwright.toml:2");
    CHECK(config->values().at("sandbox").where == "KWRIGHT_SANDBOX");
    CHECK(config->values().at("search.width").where == "--width");
    CHECK(config->values().at("compiler").where == "default");
}

TEST_CASE("config: unknown keys in files are errors with a suggestion", "[core]") {
    struct Mistake {
        const char* text;
        const char* what;
        const char* hint;
    };
    for (const Mistake& mistake : {
             Mistake{"dbb = \"x\"\n", "1:1: unknown key 'dbb'", "did you mean 'db'?"},
             Mistake{
                 "\n[budget]\nmax_eval = 3\n",
                 "3:1: unknown key 'budget.max_eval'",
                 "did you mean 'budget.max_evals'?"},
             Mistake{
                 "[bugdet]\nmax_evals = 3\n",
                 "2:1: unknown key 'bugdet.max_evals'",
                 "did you mean 'budget.max_evals'?"},
             Mistake{"[nothing]\n", "1:2: unknown key 'nothing'", "see: kwright config show"},
             Mistake{
                 "[openai]\napi_key_value = \"sk\"\n",
                 "2:1: unknown key 'openai.api_key_value'",
                 "API keys are never configuration: put the key into an environment variable and "
                 "name it in model.key_env"},
         }) {
        const Error error = mistake_in(mistake.text);
        CHECK(error.code == Errc::config);
        CHECK(error.what == std::string("kwright.toml:") + mistake.what);
        CHECK(error.hint == mistake.hint);
    }
}

TEST_CASE("config: values of a wrong type or range are errors with their place", "[core]") {
    const auto at = [](const std::string& text, const std::string& what) {
        CHECK(mistake_in(text).what == "kwright.toml:" + what);
    };
    at("db = 3\n", "1:6: db must be a path and is an integer");
    at("[search]\nwidth = \"4\"\n", "2:9: search.width must be an integer and is a text");
    at("[search]\nwidth = 1.5\n", "2:9: search.width must be an integer and is a number");
    at("[search]\nwidth = -1\n", "2:9: search.width must be at least 0 and is -1");
    at("[search]\ngamma = true\n", "2:9: search.gamma must be a number and is true or false");
    at("[search]\ngamma = nan\n", "2:9: search.gamma must be a number and is 'nan'");
    at("color = \"blue\"\n", "1:9: color must be one of auto, always, never and is 'blue'");
    at("sandbox = {}\n", "1:11: sandbox must be a text and is a table");
    at("db = [\"a\"]\n", "1:6: db must be a path and is an array");
}

TEST_CASE("config: broken TOML is an error with its place", "[core]") {
    const Error error = mistake_in("db = \"x\"\ndb = \n");
    CHECK(error.code == Errc::config);
    CHECK(error.what.rfind("kwright.toml:2:", 0) == 0);
}

TEST_CASE("config: the environment is checked by type and unknown names are left alone", "[core]") {
    const Result<Config> wrong =
        load(std::nullopt, std::nullopt, {{"KWRIGHT_BUDGET_MAX_EVALS", "many"}});
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.error().code == Errc::config);
    CHECK(
        wrong.error().what ==
        "environment variable KWRIGHT_BUDGET_MAX_EVALS: budget.max_evals must be an integer and "
        "is 'many'");
    CHECK(load(std::nullopt, std::nullopt, {{"KWRIGHT_NO_SUCH_THING", "1"}}).ok());
    CHECK(
        *load(std::nullopt, std::nullopt, {{"KWRIGHT_JUDGE_CAP_S", "2.5"}})
             ->values()
             .find("judge.cap_s")
             ->second.text.c_str() == '2');
}

TEST_CASE("config: a bad flag is a usage error that names the flag", "[core]") {
    Result<Config> config = load(std::nullopt, std::nullopt);
    REQUIRE(config.ok());
    const Result<void> unknown = config->set_flag("budgte.max_evals", "3", "--set");
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().code == Errc::usage);
    CHECK(unknown.error().what == "--set: unknown configuration key 'budgte.max_evals'");
    CHECK(unknown.error().hint == "did you mean 'budget.max_evals'?");
    const Result<void> wrong = config->set_flag("search.width", "x", "--width");
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.error().what == "--width: search.width must be an integer and is 'x'");
    CHECK(config->integer("search.width") == 0);
}

TEST_CASE("config: files that are absent are skipped and odd ones are errors", "[core]") {
    const TempFolder folder;
    Config::Sources sources;
    sources.user_file = folder / "none.toml";
    CHECK(Config::load(sources).ok());
    sources.user_file = folder.path();
    const Result<Config> odd = Config::load(sources);
    REQUIRE_FALSE(odd.ok());
    CHECK(odd.error().what.find("not a regular file") != std::string::npos);
}

TEST_CASE(
    "config: the template loads and with every line enabled still says the defaults", "[core]") {
    const std::string text = config_template();
    REQUIRE(load(std::nullopt, text).ok());
    std::string enabled;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = text.find('\n', at);
        std::string line = text.substr(at, end - at);
        if (line.size() > 1 && line[0] == '#' && line[1] != ' ') {
            line.erase(0, 1);
        }
        enabled += line + "\n";
        at = end + 1;
    }
    const Result<Config> config = load(std::nullopt, enabled);
    INFO((config.ok() ? "" : config.error().what));
    REQUIRE(config.ok());
    for (const ConfigKey& key : config_keys()) {
        INFO(key.name);
        const ConfigValue& value = config->values().at(key.name);
        CHECK(value.origin == Origin::project_file);
        CHECK(value.text == key.fallback);
        CHECK_FALSE(key.about.empty());
    }
}

TEST_CASE("config: environment names are distinct and follow the rule", "[core]") {
    std::set<std::string> names;
    for (const ConfigKey& key : config_keys()) {
        CHECK(names.insert(environment_name(key.name)).second);
    }
    CHECK(environment_name("budget.max_evals") == "KWRIGHT_BUDGET_MAX_EVALS");
    CHECK(names.contains("KWRIGHT_SANDBOX"));
    CHECK(names.contains("KWRIGHT_DB"));
}

TEST_CASE("config: an undeclared key or a wrong type in code is a bug", "[core]") {
    const Result<Config> config = load(std::nullopt, std::nullopt);
    REQUIRE(config.ok());
    CHECK_THROWS_AS(config->text("no.such"), BugError);
    CHECK_THROWS_AS(config->integer("db"), BugError);
    CHECK_THROWS_AS(config->boolean("search.width"), BugError);
}

TEST_CASE("did_you_mean: near words are found and far ones are not", "[core]") {
    const std::vector<std::string> words{"normal", "uniform", "records", "ramp", "w4a16_gemv"};
    CHECK(did_you_mean("nromal", words) == "normal");
    CHECK(did_you_mean("Uniform", words) == "uniform");
    CHECK(did_you_mean("unifrom", words) == "uniform");
    CHECK(did_you_mean("record", words) == "records");
    CHECK(did_you_mean("w4a16-gemv", words) == "w4a16_gemv");
    CHECK(did_you_mean("romp", words) == "ramp");
    CHECK_FALSE(did_you_mean("gaussian", words));
    CHECK_FALSE(did_you_mean("", words));
    CHECK_FALSE(did_you_mean("x", words));
    CHECK_FALSE(did_you_mean(std::string(100'000, 'n'), words));
}
