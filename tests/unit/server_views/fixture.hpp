// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/page_stores.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace kw::test {

template <class T>
T must(Result<T> result) {
    INFO((result.ok() ? std::string() : result.error().what + " | " + result.error().hint));
    REQUIRE(result.ok());
    if constexpr (!std::is_void_v<T>) {
        return std::move(result).value();
    }
}

/// The document, once it is sure that it is one line of ASCII.
inline nlohmann::json document(Result<std::string> text) {
    const std::string line = must(std::move(text));
    REQUIRE(std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7F; }));
    nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
    REQUIRE(!parsed.is_discarded());
    return parsed;
}

struct Pages {
    Folder folder;
    db::Store store = must(db::Store::open(folder / "k.db", db::Access::write));
    PageStore pages{store};
};

/// A field that tries every way into a page.
inline const std::string k_evil =
    "</script><script>window.pwned=1</script><img src=x onerror=\"window.pwned=2\">'\"&--><!--"
    "</style><svg onload=window.pwned=3>\x01\xff{{7*7}}\xe2\x80\xa8";

}  // namespace kw::test
