// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/inline.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint64_t k_max_parameters = 32 * 1024;
constexpr std::uint64_t k_max_shared = std::uint64_t{1} << 20;

std::uint64_t align_up(std::uint64_t value, std::uint64_t align) {
    return (value + align - 1) / align * align;
}

/// What a hostile .align says is bounded: a power of two of at most 4096, at least the element's.
std::uint64_t alignment(const Symbol& symbol) {
    const std::uint64_t wanted = std::max<std::uint64_t>(symbol.align, symbol.bits / 8);
    std::uint64_t align = 1;
    while (align < wanted && align < 4096) {
        align *= 2;
    }
    return align;
}

class Flattener {
public:
    Flattener(const Module& module, const DecodeLimits& limits)
        : module_(module)
        , limits_(limits) {}

    FlatResult flatten(const Function& kernel) {
        std::vector<Place> none;
        place(kernel, none, none, true);
        dynamic_shared();
        for (Place* dynamic : dynamic_) {
            dynamic->address = result_.flat.shared_static;
        }
        for (Instance& instance : result_.flat.instances) {
            for (Place& symbol : instance.symbols) {
                if (symbol.space == Space::shared && symbol.address == k_dynamic) {
                    symbol.address = result_.flat.shared_static;
                }
            }
        }
        return std::move(result_);
    }

private:
    static constexpr std::uint64_t k_dynamic = ~std::uint64_t{0};

    bool failed() const { return !result_.error.message.empty(); }
    void fail(const Location& at, std::string message) {
        if (!failed()) {
            result_.error = PtxError{at.ptx_line, 0, std::move(message)};
        }
    }

    void dynamic_shared() {
        result_.flat.shared_static = static_cast<std::uint32_t>(
            align_up(shared_, std::max<std::uint64_t>(dynamic_align_, 16)));
        result_.flat.local_bytes = static_cast<std::uint32_t>(align_up(local_, 16));
    }

    Place place_shared(const Symbol& symbol) {
        if (symbol.bytes == 0) {
            dynamic_align_ = std::max(dynamic_align_, alignment(symbol));
            return Place{Space::shared, k_dynamic, 0};
        }
        const std::uint64_t at = align_up(shared_, alignment(symbol));
        if (symbol.bytes > k_max_shared || at + symbol.bytes > k_max_shared) {
            fail({}, "shared variable " + symbol.name + " needs more than 1 MiB");
            return {};
        }
        shared_ = at + symbol.bytes;
        result_.flat.shared_variables.push_back({symbol.name, at, symbol.bytes});
        return Place{Space::shared, at, symbol.bytes};
    }

    Place place_local(const Symbol& symbol) {
        const std::uint64_t at = align_up(local_, alignment(symbol));
        if (symbol.bytes > limits_.local_bytes || at + symbol.bytes > limits_.local_bytes) {
            fail(
                {},
                "local variables need more than " + std::to_string(limits_.local_bytes) +
                    " bytes a thread");
            return {};
        }
        local_ = at + symbol.bytes;
        result_.flat.local_variables.push_back({symbol.name, at, symbol.bytes});
        return Place{Space::local, at, symbol.bytes};
    }

    /// Places the variables of a copy of `function` and appends its instructions.
    void place(
        const Function& function,
        const std::vector<Place>& results,
        const std::vector<Place>& params,
        bool is_kernel) {
        const auto index = static_cast<std::uint32_t>(result_.flat.instances.size());
        Instance instance;
        instance.function = &function;
        instance.first_register = static_cast<std::uint32_t>(result_.flat.registers.size());
        if (result_.flat.registers.size() + function.registers.size() > 4 * limits_.instructions) {
            fail({}, "too many registers");
            return;
        }
        for (const Register& reg : function.registers) {
            result_.flat.registers.push_back({"", reg.kind, reg.bits});
        }
        place_symbols(instance, results, params, is_kernel);
        result_.flat.instances.push_back(std::move(instance));
        stack_.push_back(&function);
        append(function, index, is_kernel);
        stack_.pop_back();
    }

    void place_symbols(
        Instance& instance,
        const std::vector<Place>& results,
        const std::vector<Place>& params,
        bool is_kernel) {
        const Function& function = *instance.function;
        instance.symbols.resize(function.symbols.size());
        std::vector<char> placed(function.symbols.size(), 0);
        if (is_kernel) {
            const std::optional<ParameterLayout> layout = parameter_layout(function);
            if (!layout) {
                fail({}, "the parameters of " + function.name + " need more than 32 KiB");
                return;
            }
            for (std::size_t i = 0; i < function.params.size(); ++i) {
                const std::uint32_t symbol = function.params[i];
                instance.symbols[symbol] = Place{
                    Space::param,
                    (k_param_slot << k_slot_bits) + layout->offsets[i],
                    function.symbols[symbol].bytes};
                placed[symbol] = 1;
            }
        } else {
            alias(instance, function.params, params, placed);
            alias(instance, function.results, results, placed);
        }
        for (std::size_t i = 0; i < function.symbols.size() && !failed(); ++i) {
            const Symbol& symbol = function.symbols[i];
            if (placed[i] != 0) {
                continue;
            }
            if (symbol.space == Space::shared) {
                const auto key = std::make_pair(&function, static_cast<std::uint32_t>(i));
                const auto known = shared_of_.find(key);
                instance.symbols[i] =
                    known != shared_of_.end() ? known->second : place_shared(symbol);
                shared_of_[key] = instance.symbols[i];
            } else if (symbol.space == Space::local || symbol.space == Space::param) {
                instance.symbols[i] = place_local(symbol);
            }
        }
    }

    void alias(
        Instance& instance,
        const std::vector<std::uint32_t>& formal,
        const std::vector<Place>& actual,
        std::vector<char>& placed) {
        if (formal.size() != actual.size()) {
            fail(
                {},
                "a call of " + instance.function->name + " passes " +
                    std::to_string(actual.size()) + " values where it has " +
                    std::to_string(formal.size()));
            return;
        }
        for (std::size_t i = 0; i < formal.size(); ++i) {
            if (instance.function->symbols[formal[i]].bytes > actual[i].bytes) {
                fail({}, "a call of " + instance.function->name + " passes too few bytes");
                return;
            }
            instance.symbols[formal[i]] = actual[i];
            placed[formal[i]] = 1;
        }
    }

    bool push(FlatInsn insn, const Location& at) {
        if (result_.flat.insns.size() >= limits_.instructions) {
            fail(
                at,
                "more than " + std::to_string(limits_.instructions) +
                    " instructions after inlining");
            return false;
        }
        result_.flat.insns.push_back(insn);
        return true;
    }

    void append(const Function& function, std::uint32_t instance, bool is_kernel) {
        std::vector<FlatInsn>& insns = result_.flat.insns;
        std::vector<std::uint32_t> start;
        std::vector<std::size_t> returns;
        start.reserve(function.instructions.size() + 1);
        for (std::size_t i = 0; i < function.instructions.size() && !failed(); ++i) {
            const Instruction& insn = function.instructions[i];
            start.push_back(static_cast<std::uint32_t>(insns.size()));
            FlatInsn flat{FlatInsn::Kind::plain, false, &insn, instance, 0};
            if (insn.opcode == "ret" || insn.opcode == "ret.uni") {
                if (is_kernel) {
                    flat.kind = FlatInsn::Kind::leave;
                } else {
                    flat.kind = FlatInsn::Kind::jump;
                    returns.push_back(insns.size());
                }
                push(flat, insn.at);
            } else if (insn.opcode == "call" || insn.opcode == "call.uni") {
                call(insn, instance);
            } else {
                note_globals(insn.operands, insn.at, 0);
                push(flat, insn.at);
            }
        }
        start.push_back(static_cast<std::uint32_t>(insns.size()));
        for (const std::size_t at : returns) {
            insns[at].target = start.back();
        }
        if (is_kernel) {
            FlatInsn end;
            end.kind = FlatInsn::Kind::leave;
            end.instance = instance;
            push(end, {});
        }
        result_.flat.instances[instance].start = std::move(start);
    }

    void call(const Instruction& insn, std::uint32_t instance) {
        std::size_t callee = 0;
        while (callee < insn.operands.size() &&
               insn.operands[callee].kind != Operand::Kind::function) {
            if (insn.operands[callee].kind != Operand::Kind::list) {
                fail(insn.at, "unsupported " + insn.opcode + ": an indirect call");
                return;
            }
            ++callee;
        }
        if (callee >= insn.operands.size() || callee > 1 ||
            insn.operands[callee].index >= module_.functions.size()) {
            fail(insn.at, "unsupported " + insn.opcode + ": the called function is not known");
            return;
        }
        const Function& function = module_.functions[insn.operands[callee].index];
        std::vector<Place> results;
        std::vector<Place> params;
        const bool has_params = callee + 1 < insn.operands.size() &&
                                insn.operands[callee + 1].kind == Operand::Kind::list;
        if ((callee == 1 && !arguments(insn, insn.operands[0], instance, results)) ||
            (has_params && !arguments(insn, insn.operands[callee + 1], instance, params))) {
            return;
        }
        if (function.declared) {
            call_external(insn, instance, function, params);
            return;
        }
        if (function.kernel) {
            fail(insn.at, "unsupported call of the kernel " + function.name);
            return;
        }
        if (std::find(stack_.begin(), stack_.end(), &function) != stack_.end()) {
            fail(insn.at, "unsupported recursive call of " + function.name);
            return;
        }
        if (stack_.size() >= static_cast<std::size_t>(limits_.depth)) {
            fail(insn.at, "calls are nested more than " + std::to_string(limits_.depth) + " deep");
            return;
        }
        const std::size_t around = result_.flat.insns.size();
        if (insn.guard) {
            FlatInsn skip{FlatInsn::Kind::jump, true, &insn, instance, 0};
            if (!push(skip, insn.at)) {
                return;
            }
        }
        place(function, results, params, false);
        if (failed() && result_.error.line == 0) {
            result_.error.line = insn.at.ptx_line;
        }
        if (insn.guard) {
            result_.flat.insns[around].target =
                static_cast<std::uint32_t>(result_.flat.insns.size());
        }
    }

    void call_external(
        const Instruction& insn,
        std::uint32_t instance,
        const Function& function,
        const std::vector<Place>& params) {
        FlatInsn flat{FlatInsn::Kind::vprintf, false, &insn, instance, 0};
        if (function.name == "__assertfail") {
            flat.kind = FlatInsn::Kind::assertfail;
        } else if (function.name != "vprintf") {
            fail(
                insn.at,
                "unsupported call of " + function.name + ", which the module only declares");
            return;
        }
        if (params.size() < 2 || params[0].bytes < 8 || params[1].bytes < 8) {
            fail(insn.at, "a call of " + function.name + " with other parameters than it has");
            return;
        }
        push(flat, insn.at);
    }

    bool arguments(
        const Instruction& insn,
        const Operand& list,
        std::uint32_t instance,
        std::vector<Place>& out) {
        for (const Operand& part : list.parts) {
            const std::vector<Place>& symbols = result_.flat.instances[instance].symbols;
            if (part.kind != Operand::Kind::local || part.index >= symbols.size() ||
                part.offset != 0) {
                fail(
                    insn.at,
                    "unsupported " + insn.opcode + ": an argument that is not a .param variable");
                return false;
            }
            out.push_back(symbols[part.index]);
        }
        return true;
    }

    /// Module-wide shared variables take room only in kernels that name them.
    void note_globals(const std::vector<Operand>& operands, const Location& at, int depth) {
        for (const Operand& operand : operands) {
            if (operand.kind == Operand::Kind::global && operand.index < module_.globals.size() &&
                module_.globals[operand.index].space == Space::shared &&
                !result_.flat.shared_globals.contains(operand.index)) {
                const Place where = place_shared(module_.globals[operand.index]);
                Place& kept = result_.flat.shared_globals[operand.index];
                kept = where;
                if (where.address == k_dynamic) {
                    dynamic_.push_back(&kept);
                }
            }
            if (depth < 8 && !operand.parts.empty()) {
                note_globals(operand.parts, at, depth + 1);
            }
        }
    }

    const Module& module_;
    const DecodeLimits& limits_;
    FlatResult result_;
    std::vector<const Function*> stack_;
    std::map<std::pair<const Function*, std::uint32_t>, Place> shared_of_;
    std::vector<Place*> dynamic_;
    std::uint64_t shared_ = 0;
    std::uint64_t dynamic_align_ = 16;
    std::uint64_t local_ = 0;
};

}  // namespace

std::optional<ParameterLayout> parameter_layout(const Function& kernel) {
    ParameterLayout layout;
    std::uint64_t at = 0;
    for (const std::uint32_t index : kernel.params) {
        const Symbol& symbol = kernel.symbols[index];
        at = align_up(at, alignment(symbol));
        layout.offsets.push_back(static_cast<std::uint32_t>(at));
        if (symbol.bytes > k_max_parameters || at + symbol.bytes > k_max_parameters) {
            return std::nullopt;
        }
        at += symbol.bytes;
    }
    layout.bytes = static_cast<std::uint32_t>(at);
    return layout;
}

FlatResult flatten(const Module& module, const Function& kernel, const DecodeLimits& limits) {
    return Flattener(module, limits).flatten(kernel);
}

}  // namespace kw::emu
