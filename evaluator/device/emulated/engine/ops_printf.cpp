// SPDX-License-Identifier: Apache-2.0
// printf and assert on the device: vprintf and __assertfail are called with addresses of a format
// and of packed arguments; the text goes to the launch's log.
#include "evaluator/device/emulated/engine/access.hpp"
#include "evaluator/device/emulated/engine/ops_control.hpp"
#include "evaluator/device/emulated/engine/warp_control.hpp"

#include <algorithm>
#include <cstdio>

namespace kw::emu {
namespace {

constexpr std::size_t k_max_text = 1024;
constexpr std::size_t k_letters = 8;  // that cost about what an instruction does

/// Reads memory of the kernel quietly: nothing is checked but the bounds.
class Reader {
public:
    Reader(WarpState& warp, int lane)
        : warp_(warp)
        , lane_(lane) {}

    bool bytes(std::uint64_t address, void* to, std::size_t count) const {
        const Generic place = generic_place(address);
        const Block& block = *warp_.block;
        const std::byte* from = nullptr;
        std::uint64_t at = place.offset;
        std::uint64_t size = 0;
        if (place.space == Space::local) {
            from = warp_.local + static_cast<std::size_t>(lane_) * warp_.local_bytes;
            size = warp_.local_bytes;
        } else if (place.space == Space::shared) {
            from = block.shared;
            size = block.shared_bytes;
        } else if (const Allocation* found = block.run->memory->find(address);
                   found != nullptr && address >= found->address) {
            from = found->host;
            at = address - found->address;
            size = found->bytes;
        }
        if (from == nullptr || at > size || size - at < count) {
            return false;
        }
        std::memcpy(to, from + at, count);
        return true;
    }

    std::string text(std::uint64_t address) const {
        std::string out;
        char c = 0;
        while (out.size() < k_max_text && bytes(address++, &c, 1) && c != 0) {
            out += c;
        }
        return out;
    }

private:
    WarpState& warp_;
    int lane_;
};

/// The packed arguments: each aligned to its size, at most 8 bytes.
class Arguments {
public:
    Arguments(const Reader& reader, std::uint64_t address)
        : reader_(reader)
        , address_(address) {}

    template <class T>
    T next() {
        address_ = (address_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
        T value{};
        (void)reader_.bytes(address_, &value, sizeof(T));
        address_ += sizeof(T);
        return value;
    }

private:
    const Reader& reader_;
    std::uint64_t address_;
};

struct Conversion {
    std::string flags;  ///< with width and precision
    bool wide = false;  ///< 8-byte integer
    char type = 0;
};

/// Formats with a conversion of our own making, so that nothing of the kernel reaches snprintf's
/// format but digits and flags.
template <class T>
std::string formatted(const Conversion& conversion, const char* length, T value) {
    const std::string format = "%" + conversion.flags + length + conversion.type;
    std::array<char, 512> buffer{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const int n = std::snprintf(buffer.data(), buffer.size(), format.c_str(), value);
#pragma GCC diagnostic pop
    return std::string(
        buffer.data(),
        std::min<std::size_t>(n < 0 ? 0 : static_cast<std::size_t>(n), buffer.size() - 1));
}

std::string convert(const Conversion& c, Arguments& arguments, const Reader& reader) {
    switch (c.type) {
        case 'd':
        case 'i':
            return c.wide ? formatted(c, "ll", arguments.next<long long>())
                          : formatted(c, "", arguments.next<int>());
        case 'u':
        case 'x':
        case 'X':
        case 'o':
            return c.wide ? formatted(c, "ll", arguments.next<unsigned long long>())
                          : formatted(c, "", arguments.next<unsigned>());
        case 'c': return formatted(c, "", arguments.next<int>());
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
        case 'a':
        case 'A': return formatted(c, "", arguments.next<double>());
        case 'p': {
            Conversion hexadecimal = c;
            hexadecimal.type = 'x';
            return "0x" + formatted(hexadecimal, "ll", arguments.next<unsigned long long>());
        }
        case 's': return reader.text(arguments.next<std::uint64_t>());
        default: return std::string("%") + c.type;
    }
}

/// Parses what follows a %; `at` moves behind it. Widths are bounded to two digits.
Conversion parse_conversion(const std::string& format, std::size_t& at, Arguments& arguments) {
    Conversion c;
    while (at < format.size()) {
        const char ch = format[at];
        if (ch == '*') {
            c.flags += std::to_string(std::clamp(arguments.next<int>(), 0, 99));
        } else if (std::string_view("-+ #.0123456789").find(ch) != std::string_view::npos) {
            if (c.flags.size() < 8) {
                c.flags += ch;
            }
        } else if (ch == 'l' || ch == 'j' || ch == 'z' || ch == 't') {
            c.wide = true;
        } else if (ch != 'h' && ch != 'L') {
            c.type = ch;
            ++at;
            break;
        }
        ++at;
    }
    // A width or precision of more than three digits is left out.
    int digits = 0;
    for (const char ch : c.flags) {
        digits = ch >= '0' && ch <= '9' ? digits + 1 : 0;
        if (digits > 3) {
            c.flags.clear();
            break;
        }
    }
    return c;
}

std::string print(const std::string& format, Arguments& arguments, const Reader& reader) {
    std::string out;
    for (std::size_t at = 0; at < format.size() && out.size() < 8 * k_max_text;) {
        if (format[at] != '%') {
            out += format[at++];
            continue;
        }
        ++at;
        if (at < format.size() && format[at] == '%') {
            out += '%';
            ++at;
            continue;
        }
        const Conversion c = parse_conversion(format, at, arguments);
        if (c.type != 0) {
            out += convert(c, arguments, reader);
        }
    }
    return out;
}

std::uint64_t pointer(
    const Reader& reader, WarpState& warp, const Insn& insn, std::size_t slot, int lane) {
    std::uint64_t value = 0;
    const std::uint64_t at =
        warp.lanes<std::uint64_t>(insn.slot[slot])[static_cast<std::size_t>(lane)];
    (void)reader.bytes(at, &value, sizeof(value));
    return value;
}

}  // namespace

void run_vprintf(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const Reader reader(warp, lane);
        const std::string format = reader.text(pointer(reader, warp, insn, 0, lane));
        Arguments arguments(reader, pointer(reader, warp, insn, 1, lane));
        const std::string text = print(format, arguments, reader);
        warp.block->run->print(text);
        if (!charge(warp, (format.size() + text.size()) / k_letters)) {
            return;
        }
    }
}

void run_assertfail(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const int lane = __builtin_ctz(active);
    const Reader reader(warp, lane);
    const std::string text = reader.text(pointer(reader, warp, insn, 0, lane));
    Defect defect;
    defect.kind = FindingKind::assertion;
    defect.count = static_cast<std::uint64_t>(__builtin_popcount(active));
    defect.detail = text.c_str();
    report(warp, insn, lane, defect);
    warp.block->run->trapped = true;
    warp.block->run->stop_with("an assertion failed");
    warp.exited |= active;
    warp.active &= ~active;
    warp.limit = 0;
}

}  // namespace kw::emu
