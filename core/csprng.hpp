// SPDX-License-Identifier: Apache-2.0
// The secret stream that every input is drawn from: ChaCha20 keyed by a 32-byte seed. The seed's
// SHA-256 is stored before a judgement (the commitment) and the seed itself after it, so that
// anyone can draw the same inputs again. Candidates never see it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kw {

using Seed = std::array<std::byte, 32>;

[[nodiscard]] Seed random_seed();  ///< from getrandom(2)
[[nodiscard]] Seed seed_from_text(
    std::string_view text);  ///< SHA-256 of the text: for tests and replays
[[nodiscard]] std::string to_hex(const Seed& seed);
[[nodiscard]] std::string commitment(const Seed& seed);  ///< SHA-256 hex of the seed's bytes

/// One independent stream of a seed. Equal (seed, label) gives equal bytes on every machine.
class SecretStream {
public:
    SecretStream(const Seed& seed, std::string_view label);
    ~SecretStream();
    SecretStream(SecretStream&&) noexcept;
    SecretStream& operator=(SecretStream&&) noexcept;

    void fill(std::span<std::byte> out);
    [[nodiscard]] std::uint64_t next_u64();
    /// Uniform in [0, bound), unbiased; bound > 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);
    [[nodiscard]] double uniform();  ///< [0, 1)

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw
