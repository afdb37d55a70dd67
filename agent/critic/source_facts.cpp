// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/source_facts.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>

namespace kw::agent {

namespace {

/// Counts the words that hold one of `parts`.
struct WordRule {
    const char* fact;
    const char* unit;
    const char* about;
    std::array<std::string_view, 10> parts;
};

constexpr std::array<WordRule, 18> k_rules = {{
    {"src_fma", "count", "fused multiply-adds that are written out", {"fmadd", "fmaf", "__hfma"}},
    {"src_dot",
     "count",
     "integer or bf16 dot-product instructions that are written out",
     {"dpbusd", "dpwssd", "dpbf16", "maddubs", "madd_epi16", "dp4a", "dp2a"}},
    {"src_reduce",
     "count",
     "horizontal sums of a vector register",
     {"_reduce_add", "_hadd_", "_dp_ps", "hsum"}},
    {"src_prefetch", "count", "prefetches", {"prefetch"}},
    {"src_gather", "count", "gathers and scatters", {"gather", "scatter"}},
    {"src_convert",
     "count",
     "conversions between number types",
     {"_cvt", "2float", "float2", "2half", "half2float", "cvt.", "static_cast<float>"}},
    {"src_permute",
     "count",
     "shuffles and table permutes of a vector register",
     {"shuffle_epi8", "permutex", "permute", "prmt", "__byte_perm"}},
    {"src_lop3", "count", "three-input logic", {"lop3", "ternarylogic"}},
    {"src_magic",
     "count",
     "constants of the integer-to-float trick (0x6400, 0x4b000000, 0x41800000)",
     {"0x6400", "0x64006400", "0x4b00", "0x4B00", "0x4180", "0x4300", "0x6480"}},
    {"src_stream",
     "count",
     "non-temporal loads or stores",
     {"_stream_", "__ldcs", "__stcs", ".cs."}},
    {"src_shared", "count", "declarations in shared memory", {"__shared__"}},
    {"src_async",
     "count",
     "asynchronous copies",
     {"cp.async", "cp_async", "memcpy_async", "__pipeline"}},
    {"src_tensor", "count", "tensor-core operations", {"mma.", "wmma", "mma_sync", "wgmma"}},
    {"src_wide_loads",
     "count",
     "16-byte accesses of CUDA sources",
     {"uint4", "int4", "float4", ".v4.", "longlong2", "ulonglong2"}},
    {"src_warp_shuffles", "count", "shuffles between lanes of a warp", {"__shfl"}},
    {"src_atomics",
     "count",
     "atomic operations",
     {"atomicAdd", "atomicMax", "atom.", "red.global"}},
    {"src_restrict", "count", "pointers promised not to overlap", {"restrict"}},
    {"src_launch_bounds", "count", "launch bounds", {"__launch_bounds__"}},
}};

bool in_word(char c) {
    return is_word(c) || c == '.' || c == '<' || c == '>';
}

bool holds(std::string_view word, std::string_view part) {
    return !part.empty() && word.find(part) != std::string_view::npos;
}

void count_word(std::string_view word, DimMap& facts) {
    for (const WordRule& rule : k_rules) {
        if (std::any_of(rule.parts.begin(), rule.parts.end(), [word](std::string_view part) {
                return holds(word, part);
            })) {
            ++facts.find(std::string_view(rule.fact))->second;
        }
    }
    const std::int64_t bits = holds(word, "m512")   ? 512
                              : holds(word, "m256") ? 256
                              : holds(word, "m128") ? 128
                                                    : 0;
    std::int64_t& widest = facts.find(std::string_view("src_vector_bits"))->second;
    widest = std::max(widest, bits);
    facts.find(std::string_view("src_loops"))->second += word == "for" || word == "while" ? 1 : 0;
    facts.find(std::string_view("src_unroll"))->second += word == "unroll" ? 1 : 0;
}

/// Skips a comment at `at`; false when there is none.
bool skip_comment(std::string_view source, std::size_t& at) {
    if (source.compare(at, 2, "//") == 0) {
        at = std::min(source.find('\n', at), source.size());
        return true;
    }
    if (source.compare(at, 2, "/*") == 0) {
        const std::size_t end = source.find("*/", at + 2);
        at = end == std::string_view::npos ? source.size() : end + 2;
        return true;
    }
    return false;
}

}  // namespace

const std::vector<FactSpec>& source_fact_specs() {
    static const std::vector<FactSpec> k_specs = [] {
        std::vector<FactSpec> specs = {
            {"src_lines", "count", "lines with code"},
            {"src_loops", "count", "loops that are written out"},
            {"src_unroll", "count", "unroll pragmas"},
            {"src_vector_bits", "bits", "widest vector type: 512, 256, 128, or 0 for none"},
            {"src_prepare", "0 or 1", "the weights are packed before the call"}};
        for (const WordRule& rule : k_rules) {
            specs.push_back({rule.fact, rule.unit, rule.about});
        }
        return specs;
    }();
    return k_specs;
}

std::string without_comments(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    char quote = '\0';
    for (std::size_t at = 0; at < source.size();) {
        const char c = source[at];
        if (quote == '\0' && skip_comment(source, at)) {
            out += ' ';
            continue;
        }
        if (quote != '\0' && c == '\\' && at + 1 < source.size()) {
            out += c;
            ++at;
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote || c == '\n') {
            quote = '\0';  // a text ends with its line: 1'000 is no literal that stays open
        }
        out += source[at];
        ++at;
    }
    return out;
}

DimMap source_facts(std::string_view source) {
    DimMap facts;
    for (const FactSpec& spec : source_fact_specs()) {
        facts[spec.name] = 0;
    }
    const std::string code = without_comments(source);
    const std::string_view text = code;
    bool counted = false;
    for (std::size_t at = 0; at < text.size();) {
        if (!in_word(text[at])) {
            counted = counted && text[at] != '\n';
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < text.size() && in_word(text[end])) {
            ++end;
        }
        facts.find(std::string_view("src_lines"))->second += counted ? 0 : 1;
        counted = true;
        const std::string_view word = text.substr(at, end - at);
        if (word.size() <= 200) {  // nothing of ours is longer
            count_word(word, facts);
        }
        if (word.ends_with("_prepare") && end < text.size() && text[end] == '(') {
            facts.find(std::string_view("src_prepare"))->second = 1;
        }
        at = end;
    }
    return facts;
}

}  // namespace kw::agent
