// SPDX-License-Identifier: Apache-2.0
#include "core/csprng.hpp"

#include "core/check.hpp"
#include "core/hash.hpp"

#include <openssl/evp.h>

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kw {
namespace {

constexpr std::size_t k_buffer_bytes = 4096;
// The zeros that are encrypted in place stay in the cache; a multiple of the 64-byte block.
constexpr std::size_t k_chunk_bytes = std::size_t{64} << 10;

Seed seed_from_hex(std::string_view hex) {
    const auto digit = [](char c) {
        return c <= '9' ? c - '0' : c - 'a' + 10;
    };
    Seed seed{};
    KW_CHECK(hex.size() == 2 * seed.size());
    for (std::size_t i = 0; i < seed.size(); ++i) {
        seed[i] = static_cast<std::byte>(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
    }
    return seed;
}

struct CipherDeleter {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

}  // namespace

Seed random_seed() {
    Seed seed{};
    std::size_t have = 0;
    while (have < seed.size()) {
        const ssize_t got = getrandom(seed.data() + have, seed.size() - have, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        KW_CHECK_NOTE(got > 0, std::strerror(errno));
        have += static_cast<std::size_t>(got);
    }
    return seed;
}

Seed seed_from_text(std::string_view text) {
    return seed_from_hex(sha256_hex(text));
}

std::string to_hex(const Seed& seed) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    std::string hex;
    for (const std::byte byte : seed) {
        hex += k_digits[std::to_integer<std::size_t>(byte >> 4)];
        hex += k_digits[std::to_integer<std::size_t>(byte & std::byte{15})];
    }
    return hex;
}

std::string commitment(const Seed& seed) {
    return sha256_hex(std::span<const std::byte>(seed));
}

struct SecretStream::Impl {
    std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter> cipher{EVP_CIPHER_CTX_new()};
    std::array<std::byte, k_buffer_bytes> buffer{};
    std::size_t used = k_buffer_bytes;

    void generate(std::byte* out, std::size_t bytes) {
        while (bytes > 0) {
            const std::size_t now = std::min(bytes, k_chunk_bytes);
            std::memset(out, 0, now);
            auto* raw = reinterpret_cast<unsigned char*>(out);
            int written = 0;
            KW_CHECK(
                EVP_EncryptUpdate(cipher.get(), raw, &written, raw, static_cast<int>(now)) == 1 &&
                written == static_cast<int>(now));
            out += now;
            bytes -= now;
        }
    }
};

// The stream's key is a hash of seed and label, so streams of different labels have unrelated keys
// and none can run into another. The 32-bit block counter starts at 0 with a zero nonce; OpenSSL
// carries the counter into the nonce after 256 GiB, so a stream does not repeat.
SecretStream::SecretStream(const Seed& seed, std::string_view label)
    : impl_(std::make_unique<Impl>()) {
    const Seed key = seed_from_hex(
        Hasher().add("kwright.stream/1").add(std::span<const std::byte>(seed)).add(label).hex());
    const std::array<unsigned char, 16> counter_and_nonce{};
    KW_CHECK(impl_->cipher != nullptr);
    KW_CHECK(
        EVP_EncryptInit_ex(
            impl_->cipher.get(),
            EVP_chacha20(),
            nullptr,
            reinterpret_cast<const unsigned char*>(key.data()),
            counter_and_nonce.data()) == 1);
}

SecretStream::~SecretStream() = default;
SecretStream::SecretStream(SecretStream&&) noexcept = default;
SecretStream& SecretStream::operator=(SecretStream&&) noexcept = default;

void SecretStream::fill(std::span<std::byte> out) {
    const std::size_t from_buffer = std::min(out.size(), k_buffer_bytes - impl_->used);
    if (from_buffer > 0) {
        std::memcpy(out.data(), impl_->buffer.data() + impl_->used, from_buffer);
        impl_->used += from_buffer;
        out = out.subspan(from_buffer);
    }
    const std::size_t whole = out.size() / k_buffer_bytes * k_buffer_bytes;
    if (whole > 0) {
        impl_->generate(out.data(), whole);
        out = out.subspan(whole);
    }
    if (!out.empty()) {
        impl_->generate(impl_->buffer.data(), k_buffer_bytes);
        std::memcpy(out.data(), impl_->buffer.data(), out.size());
        impl_->used = out.size();
    }
}

std::uint64_t SecretStream::next_u64() {
    std::array<std::byte, 8> bytes{};
    fill(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    }
    return value;
}

std::uint64_t SecretStream::below(std::uint64_t bound) {
    KW_CHECK(bound > 0);
    // Values under 2^64 mod bound would make the small remainders more likely: drawn again.
    const std::uint64_t unfair = (0 - bound) % bound;
    std::uint64_t value = next_u64();
    while (value < unfair) {
        value = next_u64();
    }
    return value % bound;
}

double SecretStream::uniform() {
    return static_cast<double>(next_u64() >> 11) * 0x1.0p-53;
}

}  // namespace kw
