// SPDX-License-Identifier: Apache-2.0
// Kernels of tests/golden/ptx that lean on the machine: tiles and barriers, atomics, functions and
// local memory, copies in flight, cooperative groups, clusters, CUB. All run with all checks, on
// one worker and on several, and with the warps in several orders.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace kw::emu::test {
namespace {

using Words = std::vector<std::uint32_t>;
using Ints = std::vector<std::int32_t>;

Launch shape(const std::string& kernel, std::uint32_t grid, std::uint32_t block) {
    Launch launch;
    launch.kernel = kernel;
    launch.grid[0] = grid;
    launch.block[0] = block;
    return launch;
}

/// Runs a scenario with other workers and orders; findings and endings are checked here.
void everywhere(const std::string& file, const std::function<Report(Device&)>& scenario) {
    for (const int threads : {1, 3}) {
        for (const std::uint64_t seed : {0, 5}) {
            Device device(fixture(file));
            device.options.checks = Checks::all();
            device.options.threads = threads;
            device.options.seed = seed;
            const Report report = scenario(device);
            INFO(file << "\n" << device.text(report));
            CHECK(report.ending == Ending::completed);
            CHECK(report.findings.empty());
        }
    }
}

Ints small_ints(std::size_t count, std::uint32_t seed = 3) {
    Ints out;
    for (const std::uint32_t word : noise(count, seed)) {
        out.push_back(static_cast<std::int32_t>(word % 1000) - 500);
    }
    return out;
}

}  // namespace

TEST_CASE("machine: a ragged tiled matrix product is right", "[machine][kernels]") {
    for (const char* kernel : {"gemm_naive", "gemm_tiled"}) {
        everywhere("gemm_f32.ptx", [&](Device& device) {
            constexpr std::size_t m = 37;
            constexpr std::size_t n = 29;
            constexpr std::size_t k = 41;
            std::vector<float> a(m * k);
            std::vector<float> b(k * n);
            for (std::size_t i = 0; i < a.size(); ++i) {
                a[i] = static_cast<float>(i % 13) - 6;
            }
            for (std::size_t i = 0; i < b.size(); ++i) {
                b[i] = static_cast<float>(i % 7) - 3;
            }
            Launch launch = shape(kernel, 2, 16);
            launch.grid[1] = 3;
            launch.block[1] = 16;
            const Report report = device.launch(
                launch,
                {device.input("a", a),
                 device.input("b", b),
                 device.output<float>("c", m * n),
                 value(int{m}),
                 value(int{n}),
                 value(int{k})});
            const auto c = device.read<float>("c");
            for (std::size_t i = 0; i < m; ++i) {
                for (std::size_t j = 0; j < n; ++j) {
                    float sum = 0;
                    for (std::size_t p = 0; p < k; ++p) {
                        sum += a[i * k + p] * b[p * n + j];
                    }
                    REQUIRE(c[i * n + j] == sum);
                }
            }
            return report;
        });
    }
}

TEST_CASE(
    "machine: a histogram with shared and global atomics counts every byte", "[machine][kernels]") {
    everywhere("histogram.ptx", [](Device& device) {
        std::vector<std::uint8_t> data;
        for (const std::uint32_t word : noise(5000)) {
            data.push_back(static_cast<std::uint8_t>(word >> 8));
        }
        Words counts(256);
        for (const std::uint8_t byte : data) {
            ++counts[byte];
        }
        const Argument in = device.input("data", data);
        const Argument out = device.in_out("counts", Words(256));
        const Report report = device.launch(shape("histogram_256", 7, 96), {in, out, value(5000)});
        CHECK(device.read<std::uint32_t>("counts") == counts);
        return report;
    });
}

TEST_CASE(
    "machine: device functions take structs by value and sort in local memory",
    "[machine][kernels]") {
    everywhere("functions.ptx", [](Device& device) {
        struct alignas(16) Packet {
            float scale;
            std::int32_t table[7];
            std::int16_t tail;
        };
        const Packet packet{2.5F, {1, 2, 3, 40, 5, 6, 7}, 3};
        const Argument out = device.output<float>("y", 64);
        const Report report = device.launch(shape("call_struct", 1, 64), {value(packet), out});
        const auto y = device.read<float>("y");
        for (std::size_t i = 0; i < 64; ++i) {
            CHECK(y[i] == 2.5F * static_cast<float>(i) + 40.0F);
        }
        return report;
    });
    everywhere("functions.ptx", [](Device& device) {
        const Ints x = small_ints(64 * 16);
        const Argument in = device.input("x", x);
        const Argument out = device.output<std::int32_t>("y", 64);
        const Report report = device.launch(shape("local_array", 1, 64), {in, out, value(5)});
        const auto y = device.read<std::int32_t>("y");
        for (std::size_t i = 0; i < 64; ++i) {
            Ints row(
                x.begin() + static_cast<std::ptrdiff_t>(16 * i),
                x.begin() + static_cast<std::ptrdiff_t>(16 * i + 16));
            std::sort(row.begin(), row.end());
            CHECK(y[i] == row[5]);
        }
        return report;
    });
}

TEST_CASE(
    "machine: what is not supported fails the kernel that uses it alone", "[machine][kernels]") {
    Device device(fixture("functions.ptx"));
    const Argument out = device.output<float>("y", 64);
    const Report recursive = device.launch(shape("call_recursive", 1, 32), {out});
    CHECK(recursive.ending == Ending::unsupported);
    CHECK(recursive.error.message.find("recursive") != std::string::npos);
    CHECK(recursive.error.line > 0);
    const Report indirect = device.launch(shape("call_indirect", 1, 32), {out});
    CHECK(indirect.ending == Ending::unsupported);
    CHECK(indirect.error.message.find("indirect") != std::string::npos);
    const Report missing = device.launch(shape("absent", 1, 32), {});
    CHECK(missing.ending == Ending::bad_launch);
}

TEST_CASE("machine: printf goes to the log and the log has an end", "[machine][kernels]") {
    Device device(fixture("functions.ptx"));
    const Report report = device.launch(shape("say", 1, 32), {value(3)});
    CHECK(report.log == "thread 0 of 3\nthread 1 of 3\nthread 2 of 3\n");
    device.options.log_bytes = 20;
    CHECK(device.launch(shape("say", 1, 32), {value(3)}).log == "thread 0 of 3\nthread");
}

TEST_CASE("machine: a double-buffered copy pipeline keeps its tiles apart", "[machine][kernels]") {
    everywhere("cp_async.ptx", [](Device& device) {
        std::vector<float> x(5 * 64 * 4);
        std::iota(x.begin(), x.end(), 0.0F);
        const Argument in = device.input("x", x);
        const Argument out = device.output<float>("y", x.size());
        const Report report = device.launch(shape("double_buffered", 1, 64), {in, out, value(5)});
        const auto y = device.read<float>("y");
        for (std::size_t i = 0; i < x.size(); ++i) {
            REQUIRE(y[i] == 2 * x[i]);
        }
        return report;
    });
    everywhere("pipeline.ptx", [](Device& device) {
        std::vector<float> x(4 * 128);
        std::iota(x.begin(), x.end(), 0.0F);
        const Argument in = device.input("x", x);
        const Argument out = device.output<float>("y", 128);
        const Report report = device.launch(shape("pipeline_sum", 1, 128), {in, out, value(4)});
        const auto y = device.read<float>("y");
        for (std::size_t t = 0; t < 128; ++t) {
            float sum = 0;
            for (std::size_t i = 0; i < 4; ++i) {
                sum += x[i * 128 + (t + 1) % 128];
            }
            REQUIRE(y[t] == sum);
        }
        return report;
    });
}

TEST_CASE("machine: cooperative groups reduce and rotate and count", "[machine][kernels]") {
    everywhere("cooperative.ptx", [](Device& device) {
        const Ints x = small_ints(1000);
        const Argument in = device.input("x", x);
        const Argument out = device.output<std::int32_t>("sum", 1);
        const Report report = device.launch(shape("block_sum", 1, 192), {in, out, value(1000)});
        CHECK(device.read<std::int32_t>("sum")[0] == std::accumulate(x.begin(), x.end(), 0));
        return report;
    });
    everywhere("cooperative.ptx", [](Device& device) {
        const Ints x = small_ints(96);
        const Argument in = device.input("x", x);
        const Argument out = device.in_out("counter", Ints{0});
        const Report report = device.launch(shape("count_odd", 1, 96), {in, out});
        CHECK(
            device.read<std::int32_t>("counter")[0] ==
            std::count_if(x.begin(), x.end(), [](int v) { return (v & 1) != 0; }));
        return report;
    });
}

TEST_CASE("machine: a grid synchronises in a cooperative launch", "[machine][kernels]") {
    everywhere("grid_sync.ptx", [](Device& device) {
        constexpr int n = 6 * 64;
        Ints x(n);
        std::iota(x.begin(), x.end(), 0);
        const Argument data = device.in_out("x", x);
        Launch launch = shape("grid_shift", 6, 64);
        launch.cooperative = true;
        const Report report = device.launch(launch, {data, value(n)});
        const auto y = device.read<std::int32_t>("x");
        for (int i = 0; i < n; ++i) {
            REQUIRE(y[static_cast<std::size_t>(i)] == (i + 2) % n);
        }
        return report;
    });
    everywhere("grid_sync.ptx", [](Device& device) {
        const Ints x = small_ints(8 * 32);
        const Argument in = device.input("x", x);
        const Argument parts = device.output<std::int32_t>("parts", 8);
        const Argument arrived = device.in_out("arrived", Words{0});
        const Argument out = device.output<std::int32_t>("sum", 1);
        const Report report =
            device.launch(shape("last_block_adds", 8, 32), {in, parts, arrived, out});
        CHECK(device.read<std::int32_t>("sum")[0] == std::accumulate(x.begin(), x.end(), 0));
        return report;
    });
}

TEST_CASE(
    "machine: the blocks of a cluster swap through distributed shared memory",
    "[machine][kernels]") {
    everywhere("cluster.ptx", [](Device& device) {
        const Ints x = small_ints(4 * 64);
        const Argument in = device.input("x", x);
        const Argument out = device.output<std::int32_t>("y", 4 * 64);
        Launch launch = shape("cluster_swap", 4, 64);
        launch.cluster[0] = 2;
        const Report report = device.launch(launch, {in, out});
        const auto y = device.read<std::int32_t>("y");
        for (std::size_t i = 0; i < x.size(); ++i) {
            REQUIRE(y[i] == x[(i / 64 ^ 1) * 64 + 63 - i % 64]);
        }
        return report;
    });
    Device device(fixture("cluster.ptx"));
    const Argument in = device.input("x", Ints(64));
    const Argument out = device.output<std::int32_t>("y", 64);
    CHECK(device.launch(shape("cluster_swap", 1, 64), {in, out}).ending == Ending::bad_launch);
}

TEST_CASE("machine: CUB sorts and scans and reduces a block", "[machine][kernels]") {
    everywhere("cub_radix_sort.ptx", [](Device& device) {
        Words keys = noise(512);
        const Argument data = device.in_out("keys", keys);
        const Report report = device.launch(shape("cub_radix_sort", 1, 128), {data});
        std::sort(keys.begin(), keys.end());
        CHECK(device.read<std::uint32_t>("keys") == keys);
        return report;
    });
}

}  // namespace kw::emu::test
