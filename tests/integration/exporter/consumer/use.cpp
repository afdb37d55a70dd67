// SPDX-License-Identifier: Apache-2.0
// The same from C++: packed weights, exceptions, many threads at once. Prints "good".
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <kwk/scale_add.hpp>
#include <kwk/w2a8_gemm.hpp>
#include <thread>
#include <vector>

namespace {

constexpr std::int64_t k_m = 3, k_n = 40, k_k = 256;

std::int32_t weight(const std::uint32_t* w, std::int64_t n, std::int64_t k) {
    const auto bit = [&](std::int64_t plane) {
        return static_cast<std::int32_t>(
            w[(plane * k_n + n) * (k_k / 32) + k / 32] >> (31 - k % 32) & 1U);
    };
    return bit(0) - 2 * bit(1);
}

bool right(const kwk::w2a8_gemm_args& args) {
    for (std::int64_t m = 0; m < k_m; ++m) {
        for (std::int64_t n = 0; n < k_n; ++n) {
            std::int32_t sum = 0;
            for (std::int64_t k = 0; k < k_k; ++k) {
                sum += args.x[m * k_k + k] * weight(args.w, n, k);
            }
            if (args.y[m * k_n + n] != sum) {
                return false;
            }
        }
    }
    return true;
}

struct Product {
    kwk::buffer x{k_m * k_k};
    kwk::buffer w{2 * k_n * k_k / 8};
    kwk::buffer y{k_m * k_n * 4};
    kwk::w2a8_gemm_args args = kwk::make<kwk::w2a8_gemm_args>();
    kwk::buffer packed;

    Product() {
        for (std::int64_t i = 0; i < k_m * k_k; ++i) {
            x.as<std::int8_t>()[i] = static_cast<std::int8_t>(i * 37 % 251 - 125);
        }
        for (std::int64_t i = 0; i < 2 * k_n * k_k / 32; ++i) {
            w.as<std::uint32_t>()[i] = static_cast<std::uint32_t>(i) * 2654435761U;
        }
        args.x = x.as<std::int8_t>();
        args.w = w.as<std::uint32_t>();
        args.y = y.as<std::int32_t>();
        args.M = k_m;
        args.N = k_n;
        args.K = k_k;
        packed = kwk::prepare(args);
        args.packed = packed.data();
    }
};

int check(bool good, const char* what) {
    if (!good) {
        std::fprintf(stderr, "%s\n", what);
    }
    return good ? 0 : 1;
}

kwk_status status_of(const kwk::w2a8_gemm_args& args) {
    try {
        kwk::call(args);
    } catch (const kwk::error& error) {
        return error.status();
    }
    return KWK_OK;
}

}  // namespace

int main() {
    Product product;
    int bad = 0;
    kwk::call(product.args);
    bad += check(right(product.args), "wrong product");
    if (product.packed.size() > 0) {  // a kernel, not the reference
        auto wrong = product.args;
        wrong.packed = nullptr;
        wrong.kwk_policy = KWK_POLICY_ERROR;
        bad += check(status_of(wrong) == KWK_ERROR_PACKED, "ran without packed weights");
        wrong.kwk_policy = KWK_POLICY_FALLBACK;
        bad += check(status_of(wrong) == KWK_OK, "no reference without packed weights");
        wrong.packed = product.packed.data();
        wrong.N = k_n - 8;
        bad += check(status_of(wrong) == KWK_ERROR_PACKED, "took another shape's packed weights");
        std::memset(product.packed.data(), 0, 8);
        bad += check(status_of(product.args) == KWK_ERROR_PACKED, "took what nobody packed");
    }
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&wrong] {
            Product own;
            for (int i = 0; i < 100; ++i) {
                std::memset(own.y.data(), 0xff, own.y.size());
                kwk::call(own.args);
                wrong += right(own.args) ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    bad += check(wrong == 0, "threads disturb each other");
    std::fputs(kwk::explain(product.args).c_str(), stdout);
    std::puts(bad == 0 ? "good" : "bad");
    return bad;
}
