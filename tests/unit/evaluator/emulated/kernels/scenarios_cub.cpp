// SPDX-License-Identifier: Apache-2.0
// CUB, which nobody here wrote: by block and by warp.
#include "tests/unit/evaluator/emulated/kernels/scenarios.hpp"

#include <algorithm>
#include <numeric>

namespace kw::emu::test {
namespace {

using Ints = std::vector<std::int32_t>;
using Words = std::vector<std::uint32_t>;

std::ptrdiff_t at(std::size_t i) {
    return static_cast<std::ptrdiff_t>(i);
}

void block_reduce(Device& device) {
    const std::vector<float> x = eighths(256);
    must(
        device,
        "cub_block_reduce",
        shape(2, 128),
        {device.input("x", x), device.output<float>("sum", 2)});
    equal(
        device,
        "sum",
        std::vector<float>{
            std::accumulate(x.begin(), x.begin() + 128, 0.0F),
            std::accumulate(x.begin() + 128, x.end(), 0.0F)});
}

void block_scan(Device& device) {
    const Ints x = ints(512, -99, 99);
    must(
        device,
        "cub_block_scan",
        shape(1, 128),
        {device.input("x", x), device.output<std::int32_t>("y", 512)});
    Ints want(512);
    std::exclusive_scan(x.begin(), x.end(), want.begin(), 0);
    equal(device, "y", want);
}

void warp_max(Device& device) {
    const Ints x = ints(128, -1000, 1000);
    must(
        device,
        "cub_warp_max",
        shape(1, 128),
        {device.input("x", x), device.output<std::int32_t>("y", 4)});
    Ints want;
    for (std::size_t w = 0; w < 4; ++w) {
        want.push_back(*std::max_element(x.begin() + at(w * 32), x.begin() + at(w * 32 + 32)));
    }
    equal(device, "y", want);
}

void radix_sort(Device& device) {
    Words keys = noise(512);
    must(device, "cub_radix_sort", shape(1, 128), {device.in_out("keys", keys)});
    std::ranges::sort(keys);
    equal(device, "keys", keys);
}

void load_store(Device& device) {
    const Ints x = ints(250, -500, 500);
    must(
        device,
        "cub_load_store",
        shape(1, 64),
        {device.input("x", x), device.output<std::int32_t>("y", 250), value(250)});
    Ints want;
    for (std::size_t i = 0; i < x.size(); ++i) {
        want.push_back(x[i] * 3 + static_cast<int>(i / 4));
    }
    equal(device, "y", want);
}

void exchange(Device& device) {
    const Ints x = ints(256, -500, 500);
    must(
        device,
        "cub_exchange",
        shape(1, 64),
        {device.input("x", x), device.output<std::int32_t>("y", 256)});
    equal(device, "y", x);
}

void sort_pairs(Device& device) {
    Ints keys(128);
    std::iota(keys.begin(), keys.end(), -64);
    std::ranges::sort(keys, {}, [](int k) { return static_cast<unsigned>(k) * 2654435761U; });
    std::vector<float> values(keys.begin(), keys.end());
    must(
        device,
        "cub_sort_pairs",
        shape(1, 64),
        {device.in_out("keys", keys), device.in_out("values", values)});
    std::ranges::sort(keys, std::greater<>());
    equal(device, "keys", keys);
    equal(device, "values", std::vector<float>(keys.begin(), keys.end()));
}

void merge_sort(Device& device) {
    Ints keys = ints(192, -50, 50);
    // It reads the place behind the last key and does not use it.
    must_with(
        FindingKind::uninitialised_read,
        device,
        "cub_merge_sort",
        shape(1, 64),
        {device.in_out("keys", keys)});
    std::ranges::sort(keys);
    equal(device, "keys", keys);
}

void running_max(Device& device) {
    const Ints x = ints(128, -1000, 1000, 9);
    must(
        device,
        "cub_running_max",
        shape(1, 128),
        {device.input("x", x),
         device.output<std::int32_t>("y", 128),
         device.output<std::int32_t>("largest", 1)});
    Ints want(128);
    std::inclusive_scan(
        x.begin(), x.end(), want.begin(), [](int a, int b) { return std::max(a, b); });
    equal(device, "y", want);
    equal(device, "largest", Ints{want.back()});
}

void raking_max(Device& device) {
    const std::vector<float> v = eighths(96);
    const std::vector<double> x(v.begin(), v.end());
    must(
        device,
        "cub_raking_max",
        shape(1, 96),
        {device.input("x", x), device.output<double>("largest", 1)});
    equal(device, "largest", std::vector<double>{*std::ranges::max_element(x)});
}

void histogram(Device& device) {
    std::vector<std::uint8_t> x;
    Words want(16);
    for (const int v : ints(256, 0, 15)) {
        x.push_back(static_cast<std::uint8_t>(v));
        ++want[static_cast<std::size_t>(v)];
    }
    must(
        device,
        "cub_histogram",
        shape(1, 64),
        {device.input("x", x), device.output<std::uint32_t>("counts", 16)});
    equal(device, "counts", want);
}

void run_heads(Device& device) {
    const Ints x = ints(64, 0, 2);
    must(
        device,
        "cub_run_heads",
        shape(1, 64),
        {device.input("x", x),
         device.output<std::int32_t>("heads", 64),
         device.output<std::int32_t>("steps", 64)});
    Ints heads{1};
    Ints steps{x[0]};
    for (std::size_t i = 1; i < x.size(); ++i) {
        heads.push_back(x[i] != x[i - 1] ? 1 : 0);
        steps.push_back(x[i] - x[i - 1]);
    }
    equal(device, "heads", heads);
    equal(device, "steps", steps);
}

void warp_sort(Device& device) {
    Ints keys = ints(128, -50, 50, 7);
    must_with(
        FindingKind::uninitialised_read,
        device,
        "cub_warp_sort",
        shape(1, 64),
        {device.in_out("keys", keys)});
    std::sort(keys.begin(), keys.begin() + 64);
    std::sort(keys.begin() + 64, keys.end());
    equal(device, "keys", keys);
}

void warp_scan(Device& device) {
    const std::vector<float> x = eighths(64);
    must(
        device,
        "cub_warp_scan",
        shape(1, 64),
        {device.input("x", x), device.output<float>("y", 64), device.output<float>("sums", 2)});
    std::vector<float> want;
    std::vector<float> sums(2);
    for (std::size_t i = 0; i < 64; ++i) {
        want.push_back(i % 32 == 0 ? 0.0F : want.back() + x[i - 1]);
        sums[i / 32] += x[i];
    }
    equal(device, "y", want);
    equal(device, "sums", sums);
}

void warp_exchange(Device& device) {
    const Ints x = ints(128, -50, 50);
    must(
        device,
        "cub_warp_exchange",
        shape(1, 32),
        {device.input("x", x), device.output<std::int32_t>("y", 128)});
    equal(device, "y", x);
}

}  // namespace

std::vector<Scenario> cub_scenarios() {
    return {
        {"cub_reduce_scan", "cub_block_reduce", block_reduce},
        {"cub_reduce_scan", "cub_block_scan", block_scan},
        {"cub_reduce_scan", "cub_warp_max", warp_max},
        {"cub_radix_sort", "cub_radix_sort", radix_sort},
        {"cub_block", "cub_load_store", load_store},
        {"cub_block", "cub_exchange", exchange},
        {"cub_block", "cub_sort_pairs", sort_pairs},
        {"cub_block", "cub_merge_sort", merge_sort},
        {"cub_block", "cub_running_max", running_max},
        {"cub_block", "cub_raking_max", raking_max},
        {"cub_block", "cub_histogram", histogram},
        {"cub_block", "cub_run_heads", run_heads},
        {"cub_block", "cub_warp_sort", warp_sort},
        {"cub_block", "cub_warp_scan", warp_scan},
        {"cub_block", "cub_warp_exchange", warp_exchange}};
}

}  // namespace kw::emu::test
