// SPDX-License-Identifier: Apache-2.0
// From libFuzzer to the target KW_FUZZ_TARGET.
#include "tests/fuzz/target.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kw::fuzz::KW_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
