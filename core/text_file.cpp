// SPDX-License-Identifier: Apache-2.0
#include "core/text_file.hpp"

#include <array>
#include <fstream>

namespace kw {

Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t max_bytes) {
    std::error_code failed;
    // Looked at before it is opened: a FIFO or a device would block or never end.
    if (!std::filesystem::is_regular_file(file, failed)) {
        const bool absent = !std::filesystem::exists(file, failed);
        return Error{
            Errc::config,
            "reading " + file.string() + ": " + (absent ? "no such file" : "not a regular file"),
            {}};
    }
    std::ifstream in(file, std::ios::binary);
    std::string text;
    std::array<char, 16384> block;
    // One byte more than allowed tells a file that is too large, whatever its size claims to be.
    while (in && text.size() <= max_bytes) {
        in.read(block.data(), block.size());
        text.append(block.data(), static_cast<std::size_t>(in.gcount()));
    }
    if (!in.eof() && text.size() <= max_bytes) {
        return Error{
            Errc::config,
            "reading " + file.string() + ": it cannot be read",
            "check its permissions"};
    }
    if (text.size() > max_bytes) {
        return Error{
            Errc::config,
            "reading " + file.string() + ": larger than " + std::to_string(max_bytes) + " bytes",
            {}};
    }
    return text;
}

}  // namespace kw
