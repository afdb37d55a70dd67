// SPDX-License-Identifier: Apache-2.0
// What names mean while a module is parsed: nested scopes, register ranges "%r<10>" and labels that
// are used before they are placed. Depth 0 is the module, 1 a function, deeper its { } blocks.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kw::emu {

enum class Meaning : std::uint8_t {
    reg,       ///< index into Function::registers
    vector,    ///< a .v2 or .v4 register: index of the first of `count`
    range,     ///< a register range: index of number 0, `count` of them
    symbol,    ///< index into Function::symbols
    global,    ///< index into Module::globals
    function,  ///< index into Module::functions
    label,     ///< index into Function::instructions
    targets,   ///< index of a .branchtargets or .calltargets list
};

struct NameEntry {
    Meaning meaning = Meaning::reg;
    std::int32_t depth = 0;
    std::uint32_t index = 0;
    std::uint32_t count = 1;
    std::uint32_t slot = 0;
    std::int32_t shadowed = -1;  ///< entry of the same name further out
};

class Names {
public:
    /// A number that stands for the name from now on; the view must outlive this object.
    std::uint32_t slot_of(std::string_view name);
    /// Innermost meaning of a whole name, or nullptr.
    [[nodiscard]] const NameEntry* find(std::uint32_t slot) const;
    [[nodiscard]] const NameEntry* find(std::string_view name) const;
    /// The register "%r7" as a whole name or as a member of a range; `index` gets its index.
    [[nodiscard]] const NameEntry* find_register(std::string_view name, std::uint32_t& index) const;

    /// False when the name already has a meaning at this depth.
    bool declare(std::string_view name, Meaning meaning, std::uint32_t index, std::uint32_t count);
    /// As declare, for "prefix<count>".
    bool declare_range(std::string_view prefix, std::uint32_t index, std::uint32_t count);

    [[nodiscard]] std::int32_t depth() const { return depth_; }
    void enter() { ++depth_; }
    /// Forgets what was declared since the matching enter().
    void leave();

private:
    struct Slot {
        std::int32_t whole = -1;  ///< innermost entry, or -1
        std::int32_t range = -1;
    };
    [[nodiscard]] const NameEntry* find_in_range(
        std::string_view prefix, std::string_view digits, std::uint32_t& index) const;
    [[nodiscard]] const NameEntry* entry(std::int32_t index) const {
        return index < 0 ? nullptr : &entries_[static_cast<std::size_t>(index)];
    }

    std::unordered_map<std::string_view, std::uint32_t> slots_by_name_;
    std::vector<Slot> slots_;
    std::vector<NameEntry> entries_;  ///< outermost first
    std::int32_t depth_ = 0;
    /// Whether a whole name such as "%r3" was ever declared inside the reach of "%r<8>", or a range
    /// such as "%r1<8>" at all: only then a look-up has to try more than the range "%r".
    bool whole_names_like_members_ = false;
    bool prefixes_with_digits_ = false;
};

}  // namespace kw::emu
