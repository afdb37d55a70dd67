// SPDX-License-Identifier: Apache-2.0
// Syntax to Program: binds opcodes, gives every operand a slot, refuses what a handler could not
// take (handlers read their slots unchecked, so every width is settled here).
#include "evaluator/device/emulated/engine/allot.hpp"
#include "evaluator/device/emulated/engine/inline.hpp"
#include "evaluator/device/emulated/engine/operands.hpp"
#include "evaluator/device/emulated/engine/ops_control.hpp"
#include "evaluator/device/emulated/engine/program_facts.hpp"
#include "evaluator/device/emulated/engine/specials.hpp"

#include <algorithm>
#include <unordered_map>

namespace kw::emu {
namespace {

struct Bound {
    std::uint16_t row = 0;
    Binding binding;
    bool known = false;
};

std::string_view base_name(std::string_view opcode) {
    return opcode.substr(0, opcode.find('.'));
}

/// What happens to the first operand. Those where it is an address need no entry.
First first_operand(std::string_view opcode) {
    const std::string_view base = base_name(opcode);
    if (base == "bar" || base == "barrier") {
        return opcode.find(".red") != std::string_view::npos ? First::writes : First::reads;
    }
    if (base == "wgmma") {
        return opcode.find(".mma_async") != std::string_view::npos ? First::updates : First::reads;
    }
    for (const std::string_view none :
         {"nanosleep", "brx", "bra", "cp", "setmaxnreg", "pmevent", "griddepcontrol"}) {
        if (base == none) {
            return First::reads;
        }
    }
    return First::writes;
}

/// What is there instead of a form that is not.
std::string hint_for(std::string_view opcode) {
    for (const std::string_view mode : {".im2col", ".tile::gather4", ".tile::scatter4"}) {
        if (opcode.find(mode) != std::string_view::npos) {
            return ": tensor copies have .tile mode only";
        }
    }
    return {};
}

class Decoder {
public:
    Decoder(
        const Module& module,
        const Function& kernel,
        const Memory& memory,
        const Flat& flat,
        const DecodeLimits& limits)
        : flat_(flat)
        , limits_(limits)
        , operands_(module, memory, flat) {
        program_.module = &module;
        program_.kernel = &kernel;
    }

    DecodeResult decode(std::uint32_t dynamic_shared) {
        program_.shared_variables = flat_.shared_variables;
        program_.local_variables = flat_.local_variables;
        program_.shared_static = flat_.shared_static;
        program_.shared_bytes = flat_.shared_static + dynamic_shared;
        program_.local_bytes = flat_.local_bytes;
        first_of_.reserve(flat_.insns.size() + 1);
        for (const FlatInsn& flat : flat_.insns) {
            first_of_.push_back(static_cast<std::uint32_t>(program_.insns.size()));
            if (!one(flat)) {
                return {std::nullopt, std::move(error_)};
            }
        }
        first_of_.push_back(static_cast<std::uint32_t>(program_.insns.size() - 1));
        resolve_targets();
        if (!give_slots()) {
            return {std::nullopt, std::move(error_)};
        }
        note_facts(program_);
        return {std::move(program_), {}};
    }

private:
    bool fail(const FlatInsn& flat, std::string message) {
        error_.line = flat.source != nullptr ? flat.source->at.ptx_line : 0;
        error_.message = std::move(message);
        return false;
    }

    /// Appends an instruction with the operands gathered since `first`.
    void emit(Insn insn, const Instruction* source, std::uint32_t first, std::uint32_t memory) {
        insn.slots = static_cast<std::uint16_t>(operands_.refs().size() - first);
        firsts_.push_back(first);
        target_of_.emplace_back();
        ends_.push_back(0);
        program_.insns.push_back(insn);
        program_.source.push_back(source);
        program_.shape_of.push_back(memory != 0 ? program_.shapes : 0xFFFFFFFFu);
        program_.shapes += memory;
    }

    bool one(const FlatInsn& flat) {
        const auto first = static_cast<std::uint32_t>(operands_.refs().size());
        Insn insn;
        if (flat.source != nullptr) {
            insn.at = flat.source->at;
        }
        if (!guard(flat, insn)) {
            return false;
        }
        switch (flat.kind) {
            case FlatInsn::Kind::plain: return plain(flat, insn);
            case FlatInsn::Kind::jump:
                insn.run = &run_bra;
                insn.work = Work::branch;
                emit(insn, flat.source, first, 0);
                target_of_.back() = {flat.target};
                ends_.back() = 1;
                return true;
            case FlatInsn::Kind::leave:
                insn.run = &run_exit;
                insn.work = Work::branch;
                emit(insn, flat.source, first, 0);
                ends_.back() = 1;
                return true;
            case FlatInsn::Kind::vprintf:
            case FlatInsn::Kind::assertfail: break;
        }
        insn.run = flat.kind == FlatInsn::Kind::vprintf ? &run_vprintf : &run_assertfail;
        insn.work = Work::other;
        const Operand* list = nullptr;
        for (const Operand& operand : flat.source->operands) {
            if (operand.kind == Operand::Kind::list) {
                list = &operand;  // the last one holds the arguments
            }
        }
        for (const Operand& argument : list->parts) {
            operands_.address(argument, flat.instance);
        }
        emit(insn, flat.source, first, 0);
        return true;
    }

    bool guard(const FlatInsn& flat, Insn& insn) {
        guard_reg_ = 0xFFFFFFFFu;
        if (flat.source == nullptr || !flat.source->guard) {
            return true;
        }
        const Guard& guard = *flat.source->guard;
        guard_reg_ = operands_.flat_register(guard.reg, flat.instance);
        if (guard_reg_ == 0xFFFFFFFFu || flat_.registers[guard_reg_].kind != 'p') {
            return fail(flat, "the guard of " + flat.source->opcode + " is no predicate");
        }
        insn.guarded = true;
        insn.guard_negated = guard.negated != flat.negate_guard;
        insn.guard = guard_reg_;  // becomes a slot in give_slots()
        return true;
    }

    const Bound& bind(const std::string& opcode) {
        const auto [it, fresh] = bound_.try_emplace(opcode);
        if (fresh) {
            if (const std::optional<Resolved> found = resolve(opcode)) {
                it->second.row = found->row;
                it->second.binding = opcode_rows()[found->row].bind(found->match);
                it->second.known = it->second.binding.run != nullptr;
            }
        }
        return it->second;
    }

    bool plain(const FlatInsn& flat, Insn& insn) {
        const Instruction& source = *flat.source;
        const Bound& bound = bind(source.opcode);
        if (!bound.known) {
            return fail(flat, "unsupported " + source.opcode + hint_for(source.opcode));
        }
        const Binding& binding = bound.binding;
        insn.run = binding.run;
        insn.row = bound.row;
        insn.work = binding.work;
        insn.bytes = binding.bytes;
        insn.vector = binding.vector;
        insn.mods = binding.mods;
        operands_.begin(binding, flat.instance, first_operand(source.opcode));
        const auto first = static_cast<std::uint32_t>(operands_.refs().size());
        std::vector<std::uint32_t> targets;
        for (std::size_t i = 0; i < source.operands.size(); ++i) {
            const Operand& operand = source.operands[i];
            if (operand.kind == Operand::Kind::label) {
                targets.push_back(label(operand, flat.instance));
            } else if (operand.kind == Operand::Kind::list) {
                for (const Operand& part : operand.parts) {
                    if (part.kind != Operand::Kind::label) {
                        return fail(flat, "unsupported operand of " + source.opcode);
                    }
                    targets.push_back(label(part, flat.instance));
                }
            } else if (!operands_.add(operand, i == 0)) {
                return fail(flat, source.opcode + ": " + operands_.problem());
            }
        }
        return finish(flat, insn, binding, first, std::move(targets));
    }

    std::uint32_t label(const Operand& operand, std::uint32_t instance) const {
        const std::vector<std::uint32_t>& start = flat_.instances[instance].start;
        return start[std::min<std::size_t>(operand.index, start.size() - 1)];
    }

    bool finish(
        const FlatInsn& flat,
        Insn& insn,
        const Binding& binding,
        std::uint32_t first,
        std::vector<std::uint32_t> targets) {
        const std::string& opcode = flat.source->opcode;
        const std::size_t count = operands_.refs().size() - first;
        if (count < binding.slots_min || count > std::min<std::size_t>(binding.slots_max, 512)) {
            return fail(flat, opcode + " with " + std::to_string(count) + " operands");
        }
        for (std::size_t i = 0; i < count; ++i) {
            const Ref& ref = operands_.refs()[first + i];
            const bool may_sink = i < 32 && ((binding.sinks >> i) & 1) != 0;
            if (ref.kind == Ref::Kind::sink && !may_sink) {
                return fail(flat, opcode + ": _ where a register is needed");
            }
            if (i < 8 && (ref.bytes == 8 || ref.negated)) {
                insn.wide = static_cast<std::uint8_t>(insn.wide | (1U << i));
            } else if (ref.negated) {
                return fail(flat, opcode + ": a negated predicate in this place");
            }
        }
        const std::string_view base = base_name(opcode);
        if (base == "mov") {
            insn.vector =
                static_cast<std::uint8_t>(std::min<std::uint32_t>(operands_.written(), 255));
            if (binding.bytes == 16 && !moves_16_bytes(first)) {
                return fail(flat, opcode + " of other than 16 bytes on both sides");
            }
        }
        if ((base == "bra" && targets.size() != 1) || (base == "brx" && targets.empty()) ||
            (base != "bra" && base != "brx" && !targets.empty())) {
            return fail(flat, opcode + ": labels that do not fit");
        }
        insn.offset = operands_.offset();
        insn.wide_base = operands_.wide_base();
        for (const Hidden& hidden : operands_.hidden()) {
            hide(flat, insn, hidden);
        }
        emit(insn, flat.source, first, operands_.memory_operands());
        const bool jumps = base == "bra" || base == "brx";
        target_of_.back() = std::move(targets);
        ends_.back() = jumps || base == "exit" || base == "trap" ? 1 : 0;
        return true;
    }

    /// mov.b128, whose handler cannot tell 4-byte lanes from 16-byte ones.
    [[nodiscard]] bool moves_16_bytes(std::uint32_t first) const {
        std::array<std::uint32_t, 2> bytes{};
        for (std::size_t i = first; i < operands_.refs().size(); ++i) {
            const Ref& ref = operands_.refs()[i];
            const bool sink = ref.kind == Ref::Kind::sink;
            bytes[i - first < operands_.written() ? 0 : 1] += sink ? 8 : ref.bytes;
        }
        return bytes[0] == 16 && bytes[1] == 16;
    }

    /// A special register that changes is read, or an address added, just before the instruction.
    void hide(const FlatInsn& flat, const Insn& insn, const Hidden& hidden) {
        Insn extra;
        extra.at = insn.at;
        extra.guarded = insn.guarded;
        extra.guard_negated = insn.guard_negated;
        extra.guard = insn.guard;
        extra.work = Work::move;
        extra.mods = static_cast<std::uint32_t>(hidden.special);
        extra.offset = hidden.offset;
        extra.run = hidden.add ? &run_hidden_add : &run_changing_special;
        const auto first = static_cast<std::uint32_t>(hidden_refs_.size());
        hidden_refs_.push_back(hidden.to);
        if (hidden.add) {
            hidden_refs_.push_back(hidden.from);
            extra.wide = hidden.to.bytes == 8 ? 3 : 0;
        } else if (hidden.to.bytes == 8) {
            extra.wide = 1;
        }
        emit(extra, nullptr, static_cast<std::uint32_t>(operands_.refs().size()), 0);
        program_.insns.back().slots = static_cast<std::uint16_t>(hidden_refs_.size() - first);
        firsts_.back() = first | k_hidden;
        (void)flat;
    }

    void resolve_targets() {
        for (std::size_t i = 0; i < program_.insns.size(); ++i) {
            std::vector<std::uint32_t>& targets = target_of_[i];
            for (std::uint32_t& target : targets) {
                target = first_of_[target];
            }
            if (targets.size() == 1) {
                program_.insns[i].target = targets[0];
            }
            if (!targets.empty()) {
                program_.tables.push_back(std::make_unique<std::vector<std::uint32_t>>(targets));
                program_.insns[i].extra = program_.tables.back().get();
            }
        }
    }

    const Ref& ref_of(std::size_t insn, std::size_t i) const {
        const std::uint32_t first = firsts_[insn];
        return (first & k_hidden) != 0 ? hidden_refs_[(first & ~k_hidden) + i]
                                       : operands_.refs()[first + i];
    }

    AllotInput allot_input() const {
        AllotInput input;
        for (const Register& reg : operands_.registers()) {
            input.sizes.push_back(static_cast<std::uint16_t>(frame_size(lane_bytes(reg))));
        }
        for (std::size_t i = 0; i < program_.insns.size(); ++i) {
            const Insn& insn = program_.insns[i];
            AllotInsn out;
            out.first = static_cast<std::uint32_t>(input.touches.size());
            for (std::size_t s = 0; s < insn.slots; ++s) {
                const Ref& ref = ref_of(i, s);
                if (ref.kind != Ref::Kind::reg) {
                    continue;
                }
                input.touches.push_back({ref.index, ref.writes});
                if (ref.writes && ref.reads) {
                    input.touches.push_back({ref.index, false});
                }
            }
            if (insn.guarded) {
                input.touches.push_back({insn.guard, false});
            }
            out.count = static_cast<std::uint32_t>(input.touches.size()) - out.first;
            out.guarded = insn.guarded;
            out.ends = ends_[i] != 0;
            out.first_target = static_cast<std::uint32_t>(input.targets.size());
            input.targets.insert(input.targets.end(), target_of_[i].begin(), target_of_[i].end());
            out.targets = static_cast<std::uint32_t>(target_of_[i].size());
            input.insns.push_back(out);
        }
        return input;
    }

    void find_unused(const AllotInput& input) {
        std::vector<char> read(input.sizes.size(), 0);
        for (const Touch& touch : input.touches) {
            read[touch.reg] = read[touch.reg] != 0 || !touch.writes ? 1 : 0;
        }
        for (const AllotInsn& insn : input.insns) {
            const auto begin = input.touches.begin() + insn.first;
            const bool used = std::any_of(begin, begin + insn.count, [&](const Touch& touch) {
                return touch.writes && read[touch.reg] != 0;
            });
            program_.unused.push_back(used ? 0 : 1);
        }
    }

    bool give_slots() {
        FrameBase base = operands_.lay_out_constants();
        program_.constants = std::move(base.bytes);
        program_.specials = std::move(base.specials);
        const AllotInput input = allot_input();
        find_unused(input);
        const Allotment allotment =
            allot(input, static_cast<std::uint32_t>(program_.constants.size()));
        // What a handler writes for a whole register may run over the end by one register.
        const std::uint64_t frame = allotment.frame_bytes + 512;
        if (frame > limits_.frame_bytes) {
            error_.message = "the registers of a warp need " + std::to_string(frame) + " bytes";
            return false;
        }
        program_.frame_bytes = static_cast<std::uint32_t>(frame);
        for (const std::uint32_t reg : allotment.open) {
            program_.open.emplace_back(allotment.slots[reg], input.sizes[reg]);
        }
        std::vector<std::size_t> begins;
        for (std::size_t i = 0; i < program_.insns.size(); ++i) {
            begins.push_back(program_.slots.size());
            for (std::size_t s = 0; s < program_.insns[i].slots; ++s) {
                const Ref& ref = ref_of(i, s);
                switch (ref.kind) {
                    case Ref::Kind::reg:
                        program_.slots.push_back(allotment.slots[ref.index]);
                        break;
                    case Ref::Kind::constant:
                        program_.slots.push_back(base.constants[ref.index]);
                        break;
                    case Ref::Kind::special:
                        program_.slots.push_back(base.special[ref.index]);
                        break;
                    case Ref::Kind::sink: program_.slots.push_back(k_no_slot); break;
                }
            }
        }
        for (std::size_t i = 0; i < program_.insns.size(); ++i) {
            Insn& insn = program_.insns[i];
            insn.slot = program_.slots.data() + begins[i];
            if (insn.guarded) {
                insn.guard = allotment.slots[insn.guard];
            }
        }
        return true;
    }

    static constexpr std::uint32_t k_hidden = 0x80000000u;

    const Flat& flat_;
    const DecodeLimits& limits_;
    Operands operands_;
    Program program_;
    PtxError error_;
    std::uint32_t guard_reg_ = 0xFFFFFFFFu;
    std::unordered_map<std::string, Bound> bound_;
    std::vector<std::uint32_t> first_of_;  ///< insn index of each flat instruction
    std::vector<std::uint32_t> firsts_;    ///< first ref of each insn
    std::vector<std::vector<std::uint32_t>> target_of_;
    std::vector<char> ends_;
    std::vector<Ref> hidden_refs_;
};

}  // namespace

DecodeResult decode(
    const Module& module,
    const Function& kernel,
    const Memory& memory,
    std::uint32_t dynamic_shared,
    const DecodeLimits& limits) {
    FlatResult flat = flatten(module, kernel, limits);
    if (!flat.error.message.empty()) {
        return {std::nullopt, std::move(flat.error)};
    }
    return Decoder(module, kernel, memory, flat.flat, limits).decode(dynamic_shared);
}

}  // namespace kw::emu
