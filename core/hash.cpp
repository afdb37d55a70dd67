// SPDX-License-Identifier: Apache-2.0
#include "core/hash.hpp"

#include "core/check.hpp"

#include <openssl/evp.h>

namespace kw {
namespace {

constexpr std::size_t k_digest_bytes = 32;
constexpr std::size_t k_shown_digits = 7;

struct DigestDeleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, DigestDeleter>;

Digest start_sha256() {
    Digest digest(EVP_MD_CTX_new());
    KW_CHECK(digest != nullptr);
    KW_CHECK(EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1);
    return digest;
}

std::string finish_hex(EVP_MD_CTX* digest) {
    std::array<unsigned char, k_digest_bytes> bytes{};
    unsigned int size = 0;
    KW_CHECK(EVP_DigestFinal_ex(digest, bytes.data(), &size) == 1 && size == bytes.size());
    constexpr std::string_view k_digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes) {
        hex += k_digits[byte >> 4];
        hex += k_digits[byte & 15];
    }
    return hex;
}

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

struct Hasher::Impl {
    Digest digest = start_sha256();
};

Hasher::Hasher()
    : impl_(std::make_unique<Impl>()) {}
Hasher::~Hasher() = default;

Hasher& Hasher::add(std::string_view part) {
    return add(std::as_bytes(std::span(part)));
}

Hasher& Hasher::add(std::span<const std::byte> part) {
    KW_CHECK(impl_->digest != nullptr);
    std::array<unsigned char, 8> length{};
    for (std::size_t i = 0; i < length.size(); ++i) {
        length[i] = static_cast<unsigned char>(std::uint64_t{part.size()} >> (8 * i));
    }
    KW_CHECK(EVP_DigestUpdate(impl_->digest.get(), length.data(), length.size()) == 1);
    KW_CHECK(EVP_DigestUpdate(impl_->digest.get(), part.data(), part.size()) == 1);
    return *this;
}

std::string Hasher::hex() {
    KW_CHECK(impl_->digest != nullptr);
    std::string hex = finish_hex(impl_->digest.get());
    impl_->digest.reset();
    return hex;
}

std::string sha256_hex(std::string_view bytes) {
    return sha256_hex(std::as_bytes(std::span(bytes)));
}

std::string sha256_hex(std::span<const std::byte> bytes) {
    const Digest digest = start_sha256();
    KW_CHECK(EVP_DigestUpdate(digest.get(), bytes.data(), bytes.size()) == 1);
    return finish_hex(digest.get());
}

std::string short_id(char letter, std::string_view hex) {
    return letter + std::string(hex.substr(0, k_shown_digits));
}

std::string id_prefix(std::string_view shown, char letter) {
    if (!shown.empty() && shown.front() == letter) {
        // 'c' and 'e' are hex digits too: with them "c1d0" may be an id or a bare prefix. The shown
        // form is one letter and 7 digits, so only that length is read as letter + prefix; a
        // full or bare prefix that starts with the letter stays whole.
        const bool ambiguous = is_hex(letter);
        if (!ambiguous || shown.size() == k_shown_digits + 1) {
            shown.remove_prefix(1);
        }
    }
    if (shown.empty() || shown.size() > 2 * k_digest_bytes) {
        return {};
    }
    std::string prefix;
    for (const char c : shown) {
        if (!is_hex(c)) {
            return {};
        }
        prefix += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return prefix;
}

}  // namespace kw
