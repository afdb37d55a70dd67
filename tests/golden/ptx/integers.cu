// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 integers.cu
// Division, 64-bit and 128-bit products, funnel shifts, bit fields, saturation, a switch.
extern "C" __global__ void integer_mix(const int* x, const unsigned* z, long long* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const int a = x[i];
        const unsigned b = z[i] | 1u;
        long long* out = y + i * 10;
        out[0] = a / static_cast<int>(b >> 1 | 1);
        out[1] = static_cast<unsigned>(a) % b;
        out[2] = static_cast<long long>(a) * static_cast<int>(b);
        out[3] = __mulhi(a, static_cast<int>(b)) + __umulhi(a, b);
        out[4] = __funnelshift_l(a, b, 7) ^ __funnelshift_rc(a, b, 40);
        out[5] = static_cast<long long>((static_cast<__int128>(a) << 40) * b >> 50);
        out[6] = out[2] / (static_cast<long long>(b) + 5);
        unsigned field;
        asm("bfe.u32 %0, %1, 5, 9;" : "=r"(field) : "r"(a));
        asm("bfi.b32 %0, %1, %0, 11, 6;" : "+r"(field) : "r"(b));
        out[7] = field + __sad(a, b, 3u) + __usad(a, b, 4u);
        out[8] = min(max(a, -128), 127) + __vadd4(a, b) + abs(a);
        int saturated;
        asm("add.sat.s32 %0, %1, %2;" : "=r"(saturated) : "r"(a), "r"(static_cast<int>(b)));
        out[9] = saturated;
    }
}

extern "C" __global__ void many_cases(const int* kind, int* y) {
    int v = threadIdx.x;
    switch (kind[threadIdx.x]) {
        case 0: v = v * 3 + 1; break;
        case 1: v ^= y[0]; break;
        case 2: v -= y[1] * 7; break;
        case 3: v = y[2] / (v + 1); break;
        case 4: v = ~v; break;
        case 5: v <<= y[3]; break;
        case 6: v = __popc(v); break;
        case 7: v = y[v % 8]; break;
        case 8: v = -v; break;
        default: v = 0; break;
    }
    y[8 + threadIdx.x] = v;
}
