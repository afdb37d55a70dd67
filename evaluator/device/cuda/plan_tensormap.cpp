// SPDX-License-Identifier: Apache-2.0
// //!tensormap: the descriptor of a tiled tensor. The bounds are those of cuTensorMapEncodeTiled.
#include "evaluator/device/cuda/plan_evaluate.hpp"
#include "evaluator/device/cuda/plan_parse.hpp"

#include <algorithm>

namespace kw::cuda {
namespace {

constexpr std::size_t k_most_tensormaps = 16;
constexpr std::int64_t k_most_stride = std::int64_t{1} << 40;
constexpr std::int64_t k_most_extent = std::int64_t{1} << 32;

struct MapType {
    std::string_view name;
    std::int64_t bytes;
};
constexpr std::array<MapType, 15> k_map_types{{
    {"u8", 1},
    {"i8", 1},
    {"u16", 2},
    {"i16", 2},
    {"u32", 4},
    {"i32", 4},
    {"u64", 8},
    {"i64", 8},
    {"f16", 2},
    {"bf16", 2},
    {"f32", 4},
    {"f64", 8},
    {"tf32", 4},
    {"f32_ftz", 4},
    {"tf32_ftz", 4},
}};

bool is_floating(std::string_view dtype) {
    return dtype.find('f') != std::string_view::npos;
}

std::int64_t swizzle_bytes(const std::string& swizzle) {
    return swizzle == "none" ? 0 : std::stoll(swizzle.substr(0, swizzle.size() - 1));
}

/// Evaluates and checks one map.
class MapEvaluator {
public:
    MapEvaluator(const TensorMap& map, const PlanValues& values, const BufferSizes& sizes)
        : map_(map)
        , values_(values)
        , sizes_(sizes) {}

    Result<EvaluatedTensorMap> run() {
        out_.name = map_.name;
        out_.base = map_.base;
        out_.dtype = map_.dtype;
        out_.swizzle = map_.swizzle;
        out_.interleave = map_.interleave;
        out_.l2 = map_.l2;
        out_.oob = map_.oob;
        element_ = tensormap_element_bytes(map_.dtype);
        KW_TRY(extents());
        KW_TRY(strides());
        KW_TRY(box());
        KW_TRY(inside_base());
        return std::move(out_);
    }

private:
    Result<void> extents() {
        for (const PlanExpr& dim : map_.dims) {
            KW_TRY_ASSIGN(
                const std::int64_t value, values_.in_range(dim, "a dim", 1, k_most_extent));
            out_.dims.push_back(static_cast<std::uint64_t>(value));
        }
        return {};
    }

    Result<void> strides() {
        const std::int64_t multiple = map_.interleave == "32B" ? 32 : 16;
        std::int64_t packed = element_;
        for (std::size_t i = 0; i + 1 < out_.dims.size(); ++i) {
            SourcePlace at = map_.dims[i].at;
            std::int64_t stride = 0;
            if (map_.strides.empty()) {
                if (__builtin_mul_overflow(
                        packed, static_cast<std::int64_t>(out_.dims[i]), &stride)) {
                    return values_.fail(at, "the packed stride does not fit 64 bits", {});
                }
            } else {
                at = map_.strides[i].at;
                KW_TRY_ASSIGN(stride, values_.value(map_.strides[i], "a stride"));
            }
            if (stride < 0 || stride >= k_most_stride || stride % multiple != 0) {
                return values_.fail(
                    at,
                    "the stride of dim " + std::to_string(i + 1) + " is " + std::to_string(stride) +
                        " bytes",
                    "a multiple of " + std::to_string(multiple) + " below 2^40");
            }
            packed = stride;
            out_.strides.push_back(static_cast<std::uint64_t>(stride));
        }
        return {};
    }

    Result<void> box() {
        for (const PlanExpr& size : map_.box) {
            KW_TRY_ASSIGN(const std::int64_t value, values_.in_range(size, "a box size", 1, 256));
            out_.box.push_back(static_cast<std::uint32_t>(value));
        }
        const std::int64_t inner = static_cast<std::int64_t>(out_.box.front()) * element_;
        const std::int64_t widest = swizzle_bytes(map_.swizzle);
        if (map_.interleave == "none" && inner % 16 != 0) {
            return values_.fail(
                map_.box.front().at,
                "the innermost box is " + std::to_string(inner) + " bytes",
                "a multiple of 16 bytes");
        }
        if (map_.interleave == "none" && widest > 0 && inner > widest) {
            return values_.fail(
                map_.box.front().at,
                "the innermost box is " + std::to_string(inner) + " bytes",
                "at most " + std::to_string(widest) + " with swizzle=" + map_.swizzle);
        }
        out_.element_strides.assign(out_.dims.size(), 1);
        for (std::size_t i = 0; i < map_.element_strides.size(); ++i) {
            KW_TRY_ASSIGN(
                const std::int64_t value,
                values_.in_range(map_.element_strides[i], "an element stride", 1, 8));
            out_.element_strides[i] = static_cast<std::uint32_t>(value);
        }
        return {};
    }

    Result<void> inside_base() {
        const auto size = sizes_.find(map_.base);
        if (size == sizes_.end()) {
            return {};
        }
        std::int64_t last = 0;
        bool beyond = __builtin_mul_overflow(out_.dims[0], element_, &last);
        for (std::size_t i = 0; i < out_.strides.size(); ++i) {
            std::int64_t step = 0;
            beyond = beyond ||
                     __builtin_mul_overflow(out_.dims[i + 1] - 1, out_.strides[i], &step) ||
                     __builtin_add_overflow(last, step, &last);
        }
        if (beyond || last > size->second) {
            return values_.fail(
                map_.at,
                "the tensor map " + in_message(map_.name) + " reaches beyond " +
                    in_message(map_.base) + " (" + std::to_string(size->second) + " bytes)",
                "dims and strides that stay inside");
        }
        return {};
    }

    const TensorMap& map_;
    const PlanValues& values_;
    const BufferSizes& sizes_;
    EvaluatedTensorMap out_;
    std::int64_t element_ = 1;
};

void check_shape(PlanReader& reader, const Directive& directive, const TensorMap& map) {
    const std::size_t rank = map.dims.size();
    const auto wrong = [&](const char* key, std::size_t has, std::size_t wants) {
        reader.fail_at(
            directive.word_at,
            std::string(key) + " has " + std::to_string(has) + " values for " +
                std::to_string(rank) + " dims",
            std::to_string(wants));
    };
    if (map.box.size() != rank && !map.box.empty() && rank > 0) {
        wrong("box", map.box.size(), rank);
    }
    if (!map.strides.empty() && map.strides.size() + 1 != rank && rank > 0) {
        wrong("strides", map.strides.size(), rank - 1);
    }
    if (!map.element_strides.empty() && map.element_strides.size() != rank && rank > 0) {
        wrong("element_strides", map.element_strides.size(), rank);
    }
    if (map.interleave != "none" && rank > 0 && rank < 3) {
        reader.fail_at(
            directive.word_at, "interleave with " + std::to_string(rank) + " dims", "3 to 5 dims");
    }
    if (map.interleave == "32B" && map.swizzle != "32B") {
        reader.fail_at(
            directive.word_at, "interleave=32B with swizzle=" + map.swizzle, "swizzle=32B");
    }
    if (map.oob == "nan" && !is_floating(map.dtype)) {
        reader.fail_at(directive.word_at, "oob=nan of an integer dtype", "oob=zero");
    }
}

void read_value(
    PlanReader& reader,
    const Directive& directive,
    const std::string& key,
    const Clause& clause,
    TensorMap& map) {
    const auto choose = [&](std::string& into, const std::vector<std::string>& choices) {
        const std::string chosen = reader.choice(directive, clause, choices);
        into = chosen.empty() ? into : chosen;
    };
    if (key == "name") {
        if (reader.claim(directive, clause.value, clause.value_at)) {
            map.name = clause.value;
        }
    } else if (key == "base") {
        choose(map.base, reader.buffer_names());
    } else if (key == "dtype") {
        std::vector<std::string> names;
        for (const MapType& type : k_map_types) {
            names.emplace_back(type.name);
        }
        choose(map.dtype, names);
    } else if (key == "swizzle") {
        choose(map.swizzle, {"none", "32B", "64B", "128B"});
    } else if (key == "interleave") {
        choose(map.interleave, {"none", "16B", "32B"});
    } else if (key == "l2") {
        choose(map.l2, {"none", "64B", "128B", "256B"});
    } else if (key == "oob") {
        choose(map.oob, {"zero", "nan"});
    } else {
        auto& into =
            key == "dims"
                ? map.dims
                : (key == "box" ? map.box : (key == "strides" ? map.strides : map.element_strides));
        into = reader.expressions(directive, clause, key == "strides" ? 4 : 5);
    }
}

}  // namespace

std::int64_t tensormap_element_bytes(std::string_view dtype) {
    const auto* found =
        std::find_if(k_map_types.begin(), k_map_types.end(), [dtype](const MapType& type) {
            return type.name == dtype;
        });
    return found == k_map_types.end() ? 0 : found->bytes;
}

void read_tensormap(PlanReader& reader, const Directive& directive) {
    if (reader.plan().tensormaps.size() >= k_most_tensormaps) {
        reader.fail_at(directive.word_at, "more than 16 tensor maps");
        return;
    }
    TensorMap map;
    map.at = directive.word_at;
    const auto keyed = reader.keyed_clauses(
        directive,
        split_clauses(directive.text),
        {"name",
         "base",
         "dtype",
         "dims",
         "strides",
         "box",
         "element_strides",
         "swizzle",
         "interleave",
         "l2",
         "oob"});
    reader.require_keys(directive, "//!tensormap", keyed, {"name", "base", "dtype", "dims", "box"});
    for (const auto& [key, clause] : keyed) {
        read_value(reader, directive, key, clause, map);
    }
    check_shape(reader, directive, map);
    if (!map.name.empty()) {
        reader.plan().tensormaps.push_back(std::move(map));
    }
}

Result<EvaluatedTensorMap> evaluate_tensormap(
    const TensorMap& map, const PlanValues& values, const BufferSizes& sizes) {
    return MapEvaluator(map, values, sizes).run();
}

}  // namespace kw::cuda
