// SPDX-License-Identifier: Apache-2.0
// SHA-256 content ids. Shown as 7 hex digits behind a letter ("k7f3a91c"); any unique prefix is
// accepted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kw {

/// Feed parts, take the digest. Each part is length-prefixed, so ("ab","c") and ("a","bc") differ.
class Hasher {
public:
    Hasher();
    ~Hasher();
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;

    Hasher& add(std::string_view part);
    Hasher& add(std::span<const std::byte> part);
    [[nodiscard]] std::string hex();  ///< 64 hex digits; ends the hasher

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Plain SHA-256 of the bytes (no length prefix), 64 hex digits: equal to sha256sum(1).
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);

/// First 7 hex digits behind `letter`: 'k' kernel/candidate, 'e' evaluation, 'r' reply, 'c'
/// campaign.
[[nodiscard]] std::string short_id(char letter, std::string_view hex);
/// "k7f3a91c" or "7f3a91c..." -> lower-case hex prefix without the letter; empty if it is not one.
[[nodiscard]] std::string id_prefix(std::string_view shown, char letter);

}  // namespace kw
