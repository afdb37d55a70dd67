// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/operands.hpp"

#include <algorithm>
#include <cmath>

namespace kw::emu {
namespace {

std::uint16_t half_bits(double value) {
    const auto narrow = static_cast<float>(value);
    const auto bits = std::bit_cast<std::uint32_t>(narrow);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    if (std::isnan(value)) {
        return 0x7FFF;
    }
    const double size = std::fabs(value);
    if (size >= 65520.0) {
        return static_cast<std::uint16_t>(sign | 0x7C00U);
    }
    // Scaled so that the unit in the last place is 1; nearbyint rounds to even.
    const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
    const auto units = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
    const auto biased = static_cast<std::uint32_t>(exponent + 14);  // units carry the hidden one
    return static_cast<std::uint16_t>(sign | ((biased << 10) + units));
}

std::uint64_t real_bits(double value, Width width, int any_bytes) {
    switch (width) {
        case Width::w16: return half_bits(value);
        case Width::w32: return std::bit_cast<std::uint32_t>(static_cast<float>(value));
        case Width::any:
            return any_bytes == 4 ? std::bit_cast<std::uint32_t>(static_cast<float>(value))
                                  : std::bit_cast<std::uint64_t>(value);
        default: return std::bit_cast<std::uint64_t>(value);
    }
}

int width_bytes(Width width) {
    switch (width) {
        case Width::predicate: return 1;
        case Width::w16:
        case Width::w32_or_predicate:
        case Width::w32: return 4;
        case Width::w64: return 8;
        case Width::w128: return 16;
        default: return 0;
    }
}

/// mov.b128: the only one whose operands may have three widths.
bool moves_128_bits(const Binding& binding) {
    return binding.work == Work::move && binding.bytes == 16;
}

}  // namespace

bool takes_addresses(Work work) {
    switch (work) {
        case Work::global:
        case Work::shared:
        case Work::local:
        case Work::constant:
        case Work::generic:
        case Work::atomic:
        case Work::copy_async:
        case Work::matrix: return true;
        default: return false;
    }
}

int lane_bytes(const Register& reg) {
    if (reg.kind == 'p') {
        return 1;
    }
    return reg.bits > 64 ? 16 : (reg.bits > 32 ? 8 : 4);
}

int frame_size(int bytes) {
    return bytes == 1 ? 4 : bytes * k_lanes;
}

Operands::Operands(const Module& module, const Memory& memory, const Flat& flat)
    : module_(module)
    , device_(memory)
    , flat_(flat)
    , registers_(flat.registers) {}

bool Operands::fail(std::string message) {
    problem_ = std::move(message);
    return false;
}

void Operands::begin(const Binding& binding, std::uint32_t instance, First first) {
    binding_ = &binding;
    instance_ = instance;
    first_ = first;
    width_at_ = 0;
    written_ = 0;
    memory_operands_ = 0;
    offset_ = 0;
    wide_base_ = false;
    hidden_.clear();
}

Width Operands::next_width() {
    const std::vector<Width>& widths = binding_->widths;
    if (widths.empty()) {
        return Width::any;
    }
    return widths[std::min(width_at_++, widths.size() - 1)];
}

std::uint32_t Operands::flat_register(std::uint32_t index, std::uint32_t instance) const {
    const Instance& in = flat_.instances[instance];
    return index < in.function->registers.size() ? in.first_register + index : 0xFFFFFFFFu;
}

bool Operands::add(const Operand& operand, bool first) {
    const First how = first ? first_ : First::reads;
    const std::size_t before = refs_.size();
    if (operand.kind == Operand::Kind::memory) {
        return memory(operand);
    }
    if (operand.kind == Operand::Kind::vector) {
        for (const Operand& part : operand.parts) {
            if (!scalar(part, next_width(), how)) {
                return false;
            }
        }
    } else if (operand.kind == Operand::Kind::pair) {
        if (operand.parts.size() != 2) {
            return fail("a pair of other than two registers");
        }
        if (!scalar(operand.parts[0], next_width(), how) ||
            !scalar(operand.parts[1], Width::predicate, how)) {
            return false;
        }
    } else if (!scalar(operand, next_width(), how)) {
        return false;
    }
    if (how != First::reads) {
        written_ = static_cast<std::uint32_t>(refs_.size() - before);
    }
    return true;
}

bool Operands::scalar(const Operand& operand, Width width, First how) {
    if (how != First::reads && operand.kind != Operand::Kind::reg &&
        operand.kind != Operand::Kind::sink) {
        return fail("a register has to be written");
    }
    if (width == Width::address) {
        return fail("an address in brackets is needed");
    }
    switch (operand.kind) {
        case Operand::Kind::reg: return reg(operand, width, how);
        case Operand::Kind::sink: refs_.push_back({}); return true;
        case Operand::Kind::special: return special(operand, width);
        case Operand::Kind::integer:
        case Operand::Kind::real32:
        case Operand::Kind::real64: return immediate(operand, width);
        case Operand::Kind::global:
        case Operand::Kind::local: {
            const std::optional<std::uint64_t> at = symbol_address(operand, instance_);
            if (!at) {
                return fail("the address of a variable that has none");
            }
            if (width == Width::predicate || width == Width::w16 || width == Width::w128) {
                return fail("an address where another width is needed");
            }
            constant(*at + static_cast<std::uint64_t>(operand.offset), width == Width::w32 ? 4 : 8);
            return true;
        }
        default: return fail("unsupported kind of operand");
    }
}

bool Operands::reg(const Operand& operand, Width width, First how) {
    const std::uint32_t index = flat_register(operand.index, instance_);
    if (index == 0xFFFFFFFFu) {
        return fail("there is no such register");
    }
    if (!operand.text.empty()) {
        return fail("unsupported part of a register " + operand.text);
    }
    const int bytes = lane_bytes(registers_[index]);
    const int wanted = width_bytes(width);
    bool fits = bytes == wanted;
    if (width == Width::any) {
        fits = bytes == 4 || bytes == 8 || (bytes == 16 && moves_128_bits(*binding_));
    } else if (width == Width::w32_or_predicate) {
        fits = bytes == 4 || bytes == 1;
    }
    if (!fits) {
        return fail(
            "register " + flat_.instances[instance_].function->registers[operand.index].name +
            " has another width");
    }
    if (operand.negated && (bytes != 1 || how != First::reads)) {
        return fail("a negated operand that is no predicate");
    }
    Ref ref{Ref::Kind::reg, index, static_cast<std::uint8_t>(bytes), false, false, operand.negated};
    ref.writes = how != First::reads;
    ref.reads = how != First::writes;
    refs_.push_back(ref);
    return true;
}

bool Operands::special(const Operand& operand, Width width) {
    const std::optional<Special> which = find_special(operand.text);
    if (!which) {
        return fail("unsupported special register " + operand.text);
    }
    const int native = special_bytes(*which);
    int bytes = width == Width::any ? native : width_bytes(width);
    if (width == Width::predicate ? native != 1 : (native == 1 || bytes == 16 || bytes == 0)) {
        return fail("special register " + operand.text + " has another width");
    }
    if (special_changes(*which)) {
        Hidden hidden;
        hidden.special = *which;
        hidden.to =
            Ref{Ref::Kind::reg,
                static_cast<std::uint32_t>(registers_.size()),
                static_cast<std::uint8_t>(bytes),
                true,
                false,
                false};
        registers_.push_back({"", 'b', static_cast<std::uint8_t>(bytes * 8)});
        hidden_.push_back(hidden);
        Ref read = hidden.to;
        read.writes = false;
        refs_.push_back(read);
        return true;
    }
    std::uint32_t index = 0;
    while (index < specials_.size() &&
           !(specials_[index].which == *which && specials_[index].bytes == bytes)) {
        ++index;
    }
    if (index == specials_.size()) {
        specials_.push_back({*which, 0, static_cast<std::uint8_t>(bytes)});
    }
    refs_.push_back(
        {Ref::Kind::special,
         index,
         static_cast<std::uint8_t>(bytes),
         false,
         true,
         operand.negated});
    return true;
}

void Operands::constant(std::uint64_t bits, int bytes) {
    const Constant wanted{bits, bytes};
    const auto [it, fresh] =
        constant_index_.try_emplace(wanted, static_cast<std::uint32_t>(constants_.size()));
    if (fresh) {
        constants_.push_back(wanted);
    }
    refs_.push_back(
        {Ref::Kind::constant, it->second, static_cast<std::uint8_t>(bytes), false, true, false});
}

bool Operands::immediate(const Operand& operand, Width width) {
    const int element = binding_->bytes;
    const int any_bytes = element != 0 && element <= 4 ? 4 : 8;
    int bytes = width == Width::any ? any_bytes : width_bytes(width);
    if (bytes == 0) {
        return fail("an operand too many");
    }
    std::uint64_t bits = operand.bits;
    if (operand.kind == Operand::Kind::real32) {
        const float value = std::bit_cast<float>(static_cast<std::uint32_t>(operand.bits));
        if (width == Width::any && element == 0) {
            bytes = 4;
        } else if (bytes == 8 || (width == Width::w16 && binding_->real_immediates)) {
            bits = real_bits(value, width, any_bytes);
        }
    } else if (operand.kind == Operand::Kind::real64) {
        const double value = std::bit_cast<double>(operand.bits);
        bits = real_bits(value, width, any_bytes);
    } else if (width == Width::predicate) {
        bits = operand.bits != 0 ? k_all_lanes : 0;
    }
    if (width == Width::w16) {
        bits &= 0xFFFF;
    } else if (bytes <= 4) {
        bits &= 0xFFFFFFFFu;
    }
    constant(bits, bytes);
    return true;
}

std::optional<std::uint64_t> Operands::symbol_address(
    const Operand& operand, std::uint32_t instance) const {
    if (operand.kind == Operand::Kind::global) {
        if (operand.index >= module_.globals.size()) {
            return std::nullopt;
        }
        if (module_.globals[operand.index].space == Space::shared) {
            const auto found = flat_.shared_globals.find(operand.index);
            return found == flat_.shared_globals.end() ? std::nullopt
                                                       : std::optional(found->second.address);
        }
        const std::uint64_t at = device_.global_address(operand.index);
        return at == 0 ? std::nullopt : std::optional(at);
    }
    const std::vector<Place>& symbols = flat_.instances[instance].symbols;
    if (operand.index >= symbols.size() || symbols[operand.index].space == Space::reg) {
        return std::nullopt;
    }
    const Place& place = symbols[operand.index];
    // A .param of a call lies in local memory, and ld.param takes generic addresses.
    const Symbol& symbol = flat_.instances[instance].function->symbols[operand.index];
    if (symbol.space == Space::param && place.space == Space::local) {
        return (k_local_slot << k_slot_bits) + place.address;
    }
    return place.address;
}

void Operands::address(const Operand& operand, std::uint32_t instance) {
    constant(symbol_address(operand, instance).value_or(0), 8);
}

bool Operands::memory(const Operand& operand) {
    if (operand.parts.empty()) {
        return fail("an address without a base");
    }
    const Operand& base = operand.parts[0];
    const Width width = next_width();
    const bool by_any = width == Width::any && takes_addresses(binding_->work);
    if (width != Width::address && !by_any) {
        return fail("an address where a value is needed");
    }
    const std::int64_t offset = operand.offset;
    switch (base.kind) {
        case Operand::Kind::reg: {
            const std::uint32_t index = flat_register(base.index, instance_);
            const int bytes = index == 0xFFFFFFFFu ? 0 : lane_bytes(registers_[index]);
            if ((bytes != 4 && bytes != 8) || base.negated || !base.text.empty()) {
                return fail("a base register of a width that no address has");
            }
            refs_.push_back(
                {Ref::Kind::reg, index, static_cast<std::uint8_t>(bytes), false, true, false});
            break;
        }
        case Operand::Kind::integer: constant(base.bits, 8); break;
        case Operand::Kind::global:
        case Operand::Kind::local: {
            const std::optional<std::uint64_t> at = symbol_address(base, instance_);
            if (!at) {
                return fail("the address of a variable that has none");
            }
            constant(*at + static_cast<std::uint64_t>(base.offset), 8);
            break;
        }
        default: return fail("unsupported kind of address");
    }
    if (memory_operands_++ == 0) {
        offset_ = offset;
        wide_base_ = refs_.back().bytes == 8;
    } else if (offset != 0) {
        Hidden hidden;
        hidden.add = true;
        hidden.offset = offset;
        hidden.from = refs_.back();
        hidden.to =
            Ref{Ref::Kind::reg,
                static_cast<std::uint32_t>(registers_.size()),
                hidden.from.bytes,
                true,
                false,
                false};
        registers_.push_back({"", 'b', static_cast<std::uint8_t>(hidden.from.bytes * 8)});
        hidden_.push_back(hidden);
        refs_.back() = hidden.to;
        refs_.back().writes = false;
        refs_.back().reads = true;
    }
    for (std::size_t i = 1; i < operand.parts.size(); ++i) {
        if (operand.parts[i].kind == Operand::Kind::vector) {
            for (const Operand& part : operand.parts[i].parts) {
                if (!scalar(part, next_width(), First::reads)) {
                    return false;
                }
            }
        } else if (!scalar(operand.parts[i], next_width(), First::reads)) {
            return false;
        }
    }
    return true;
}

FrameBase Operands::lay_out_constants() const {
    FrameBase base;
    std::uint32_t at = 0;
    const auto place = [&at](int bytes) {
        const auto size = static_cast<std::uint32_t>(frame_size(bytes));
        at = (at + size - 1) / size * size;
        const std::uint32_t slot = at;
        at += size;
        return slot;
    };
    for (const int wanted : {16, 8, 4, 1}) {  // so that all stay aligned
        for (std::size_t i = 0; i < constants_.size(); ++i) {
            base.constants.resize(constants_.size());
            if (constants_[i].bytes == wanted) {
                base.constants[i] = place(wanted);
            }
        }
        base.specials = wanted == 16 ? specials_ : base.specials;
        for (SpecialSlot& special : base.specials) {
            if (special.bytes == wanted) {
                special.slot = place(wanted);
            }
        }
    }
    for (const SpecialSlot& special : base.specials) {
        base.special.push_back(special.slot);
    }
    base.bytes.assign((at + 511) / 512 * 512, std::byte{0});
    for (std::size_t i = 0; i < constants_.size(); ++i) {
        std::byte* to = base.bytes.data() + base.constants[i];
        const int bytes = constants_[i].bytes;
        if (bytes == 1) {
            std::memcpy(to, &constants_[i].bits, 4);
            continue;
        }
        for (int lane = 0; lane < k_lanes; ++lane) {
            std::memcpy(
                to + lane * bytes,
                &constants_[i].bits,
                static_cast<std::size_t>(std::min(bytes, 8)));
        }
    }
    return base;
}

}  // namespace kw::emu
