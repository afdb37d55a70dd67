// SPDX-License-Identifier: Apache-2.0
#include "evaluator/layers.hpp"

#include "core/evaluation.hpp"

#include <algorithm>
#include <array>

namespace kw {
namespace {

constexpr std::array<std::string_view, k_layer_count> k_names{
    "source-scan",
    "load-filter",
    "strict-filter",
    "read-only-inputs",
    "late-inputs",
    "poison",
    "freeze",
    "late-writes",
    "red-zones",
    "second-call",
    "hidden-cases",
    "projection",
    "edges",
    "fresh-inputs",
    "weight-rewrite",
    "floor"};

}  // namespace

std::string_view name(Layer layer) {
    return k_names[static_cast<std::size_t>(layer)];
}

std::optional<Layer> layer_from_name(std::string_view name) {
    const auto found = std::ranges::find(k_names, name);
    if (found == k_names.end()) {
        return std::nullopt;
    }
    return static_cast<Layer>(found - k_names.begin());
}

std::vector<Layer> all_layers() {
    std::vector<Layer> layers;
    for (int i = 0; i < k_layer_count; ++i) {
        layers.push_back(static_cast<Layer>(i));
    }
    return layers;
}

std::string Layers::note() const {
    std::string text;
    for (const Layer layer : all_layers()) {
        if (!has(layer)) {
            text += text.empty() ? std::string(k_weakened_mark) : ",";
            text += name(layer);
        }
    }
    return text;
}

}  // namespace kw
