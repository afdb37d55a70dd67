// SPDX-License-Identifier: Apache-2.0
// Tiles of a warp, each with its own member mask; loops of compare-and-swap; flags between blocks.
#include "tests/unit/evaluator/emulated/kernels/scenarios.hpp"

#include <algorithm>
#include <array>

namespace kw::emu::test {
namespace {

using Ints = std::vector<std::int32_t>;

constexpr std::size_t k_threads = 64;

/// What in_tiles of tiles.cu leaves, tile by tile.
Ints tiles_want(const Ints& x, std::size_t size) {
    Ints want(5 * k_threads);
    for (std::size_t i = 0; i < k_threads; ++i) {
        const std::size_t begin = i / size * size;
        unsigned odd = 0;
        unsigned alike = 0;
        bool all = true;
        bool any = false;
        for (std::size_t j = begin; j < begin + size; ++j) {
            const unsigned bit = 1U << (j - begin);
            want[i] += x[j];
            odd |= (x[j] & 1) != 0 ? bit : 0;
            alike |= (x[j] & 3) == (x[i] & 3) ? bit : 0;
            all = all && x[j] > 0;
            any = any || x[j] > 90;
        }
        const bool same = i == begin || x[i] == x[i - 1];
        want[k_threads + i] = static_cast<std::int32_t>(odd);
        want[2 * k_threads + i] = static_cast<std::int32_t>(alike);
        want[3 * k_threads + i] = (all ? 4 : 0) + (any ? 2 : 0) + (same ? 1 : 0);
        want[4 * k_threads + i] = x[i ^ (size - 1)];
    }
    return want;
}

template <std::size_t size>
void tiles(Device& device) {
    static const std::string kernel = "tiles_" + std::to_string(size);
    const Ints x = ints(k_threads, -3, 99);
    must(
        device,
        kernel.c_str(),
        shape(1, k_threads),
        {device.input("x", x), device.output<std::int32_t>("y", 5 * k_threads)});
    equal(device, "y", tiles_want(x, size));
}

void tile_rotate(Device& device) {
    const std::vector<float> x = eighths(64);
    must(
        device, "tile_rotate", shape(1, 64), {device.input("x", x), device.output<float>("y", 64)});
    std::vector<float> want;
    for (std::size_t i = 0; i < 64; ++i) {
        want.push_back(x[i / 8 * 8 + (i + 1) % 8]);
    }
    equal(device, "y", want);
}

void tiles_apart(Device& device) {
    const Ints x = ints(64, -99, 99);
    must(
        device,
        "tiles_apart",
        shape(1, 64),
        {device.input("x", x), device.output<std::int32_t>("y", 64)});
    Ints want;
    for (std::size_t i = 0; i < 64; ++i) {
        const std::size_t rounds = i / 8 + 1;
        want.push_back(x[i / 8 * 8 + (i + rounds) % 8] + static_cast<int>(rounds));
    }
    equal(device, "y", want);
}

void tiles_uneven(Device& device) {
    const Ints x = ints(k_threads, -3, 99, 8);
    must(
        device,
        "tiles_uneven",
        shape(1, k_threads),
        {device.input("x", x), device.output<std::int32_t>("y", 4 * k_threads)});
    Ints want(4 * k_threads);
    for (std::size_t i = 0; i < k_threads; ++i) {
        const std::size_t begin = i / 16 * 16;
        int most = 0;
        for (std::size_t j = begin; j < begin + 16; ++j) {
            want[i] += (x[j] & 3) == (x[i] & 3) ? x[j] : 0;
            want[k_threads + i] += j <= i ? x[j] : 0;
            most = std::max(most, x[j]);
        }
        for (int v = most; v > 9; v /= 2) {
            ++want[2 * k_threads + i];
        }
        std::size_t first = i / 32 * 32;
        while ((x[first] & 1) == 0) {
            ++first;
        }
        want[3 * k_threads + i] = (x[i] & 1) != 0 ? x[first] : -1;
    }
    equal(device, "y", want);
}

void half_warp_scan(Device& device) {
    const std::vector<float> x = eighths(64);
    must(
        device,
        "half_warp_scan",
        shape(1, 64),
        {device.input("x", x), device.output<float>("y", 64), device.output<float>("sums", 4)});
    std::vector<float> want;
    std::vector<float> sums(4);
    for (std::size_t i = 0; i < 64; ++i) {
        sums[i / 16] += x[i];
        want.push_back(sums[i / 16]);
    }
    equal(device, "y", want);
    equal(device, "sums", sums);
}

void half_warp_sort(Device& device) {
    Ints keys = ints(64, -50, 50);
    must_with(
        FindingKind::uninitialised_read,
        device,
        "half_warp_sort",
        shape(1, 32),
        {device.in_out("keys", keys)});
    std::sort(keys.begin(), keys.begin() + 32);
    std::sort(keys.begin() + 32, keys.end());
    equal(device, "keys", keys);
}

/// Powers of two whose product is 2 to the number of them modulo 3.
std::vector<float> powers(std::size_t count) {
    std::vector<float> out;
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back(std::array{2.0F, 0.5F, 1.0F}[i % 3]);
    }
    return out;
}

void product(Device& device) {
    must_with(
        FindingKind::global_race,
        device,
        "product",
        shape(4, 16),
        {device.input("x", powers(64)), device.in_out("all", std::vector<float>{3})});
    equal(device, "all", std::vector<float>{6});
}

void block_product(Device& device) {
    must_with(
        FindingKind::shared_race,
        device,
        "block_product",
        shape(1, 64),
        {device.input("x", powers(64)), device.output<float>("all", 64)});
    equal(device, "all", std::vector<float>(64, 2));
}

void flag_volatile(Device& device) {
    must(
        device,
        "flag_volatile",
        shape(4, 32),
        {device.input("x", Ints{1, 2, 3, 4}),
         device.output<std::int32_t>("y", 4),
         device.in_out("flag", Ints{0})});
    equal(device, "y", Ints{2, 4, 5, 6});
}

void flag_plain(Device& device) {
    must_with(
        FindingKind::global_race,
        device,
        "flag_plain",
        shape(4, 32),
        {device.input("x", Ints{1, 2, 3, 4}),
         device.output<std::int32_t>("y", 4),
         device.in_out("flag", Ints{0})});
    equal(device, "y", Ints{2, 4, 6, 8});
}

}  // namespace

std::vector<Scenario> tile_scenarios() {
    return {
        {"cooperative", "tile_rotate", tile_rotate},
        {"tiles", "tiles_4", tiles<4>},
        {"tiles", "tiles_8", tiles<8>},
        {"tiles", "tiles_16", tiles<16>},
        {"tiles", "tiles_apart", tiles_apart},
        {"tiles", "tiles_uneven", tiles_uneven},
        {"tiles", "half_warp_scan", half_warp_scan},
        {"tiles", "half_warp_sort", half_warp_sort},
        {"tiles", "product", product},
        {"tiles", "block_product", block_product},
        {"tiles", "flag_volatile", flag_volatile},
        {"tiles", "flag_plain", flag_plain}};
}

}  // namespace kw::emu::test
