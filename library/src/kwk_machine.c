/* SPDX-License-Identifier: Apache-2.0
 * What this machine can run, and what the environment says about it. Read once. */
#include "kwk_cuda.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char* const k_levels[KWK_LEVEL_COUNT] = {
    "none", "x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"};

const char* kwk_level_name(kwk_level level) {
    return k_levels[level];
}

#if defined(__x86_64__)
static bool has(unsigned value, unsigned bits) {
    return (value & bits) == bits;
}

/* What the operating system saves: bits of XCR0. */
static unsigned saved_state(void) {
    unsigned low;
    unsigned high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* The levels of the x86-64 psABI; AVX512_VNNI is bit 11 of leaf 7's ecx. */
static kwk_level machine_level(void) {
    unsigned a, b, c, d, b7 = 0, c7 = 0, c81 = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 ||
        !has(c, bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT)) {
        return KWK_LEVEL_NONE;
    }
    const unsigned c1 = c;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d) != 0) {
        c81 = c;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
        b7 = b;
        c7 = c;
    }
    if (!has(c1, bit_OSXSAVE | bit_AVX | bit_F16C | bit_FMA | bit_MOVBE) ||
        !has(b7, bit_AVX2 | bit_BMI | bit_BMI2) || !has(c81, bit_LZCNT) ||
        !has(saved_state(), 0x6)) {
        return KWK_LEVEL_V2;
    }
    if (!has(b7, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL) ||
        !has(saved_state(), 0xe6)) {
        return KWK_LEVEL_V3;
    }
    return has(c7, 1U << 11) ? KWK_LEVEL_V4_VNNI : KWK_LEVEL_V4;
}

/* "AMD EPYC 9R14", blanks at the ends removed. */
static void processor_name(char name[49]) {
    unsigned words[12];
    name[0] = 0;
    if (__get_cpuid_max(0x80000000, NULL) < 0x80000004) {
        return;
    }
    for (unsigned i = 0; i < 3; ++i) {
        unsigned* w = words + 4 * i;
        __get_cpuid(0x80000002 + i, w, w + 1, w + 2, w + 3);
    }
    char text[49];
    memcpy(text, words, 48);
    text[48] = 0;
    const char* begin = text;
    while (*begin == ' ') {
        ++begin;
    }
    size_t length = strlen(begin);
    while (length > 0 && begin[length - 1] == ' ') {
        --length;
    }
    memcpy(name, begin, length);
    name[length] = 0;
}
#else
static kwk_level machine_level(void) {
    return KWK_LEVEL_NONE;
}
static void processor_name(char name[49]) {
    strcpy(name, "another processor");
}
#endif

/* Appends as far as there is room. */
static void add_name(char* text, size_t size, const char* name) {
    strncat(text, text[0] == 0 ? "" : ", ", size - strlen(text) - 1);
    strncat(text, name, size - strlen(text) - 1);
}

/* Whether the pack has a row of this device or architecture; else all that it has, for the message. */
static bool is_in_tables(const char* device, char* names, size_t size) {
    for (size_t i = 0; kwk_ops[i] != NULL; ++i) {
        for (size_t k = 0; k < kwk_ops[i]->kernel_count; ++k) {
            const kwk_kernel* kernel = &kwk_ops[i]->kernels[k];
            const char* arch = kernel->cuda != NULL ? kernel->cuda->arch : "";
            if (strcmp(device, kernel->device) == 0 || strcmp(device, arch) == 0) {
                return true;
            }
            if (strstr(names, kernel->device) == NULL) {
                add_name(names, size, kernel->device);
            }
            if (*arch != 0 && strstr(names, arch) == NULL) {
                add_name(names, size, arch);
            }
        }
    }
    return false;
}

static void take_device(kwk_machine* machine, const char* name) {
    static char device[256];
    strncpy(device, name, sizeof device - 1);
    if (strcmp(device, "reference") == 0) {
        machine->reference_only = true;
        return;
    }
    for (int level = KWK_LEVEL_V2; level < KWK_LEVEL_COUNT; ++level) {
        if (strcmp(device, k_levels[level]) == 0) {
            if ((kwk_level)level > machine->level) {
                machine->problem = "KWK_DEVICE names an instruction set that this processor lacks";
            }
            machine->level = (kwk_level)level;
            return;
        }
    }
    static char problem[768] =
        "KWK_DEVICE is none of x86-64-v2, x86-64-v3, x86-64-v4, x86-64-v4-vnni, reference";
    if (!is_in_tables(device, problem, sizeof problem)) {
        machine->problem = problem;
        return;
    }
    if (strncmp(device, "sm_", 3) == 0) {
        machine->arch = device;
        return;
    }
    machine->processor = device;
    machine->gpu = device;
}

static void find_out(kwk_machine* machine) {
    static char name[49];
    processor_name(name);
    machine->processor = name;
    machine->level = machine_level();
    machine->policy = KWK_POLICY_FALLBACK;
    const char* device = getenv("KWK_DEVICE");
    if (device != NULL && *device != 0) {
        take_device(machine, device);
    }
    const char* policy = getenv("KWK_POLICY");
    if (policy != NULL && strcmp(policy, "error") == 0) {
        machine->policy = KWK_POLICY_ERROR;
    } else if (policy != NULL && *policy != 0 && strcmp(policy, "fallback") != 0) {
        machine->problem = "KWK_POLICY is neither \"fallback\" nor \"error\"";
    }
}

const kwk_machine* kwk_this_machine(void) {
    static kwk_machine machine;
    static atomic_int ready; /* 0 = not looked at, 1 = somebody looks, 2 = known */
    int state = atomic_load_explicit(&ready, memory_order_acquire);
    while (state != 2) {
        if (state == 0 && atomic_compare_exchange_strong(&ready, &state, 1)) {
            find_out(&machine);
            atomic_store_explicit(&ready, 2, memory_order_release);
            break;
        }
        sched_yield();
        state = atomic_load_explicit(&ready, memory_order_acquire);
    }
    return &machine;
}
