// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/allot.hpp"

#include <algorithm>
#include <array>
#include <queue>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_none = 0xFFFFFFFFu;
/// Beyond this many bits of live sets every register gets a place of its own.
constexpr std::uint64_t k_max_bits = std::uint64_t{1} << 28;
/// Rounds until live sets stand still: as many as loops are nested, plus two. Hostile control flow
/// could ask for one a block.
constexpr int k_max_rounds = 100;

using Bits = std::vector<std::uint64_t>;

struct BasicBlock {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
    std::vector<std::uint32_t> next;
};

std::vector<BasicBlock> basic_blocks(const AllotInput& input) {
    const auto n = static_cast<std::uint32_t>(input.insns.size());
    std::vector<char> leader(n + 1, 0);
    leader[0] = 1;
    for (std::uint32_t i = 0; i < n; ++i) {
        const AllotInsn& insn = input.insns[i];
        for (std::uint32_t t = 0; t < insn.targets; ++t) {
            leader[input.targets[insn.first_target + t]] = 1;
        }
        if (insn.targets != 0 || insn.ends) {
            leader[i + 1] = 1;
        }
    }
    std::vector<std::uint32_t> block_of(n + 1, k_none);
    std::vector<BasicBlock> blocks;
    for (std::uint32_t i = 0; i < n; ++i) {
        if (leader[i] != 0) {
            blocks.push_back({i, i, {}});
        }
        block_of[i] = static_cast<std::uint32_t>(blocks.size() - 1);
        blocks.back().end = i + 1;
    }
    for (BasicBlock& block : blocks) {
        const AllotInsn& last = input.insns[block.end - 1];
        for (std::uint32_t t = 0; t < last.targets; ++t) {
            const std::uint32_t target = input.targets[last.first_target + t];
            if (target < n) {
                block.next.push_back(block_of[target]);
            }
        }
        if ((!last.ends || last.guarded) && block.end < n) {
            block.next.push_back(block_of[block.end]);
        }
    }
    return blocks;
}

/// First and last instruction where a register is alive.
struct Interval {
    std::uint32_t first = k_none;
    std::uint32_t last = 0;
    void cover(std::uint32_t at) {
        first = std::min(first, at);
        last = std::max(last, at);
    }
};

struct Liveness {
    std::vector<Interval> intervals;
    std::vector<std::uint32_t> open;
};

Liveness everything_alive(const AllotInput& input) {
    Liveness live;
    const auto end = static_cast<std::uint32_t>(input.insns.size());
    live.intervals.assign(input.sizes.size(), Interval{0, end});
    for (std::uint32_t r = 0; r < input.sizes.size(); ++r) {
        live.open.push_back(r);
    }
    return live;
}

Liveness liveness(const AllotInput& input) {
    const std::vector<BasicBlock> blocks = basic_blocks(input);
    const std::size_t words = (input.sizes.size() + 63) / 64;
    if (static_cast<std::uint64_t>(words) * 64 * 3 * blocks.size() > k_max_bits) {
        return everything_alive(input);
    }
    std::vector<Bits> uses(blocks.size(), Bits(words));
    std::vector<Bits> kills(blocks.size(), Bits(words));
    std::vector<Bits> in(blocks.size(), Bits(words));
    Liveness live;
    live.intervals.resize(input.sizes.size());
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        for (std::uint32_t i = blocks[b].first; i < blocks[b].end; ++i) {
            const AllotInsn& insn = input.insns[i];
            for (int pass = 0; pass < 2; ++pass) {  // what it reads, then what it writes
                for (std::uint32_t t = 0; t < insn.count; ++t) {
                    const Touch touch = input.touches[insn.first + t];
                    const std::uint64_t bit = std::uint64_t{1} << (touch.reg % 64);
                    live.intervals[touch.reg].cover(i);
                    if (!touch.writes && pass == 0 && (kills[b][touch.reg / 64] & bit) == 0) {
                        uses[b][touch.reg / 64] |= bit;
                    } else if (touch.writes && pass == 1 && !insn.guarded) {
                        kills[b][touch.reg / 64] |= bit;
                    }
                }
            }
        }
    }
    int rounds = 0;
    for (bool changed = true; changed;) {
        if (++rounds > k_max_rounds) {
            return everything_alive(input);
        }
        changed = false;
        for (std::size_t b = blocks.size(); b-- > 0;) {
            for (std::size_t w = 0; w < words; ++w) {
                std::uint64_t out = 0;
                for (const std::uint32_t next : blocks[b].next) {
                    out |= in[next][w];
                }
                const std::uint64_t now = uses[b][w] | (out & ~kills[b][w]);
                changed = changed || now != in[b][w];
                in[b][w] = now;
            }
        }
    }
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        for (std::size_t w = 0; w < words; ++w) {
            std::uint64_t out = 0;
            for (const std::uint32_t next : blocks[b].next) {
                out |= in[next][w];
            }
            for (std::uint64_t bits = in[b][w]; bits != 0; bits &= bits - 1) {
                const auto reg = w * 64 + static_cast<std::size_t>(__builtin_ctzll(bits));
                live.intervals[reg].cover(blocks[b].first);
            }
            for (std::uint64_t bits = out; bits != 0; bits &= bits - 1) {
                const auto reg = w * 64 + static_cast<std::size_t>(__builtin_ctzll(bits));
                live.intervals[reg].cover(blocks[b].end - 1);
            }
        }
    }
    for (std::size_t w = 0; w < words && !blocks.empty(); ++w) {
        for (std::uint64_t bits = in[0][w]; bits != 0; bits &= bits - 1) {
            live.open.push_back(static_cast<std::uint32_t>(
                w * 64 + static_cast<std::size_t>(__builtin_ctzll(bits))));
        }
    }
    return live;
}

/// Lets out the places of one size.
class Shelf {
public:
    std::uint32_t take(std::uint32_t first, std::uint32_t last, std::uint32_t& count) {
        while (!busy_.empty() && busy_.top().first < first) {
            free_.push_back(busy_.top().second);
            busy_.pop();
        }
        std::uint32_t place = count;
        if (free_.empty()) {
            ++count;
        } else {
            place = free_.back();
            free_.pop_back();
        }
        busy_.emplace(last, place);
        return place;
    }

private:
    using Busy = std::pair<std::uint32_t, std::uint32_t>;  // last use, place
    std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy_;
    std::vector<std::uint32_t> free_;
};

}  // namespace

Allotment allot(const AllotInput& input, std::uint32_t base) {
    static constexpr std::array<std::uint16_t, 4> k_sizes = {512, 256, 128, 4};
    Allotment result;
    result.slots.assign(input.sizes.size(), k_none);
    if (input.insns.empty()) {
        result.frame_bytes = base;
        return result;
    }
    Liveness live = liveness(input);
    std::vector<std::uint32_t> order;
    for (std::uint32_t r = 0; r < input.sizes.size(); ++r) {
        if (live.intervals[r].first != k_none) {
            order.push_back(r);
        }
    }
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return live.intervals[a].first < live.intervals[b].first;
    });
    std::vector<std::uint32_t> place(input.sizes.size(), 0);
    std::uint64_t at = base;
    for (const std::uint16_t size : k_sizes) {
        Shelf shelf;
        std::uint32_t count = 0;
        for (const std::uint32_t r : order) {
            if (input.sizes[r] == size) {
                place[r] = shelf.take(live.intervals[r].first, live.intervals[r].last, count);
                const std::uint64_t slot = at + std::uint64_t{place[r]} * size;
                result.slots[r] = static_cast<std::uint32_t>(std::min<std::uint64_t>(slot, k_none));
            }
        }
        at += std::uint64_t{count} * size;
    }
    result.frame_bytes = (at + 63) / 64 * 64;
    for (const std::uint32_t r : live.open) {
        if (result.slots[r] != k_none) {
            result.open.push_back(r);
        }
    }
    return result;
}

}  // namespace kw::emu
