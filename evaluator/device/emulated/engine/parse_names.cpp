// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/parse_names.hpp"

#include <algorithm>
#include <charconv>

namespace kw::emu {

namespace {

constexpr std::size_t k_longest_number = 10;  ///< digits of a number in a register's name

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::size_t digits_begin(std::string_view name) {
    std::size_t at = name.size();
    while (at > 0 && is_digit(name[at - 1])) {
        --at;
    }
    return at;
}

const NameEntry* inner(const NameEntry* a, const NameEntry* b) {
    if (a == nullptr || b == nullptr) {
        return a == nullptr ? b : a;
    }
    return b->depth > a->depth ? b : a;
}

}  // namespace

std::uint32_t Names::slot_of(std::string_view name) {
    const auto number = static_cast<std::uint32_t>(slots_.size());
    const auto [found, added] = slots_by_name_.try_emplace(name, number);
    if (added) {
        slots_.emplace_back();
    }
    return found->second;
}

const NameEntry* Names::find(std::uint32_t slot) const {
    return entry(slots_[slot].whole);
}

const NameEntry* Names::find(std::string_view name) const {
    const auto found = slots_by_name_.find(name);
    return found == slots_by_name_.end() ? nullptr : find(found->second);
}

const NameEntry* Names::find_in_range(
    std::string_view prefix, std::string_view digits, std::uint32_t& index) const {
    if (digits.empty() || digits.size() > k_longest_number ||
        (digits.size() > 1 && digits[0] == '0')) {
        return nullptr;
    }
    const auto found = slots_by_name_.find(prefix);
    if (found == slots_by_name_.end()) {
        return nullptr;
    }
    std::uint32_t number = 0;
    const char* end = digits.data() + digits.size();
    if (std::from_chars(digits.data(), end, number).ec != std::errc{}) {
        return nullptr;
    }
    // A range further out may be the longer one.
    for (const NameEntry* e = entry(slots_[found->second].range); e; e = entry(e->shadowed)) {
        if (number < e->count) {
            index = e->index + number;
            return e;
        }
    }
    return nullptr;
}

const NameEntry* Names::find_register(std::string_view name, std::uint32_t& index) const {
    const std::size_t split = digits_begin(name);
    const NameEntry* best = nullptr;
    if (split < name.size()) {
        best = find_in_range(name.substr(0, split), name.substr(split), index);
        const std::size_t longest =
            name.size() > k_longest_number ? name.size() - k_longest_number : 0;
        std::size_t at = std::max(split + 1, longest);
        for (; prefixes_with_digits_ && at < name.size(); ++at) {
            std::uint32_t other = 0;
            const NameEntry* member = find_in_range(name.substr(0, at), name.substr(at), other);
            if (inner(best, member) != best) {
                best = member;
                index = other;
            }
        }
        if (best != nullptr && !whole_names_like_members_) {
            return best;
        }
    }
    const NameEntry* whole = find(name);
    if (whole == nullptr || inner(whole, best) != whole) {
        return best;
    }
    index = whole->index;
    return whole;
}

bool Names::declare(
    std::string_view name, Meaning meaning, std::uint32_t index, std::uint32_t count) {
    const std::uint32_t slot = slot_of(name);
    const NameEntry* present = find(slot);
    if (present != nullptr && present->depth == depth_) {
        return false;
    }
    if (is_digit(name.back())) {
        std::uint32_t unused = 0;
        const std::size_t split = digits_begin(name);
        const std::string_view prefix = name.substr(0, split);
        const NameEntry* member = find_in_range(prefix, name.substr(split), unused);
        if (member != nullptr && member->depth == depth_) {
            return false;
        }
        whole_names_like_members_ |= member != nullptr || prefixes_with_digits_;
    }
    NameEntry entry{meaning, depth_, index, count, slot, slots_[slot].whole};
    slots_[slot].whole = static_cast<std::int32_t>(entries_.size());
    entries_.push_back(entry);
    return true;
}

bool Names::declare_range(std::string_view prefix, std::uint32_t index, std::uint32_t count) {
    const std::uint32_t slot = slot_of(prefix);
    const NameEntry* present = entry(slots_[slot].range);
    if (present != nullptr && present->depth == depth_) {
        return false;
    }
    prefixes_with_digits_ |= is_digit(prefix.back());
    NameEntry entry{Meaning::range, depth_, index, count, slot, slots_[slot].range};
    slots_[slot].range = static_cast<std::int32_t>(entries_.size());
    entries_.push_back(entry);
    return true;
}

void Names::leave() {
    while (!entries_.empty() && entries_.back().depth == depth_) {
        const NameEntry& last = entries_.back();
        Slot& slot = slots_[last.slot];
        (last.meaning == Meaning::range ? slot.range : slot.whole) = last.shadowed;
        entries_.pop_back();
    }
    --depth_;
}

}  // namespace kw::emu
