// SPDX-License-Identifier: Apache-2.0
// Variables: type, alignment, array bounds, initial values with addresses of other symbols.
#include "evaluator/device/emulated/engine/parser.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace kw::emu {

namespace {

struct NamedType {
    std::string_view name;
    ScalarType type;
};
// f16x2 and bf16 registers are bits to every instruction that takes them.
constexpr std::array<NamedType, 26> k_types = {{
    {".b8", {'b', 8}},       {".b16", {'b', 16}},        {".b32", {'b', 32}},
    {".b64", {'b', 64}},     {".b128", {'b', 128}},      {".u8", {'u', 8}},
    {".u16", {'u', 16}},     {".u32", {'u', 32}},        {".u64", {'u', 64}},
    {".s8", {'s', 8}},       {".s16", {'s', 16}},        {".s32", {'s', 32}},
    {".s64", {'s', 64}},     {".f16", {'f', 16}},        {".f32", {'f', 32}},
    {".f64", {'f', 64}},     {".f16x2", {'b', 32}},      {".bf16", {'b', 16}},
    {".bf16x2", {'b', 32}},  {".tf32", {'b', 32}},       {".f32x2", {'b', 64}},
    {".pred", {'p', 1}},     {".texref", {'b', 64}},     {".samplerref", {'b', 64}},
    {".surfref", {'b', 64}}, {".tensormap", {'b', 128}},
}};

/// The largest size of one variable; sums of a few of them cannot overflow.
constexpr std::uint64_t k_most_bytes = std::uint64_t{1} << 40;

std::uint64_t element_bytes(const Symbol& symbol) {
    return symbol.bits / 8U;
}

void store(Symbol& symbol, std::uint64_t at, std::uint64_t bits) {
    const std::uint64_t bytes = element_bytes(symbol);
    if (symbol.initial.size() < at + bytes) {
        symbol.initial.resize(at + bytes);
    }
    std::memcpy(symbol.initial.data() + at, &bits, std::min<std::uint64_t>(bytes, sizeof(bits)));
    if (bytes > sizeof(bits) && (bits >> 63) != 0) {
        std::memset(symbol.initial.data() + at + sizeof(bits), 0xFF, bytes - sizeof(bits));
    }
}

}  // namespace

std::optional<ScalarType> scalar_type(std::string_view directive) {
    for (const NamedType& named : k_types) {
        if (named.name == directive) {
            return named.type;
        }
    }
    return std::nullopt;
}

bool Parser::count_data(std::uint64_t bytes) {
    data_bytes_ += std::min<std::uint64_t>(bytes, k_most_bytes);
    return data_bytes_ <= limits_.data_bytes ||
           fail(
               "the module's data is larger than " + std::to_string(limits_.data_bytes) + " bytes");
}

/// ".attribute(.managed)": what it says is of no concern to a device with one memory.
bool Parser::attribute_list() {
    if (!expect('(')) {
        return false;
    }
    int depth = 1;
    while (depth > 0) {
        if (lexer_.at_end()) {
            return fail_expected("')'");
        }
        if (lexer_.take('(')) {
            ++depth;
        } else if (lexer_.take(')')) {
            --depth;
        } else {
            lexer_.step();
        }
    }
    return true;
}

bool Parser::variable_head(VariableHead& head) {
    bool typed = false;
    while (lexer_.peek() == '.') {
        const TextPosition at = lexer_.position();
        const std::string_view directive = lexer_.directive();
        if (const std::optional<ScalarType> type = scalar_type(directive); type && !typed) {
            head.type = *type;
            typed = true;
        } else if (directive == ".align") {
            std::int64_t align = 0;
            if (!integer(1, 1 << 20, align)) {
                return false;
            }
            if (!std::has_single_bit(static_cast<std::uint64_t>(align))) {
                return fail_at(at, "an alignment is a power of two");
            }
            // Behind .ptr it is that of the memory pointed to.
            head.align = typed ? head.align : static_cast<std::uint32_t>(align);
        } else if (directive == ".v2" || directive == ".v4" || directive == ".v8") {
            head.vector = static_cast<std::uint32_t>(directive[2] - '0');
        } else if (directive == ".attribute") {
            if (!attribute_list()) {
                return false;
            }
        } else if (
            !typed || (directive != ".ptr" && directive != ".global" && directive != ".const" &&
                       directive != ".shared" && directive != ".local")) {
            return fail_at(at, "unexpected " + quote(directive) + " in a declaration");
        }
    }
    return typed || fail_expected("a type");
}

Symbol Parser::new_symbol(std::string_view name, Space space, const VariableHead& head) const {
    Symbol symbol;
    symbol.name = std::string(name);
    symbol.space = space;
    symbol.kind = head.type.kind;
    symbol.bits = head.type.bits;
    symbol.align = head.align != 0 ? head.align
                                   : std::max<std::uint32_t>(1, head.type.bits / 8U * head.vector);
    return symbol;
}

/// "[2][3]", "[]"; an open first bound is 0. A vector type is a last bound.
bool Parser::array_bounds(
    Symbol& symbol, const VariableHead& head, std::vector<std::uint64_t>& bounds) {
    if (symbol.kind == 'p') {
        return fail("a predicate cannot lie in memory");
    }
    while (lexer_.take('[')) {
        Number bound{'i', 0};
        const TextPosition at = lexer_.position();
        if (lexer_.peek() != ']' && !constant(bound)) {
            return false;
        }
        const bool open = bound.bits == 0 && bounds.empty();
        if ((bound.kind != 'i' && bound.kind != 'u') || (bound.bits == 0 && !open) ||
            bound.bits > k_most_bytes) {
            return fail_at(at, "a bound of an array is a number above 0 that fits");
        }
        if (bounds.size() >= static_cast<std::size_t>(limits_.depth)) {
            return fail_at(at, "an array with too many dimensions");
        }
        bounds.push_back(bound.bits);
        if (!expect(']')) {
            return false;
        }
    }
    if (head.vector > 1) {
        bounds.push_back(head.vector);
    }
    return true;
}

bool Parser::size_symbol(Symbol& symbol, const std::vector<std::uint64_t>& bounds) {
    std::uint64_t bytes = element_bytes(symbol);
    for (const std::uint64_t bound : bounds) {
        if (bound != 0 && bytes > k_most_bytes / bound) {
            return fail(quote(symbol.name) + " is too large");
        }
        bytes *= bound;
    }
    symbol.bytes = !bounds.empty() && bounds.front() == 0 ? 0 : bytes;
    return bytes <= limits_.data_bytes || fail(quote(symbol.name) + " is too large");
}

/// A new global, or the definition of one that was declared .extern.
bool Parser::declare_global(
    Symbol symbol, std::string_view name, TextPosition at, std::uint32_t& index) {
    if (!count_symbol()) {
        return false;
    }
    const NameEntry* present = names_.find(name);
    if (present != nullptr && present->meaning == Meaning::global &&
        present->depth == names_.depth()) {
        index = present->index;
        Symbol& known = module_.globals[index];
        if (known.space == symbol.space && (known.external || symbol.external)) {
            if (known.external) {
                known = std::move(symbol);
            }
            return true;
        }
    }
    index = static_cast<std::uint32_t>(module_.globals.size());
    if (!names_.declare(name, Meaning::global, index, 1)) {
        return fail_at(at, quote(name) + " is declared twice");
    }
    module_.globals.push_back(std::move(symbol));
    return true;
}

bool Parser::initialiser(std::uint32_t global, const std::vector<std::uint64_t>& bounds) {
    Symbol& symbol = module_.globals[global];
    if (symbol.space == Space::shared) {
        return fail("a .shared variable has no initial value");
    }
    std::uint64_t at = 0;
    if (lexer_.peek() == '{') {
        if (!initial_values(symbol, bounds, 0, at)) {
            return false;
        }
    } else if (!initial_value(symbol, 0)) {
        return false;
    }
    if (symbol.bytes == 0) {
        std::uint64_t row = element_bytes(symbol);
        for (std::size_t i = 1; i < bounds.size(); ++i) {
            row *= bounds[i];
        }
        symbol.bytes = (symbol.initial.size() + row - 1) / row * row;
    }
    return true;
}

/// Fills from byte `at`; `level` is how many braces are open around these values.
bool Parser::initial_values(
    Symbol& symbol,
    const std::vector<std::uint64_t>& bounds,
    std::size_t level,
    std::uint64_t& at) {
    if (level >= static_cast<std::size_t>(limits_.depth)) {
        return fail("these braces are nested too deeply");
    }
    std::uint64_t stride = element_bytes(symbol);  // of one element of this level
    for (std::size_t i = level + 1; i < bounds.size(); ++i) {
        stride *= bounds[i];
    }
    const std::uint64_t begin = at;
    if (!expect('{')) {
        return false;
    }
    while (lexer_.peek() != '}') {
        const std::uint64_t bytes = element_bytes(symbol);
        if (at + bytes > (symbol.bytes == 0 ? limits_.data_bytes : symbol.bytes)) {
            return fail("more initial values than " + quote(symbol.name) + " has elements");
        }
        if (lexer_.peek() == '{') {
            const std::uint64_t row = (at - begin) / stride;
            if (!initial_values(symbol, bounds, level + 1, at)) {
                return false;
            }
            at = begin + std::max(row + 1, (at - begin + stride - 1) / stride) * stride;
        } else if (!initial_value(symbol, at)) {
            return false;
        } else {
            at += bytes;
        }
        if (!lexer_.take(',') && lexer_.peek() != '}') {
            return fail_expected("',' or '}'");
        }
    }
    return expect('}');
}

bool Parser::initial_value(Symbol& symbol, std::uint64_t at) {
    const TextPosition where = lexer_.position();
    if (lexer_.at_name()) {
        return initial_address(symbol, at);
    }
    Number value;
    if (!constant(value)) {
        return false;
    }
    if (symbol.kind != 'f') {
        // 0f and 0d literals give their bits to integer elements of the same width.
        if ((value.kind == 'f' && symbol.bits != 32) || (value.kind == 'd' && symbol.bits != 64)) {
            return fail_at(where, "a floating-point value for an element that is not");
        }
        store(symbol, at, value.bits);
        return true;
    }
    if (value.kind == 'f' && symbol.bits == 32) {
        store(symbol, at, value.bits);
        return true;
    }
    const double number =
        value.kind == 'd' ? std::bit_cast<double>(value.bits)
        : value.kind == 'f'
            ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(value.bits)))
        : value.kind == 'u' ? static_cast<double>(value.bits)
                            : static_cast<double>(static_cast<std::int64_t>(value.bits));
    if (symbol.bits == 16) {
        return fail_at(where, "initial values of .f16 variables are not supported, .b16 is");
    }
    store(
        symbol,
        at,
        symbol.bits == 64 ? std::bit_cast<std::uint64_t>(number)
                          : std::bit_cast<std::uint32_t>(static_cast<float>(number)));
    return true;
}

/// "name+8", "generic(name)+8", "generic(name+8)".
bool Parser::initial_address(Symbol& symbol, std::uint64_t at) {
    TextPosition where = lexer_.position();
    Relocation relocation;
    relocation.at = at;
    relocation.bytes = static_cast<std::uint8_t>(element_bytes(symbol));
    std::string_view name = lexer_.name();
    if (name == "generic" && lexer_.take('(')) {
        relocation.generic = true;
        where = lexer_.position();
        name = lexer_.name();
    }
    const NameEntry* entry = name.empty() ? nullptr : names_.find(name);
    if (entry == nullptr ||
        (entry->meaning != Meaning::global && entry->meaning != Meaning::function)) {
        return fail_at(where, "there is no variable or function " + quote(name));
    }
    if (symbol.kind == 'f' || (relocation.bytes != 4 && relocation.bytes != 8)) {
        return fail_at(where, "an address needs an element of 32 or 64 bits");
    }
    relocation.symbol = entry->index;
    relocation.function = entry->meaning == Meaning::function;
    if (!offset_terms(relocation.addend) || (relocation.generic && !expect(')')) ||
        !offset_terms(relocation.addend)) {
        return false;
    }
    store(symbol, at, 0);
    symbol.relocations.push_back(relocation);
    return true;
}

}  // namespace kw::emu
