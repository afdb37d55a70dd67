// SPDX-License-Identifier: Apache-2.0
#include "core/hash.hpp"

#include "tests/unit/core/support.hpp"

using namespace kw;

TEST_CASE("hash: sha256_hex gives the published digests", "[core]") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("hash: parts are length-prefixed so that their borders count", "[core]") {
    const std::string split = Hasher().add("ab").add("c").hex();
    // SHA-256 over two little-endian 64-bit lengths and parts, computed by another program.
    CHECK(split == "43ee655579de01ca739b3f95c1c2d3f46d353b2c0df818064ea594506cdb2617");
    CHECK(split != Hasher().add("a").add("bc").hex());
    CHECK(split != Hasher().add("abc").hex());
    CHECK(Hasher().add("").hex() != Hasher().hex());
}

TEST_CASE("hash: a shown id and a prefix lead back to the hex digits", "[core]") {
    const std::string hex = sha256_hex("abc");
    CHECK(short_id('k', hex) == "kba7816b");
    CHECK(id_prefix("kba7816b", 'k') == "ba7816b");
    CHECK(id_prefix("kba78", 'k') == "ba78");
    CHECK(id_prefix("BA7816BF", 'k') == "ba7816bf");
    CHECK(id_prefix(hex, 'k') == hex);
}

TEST_CASE("hash: a letter that is a hex digit is only stripped from the shown form", "[core]") {
    CHECK(id_prefix("c7f3a91c", 'c') == "7f3a91c");
    CHECK(id_prefix("c7f3", 'c') == "c7f3");
    CHECK(id_prefix("e7f3a91c0", 'e') == "e7f3a91c0");
}

TEST_CASE("hash: what is not hex is no id", "[core]") {
    for (const char* bad : {"", "k", "kxyz", "w4a16_gemv", "k7f3 a91", "-7f3a91c"}) {
        INFO(bad);
        CHECK(id_prefix(bad, 'k').empty());
    }
    CHECK(id_prefix(std::string(65, 'a'), 'k').empty());
}
