// SPDX-License-Identifier: Apache-2.0
// The layers of the judge that can be turned off one at a time, to prove that each catches
// something that nothing else does. Only `kwright dev selftest exploits --without` and tests do so;
// no key of the configuration, no variable and nothing that a candidate writes leads here. A result
// that was judged so says it in its sandbox profile, and no database takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw {

enum class Layer : std::uint8_t {
    source_scan,       ///< forbidden constructs, before and after preprocessing
    load_filter,       ///< while the object is loaded: its code is held, and a filter is set
    strict_filter,     ///< system calls from then on: held code, and every call
    read_only_inputs,  ///< inputs, weights and packed weights mapped without write
    late_inputs,       ///< inputs and the addresses of a call are not there before "go"
    poison,            ///< outputs poisoned before each call
    freeze,            ///< no instruction of the candidate between "done" and the comparison
    late_writes,       ///< words of the outputs read at "done" and again when frozen
    red_zones,         ///< canaries around outputs
    second_call,       ///< each case called twice, compared bit by bit
    hidden_cases,      ///< shapes and distributions drawn in secret
    projection,        ///< Freivalds with a vector drawn after the call
    edges,             ///< edge rows and columns of a projected output, element by element
    fresh_inputs,      ///< every timed pair on inputs of its own
    weight_rewrite,    ///< a weight set gets new content and is used again
    floor,             ///< no time below what the bytes and the arithmetic need
};
inline constexpr int k_layer_count = static_cast<int>(Layer::floor) + 1;

[[nodiscard]] std::string_view name(Layer layer);  ///< "late-inputs"
[[nodiscard]] std::optional<Layer> layer_from_name(std::string_view name);
[[nodiscard]] std::vector<Layer> all_layers();

/// Which layers are on: all, unless a test says otherwise.
class Layers {
public:
    [[nodiscard]] Layers without(Layer layer) const {
        Layers fewer = *this;
        fewer.off_ |= bit(layer);
        return fewer;
    }
    [[nodiscard]] bool has(Layer layer) const { return (off_ & bit(layer)) == 0; }
    [[nodiscard]] bool all() const { return off_ == 0; }
    /// " without:late-inputs,poison"; "" when all are on.
    [[nodiscard]] std::string note() const;
    bool operator==(const Layers&) const = default;

private:
    static constexpr std::uint32_t bit(Layer layer) {
        return std::uint32_t{1} << static_cast<unsigned>(layer);
    }
    std::uint32_t off_ = 0;
};

}  // namespace kw
