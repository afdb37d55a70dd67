// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/retrieval.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

namespace kw::agent {

namespace {

void add_words(const std::string& text, std::set<std::string>& words) {
    std::string word;
    for (const char c : text + " ") {
        const bool upper = c >= 'A' && c <= 'Z';
        const bool part = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (part) {
            word += upper ? static_cast<char>(c - 'A' + 'a') : c;
        } else if (!word.empty()) {
            if (word.size() > 1) {
                words.insert(word);
            }
            word.clear();
        }
    }
}

double jaccard(const std::set<std::string>& a, const std::set<std::string>& b) {
    std::vector<std::string> both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    const std::size_t either = a.size() + b.size() - both.size();
    return either == 0 ? 0 : static_cast<double>(both.size()) / static_cast<double>(either);
}

/// log2 of the operations a byte of the largest timed shape; decode and prefill differ by it.
int intensity_of(const Task& task) {
    double most = 0;
    double intensity = 0;
    for (const Case& one : task.cases) {
        const auto bytes = task.cost.bytes.eval(one.dims);
        const auto flop = task.cost.flop.eval(one.dims);
        if (one.timed && bytes && flop && *bytes > 0 && static_cast<double>(*bytes) > most) {
            most = static_cast<double>(*bytes);
            intensity = std::max(0.0, static_cast<double>(*flop) / most);
        }
    }
    return static_cast<int>(std::lround(std::log2(1 + intensity)));
}

}  // namespace

TaskSignature signature_of(const Task& task) {
    TaskSignature signature;
    signature.task = task.name;
    add_words(task.name, signature.words);
    add_words(task.title, signature.words);
    signature.features.insert(task.cost.op_class + " work");
    signature.features.insert("intensity " + std::to_string(intensity_of(task)));
    signature.features.insert(task.prepare ? "prepare" : "no prepare");
    for (const Arg& arg : task.args) {
        signature.features.insert(std::string(name(arg.role)) + " " + std::string(name(arg.dtype)));
        signature.features.insert(
            std::string(name(arg.role)) + " of " + std::to_string(arg.shape.size()) + " axes");
    }
    return signature;
}

double similarity(const TaskSignature& a, const TaskSignature& b) {
    return (2 * jaccard(a.features, b.features) + jaccard(a.words, b.words)) / 3;
}

std::vector<Example> nearest_examples(
    const Task& task,
    const std::string& target,
    const std::vector<Example>& rows,
    std::size_t at_most) {
    const TaskSignature here = signature_of(task);
    const auto order = [&here](const Example& row) {
        return std::tuple(
            -similarity(here, row.signature),
            row.modelled,
            -row.speedup,
            std::string_view(row.signature.task));
    };
    std::vector<Example> near;
    for (const Example& row : rows) {
        if (row.target == target && row.speedup > 1 && !row.source.empty() &&
            similarity(here, row.signature) >= k_least_similarity) {
            near.push_back(row);
        }
    }
    std::stable_sort(near.begin(), near.end(), [&order](const Example& a, const Example& b) {
        return order(a) < order(b);
    });
    std::set<std::string> seen;
    std::erase_if(
        near, [&seen](const Example& row) { return !seen.insert(row.signature.task).second; });
    near.resize(std::min(near.size(), at_most));
    return near;
}

}  // namespace kw::agent
