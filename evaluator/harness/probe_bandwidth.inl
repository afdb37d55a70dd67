// SPDX-License-Identifier: Apache-2.0
// Memory access patterns, included once per vector width inside its own namespace and target.
// KW_BYTES: width of a vector; KW_STREAM(at, value): non-temporal store of a Vector.
// Every pass ends in an empty asm that takes the result and may touch all memory, so that no pass
// can be dropped, merged with the next one, or answered from registers.

typedef long long Vector __attribute__((vector_size(KW_BYTES), may_alias));

constexpr std::size_t k_unroll = 8;
constexpr std::size_t k_step = k_unroll * sizeof(Vector);

inline void consume(Vector value) {
    asm volatile("" : : "x"(value) : "memory");
}

void read_one(std::byte* buffer, std::size_t bytes) {
    Vector sum[k_unroll] = {};
    for (std::size_t at = 0; at + k_step <= bytes; at += k_step) {
        const Vector* from = reinterpret_cast<const Vector*>(buffer + at);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < k_unroll; ++i) {
            sum[i] ^= from[i];
        }
    }
    consume(sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7]);
}

/// `ahead` bytes of software prefetch.
void read_prefetched(std::byte* buffer, std::size_t bytes) {
    constexpr std::size_t k_ahead = 2048;
    Vector sum[k_unroll] = {};
    for (std::size_t at = 0; at + k_step <= bytes; at += k_step) {
        const Vector* from = reinterpret_cast<const Vector*>(buffer + at);
        for (std::size_t line = 0; line < k_step; line += 64) {
            __builtin_prefetch(buffer + at + k_ahead + line, 0, 3);
        }
#pragma GCC unroll 8
        for (std::size_t i = 0; i < k_unroll; ++i) {
            sum[i] ^= from[i];
        }
    }
    consume(sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7]);
}

template <std::size_t streams>
void read_streams(std::byte* buffer, std::size_t bytes) {
    const std::size_t each = bytes / streams / 128 * 128;
    Vector sum[streams][2] = {};
    for (std::size_t at = 0; at + 2 * sizeof(Vector) <= each; at += 2 * sizeof(Vector)) {
#pragma GCC unroll 8
        for (std::size_t s = 0; s < streams; ++s) {
            const Vector* from = reinterpret_cast<const Vector*>(buffer + s * each + at);
            sum[s][0] ^= from[0];
            sum[s][1] ^= from[1];
        }
    }
    for (std::size_t s = 0; s < streams; ++s) {
        consume(sum[s][0] ^ sum[s][1]);
    }
}

void write(std::byte* buffer, std::size_t bytes) {
    Vector value = {};
    asm volatile("" : "+x"(value));
    for (std::size_t at = 0; at + k_step <= bytes; at += k_step) {
        Vector* to = reinterpret_cast<Vector*>(buffer + at);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < k_unroll; ++i) {
            to[i] = value;
        }
    }
    consume(value);
}

void write_streamed(std::byte* buffer, std::size_t bytes) {
    Vector value = {};
    asm volatile("" : "+x"(value));
    for (std::size_t at = 0; at + k_step <= bytes; at += k_step) {
        Vector* to = reinterpret_cast<Vector*>(buffer + at);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < k_unroll; ++i) {
            KW_STREAM(to + i, value);
        }
    }
    __builtin_ia32_sfence();
    consume(value);
}

/// First half of the working set to the second.
void copy(std::byte* buffer, std::size_t bytes) {
    const std::size_t half = bytes / 2 / k_step * k_step;
    Vector last = {};
    for (std::size_t at = 0; at < half; at += k_step) {
        const Vector* from = reinterpret_cast<const Vector*>(buffer + at);
        Vector* to = reinterpret_cast<Vector*>(buffer + half + at);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < k_unroll; ++i) {
            last = from[i];
            to[i] = last;
        }
    }
    consume(last);
}

void copy_streamed(std::byte* buffer, std::size_t bytes) {
    const std::size_t half = bytes / 2 / k_step * k_step;
    Vector last = {};
    for (std::size_t at = 0; at < half; at += k_step) {
        const Vector* from = reinterpret_cast<const Vector*>(buffer + at);
        Vector* to = reinterpret_cast<Vector*>(buffer + half + at);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < k_unroll; ++i) {
            last = from[i];
            KW_STREAM(to + i, last);
        }
    }
    __builtin_ia32_sfence();
    consume(last);
}

/// a = b + c over thirds.
void triad(std::byte* buffer, std::size_t bytes) {
    const std::size_t third = bytes / 3 / k_step * k_step;
    Vector last = {};
    for (std::size_t at = 0; at < third; at += k_step) {
        Vector* to = reinterpret_cast<Vector*>(buffer + at);
        const Vector* one = reinterpret_cast<const Vector*>(buffer + third + at);
        const Vector* two = reinterpret_cast<const Vector*>(buffer + 2 * third + at);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < k_unroll; ++i) {
            last = one[i] + two[i];
            to[i] = last;
        }
    }
    consume(last);
}

constexpr Pattern k_patterns[] = {
    {"read", read_one, true},
    {"read prefetched", read_prefetched, true},
    {"read 2 streams", read_streams<2>, true},
    {"read 4 streams", read_streams<4>, true},
    {"read 8 streams", read_streams<8>, true},
    {"write", write, false},
    {"write streamed", write_streamed, false},
    {"copy", copy, false},
    {"copy streamed", copy_streamed, false},
    {"triad", triad, false},
};
