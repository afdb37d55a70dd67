// SPDX-License-Identifier: Apache-2.0
// Every way of misbehaving has its own verdict with evidence, and the judge goes on.
#include "tests/integration/judge/fixture.hpp"
#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::test;

namespace {

const char* k_honest = "for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f;";

void expect(const std::string& source, Verdict verdict, const std::string& evidence) {
    const Evaluation evaluation = judge_source(source);
    INFO(evaluation.summary << "\n" << evaluation.detail);
    CHECK(code(evaluation.verdict) == code(verdict));
    CHECK_THAT(evaluation.summary + evaluation.detail, Catch::Matchers::Contains(evidence));
}

}  // namespace

TEST_CASE("judge: a wrong result names the case and the element", "[judge]") {
    expect(
        with_body("for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i];"),
        Verdict::wrong_result,
        "y[0]");
}

TEST_CASE("judge: an element that is never written is a wrong result", "[judge]") {
    expect(
        with_body("for (int64_t i = 0; i + 1 < N; ++i) y[i] = w[i] * x[i] + 1.0f;"),
        Verdict::wrong_result,
        "y[6]");
}

TEST_CASE("judge: a NaN where the reference is finite is non-finite or wrong", "[judge]") {
    const Evaluation evaluation =
        judge_source(with_body("for (int64_t i = 0; i < N; ++i) y[i] = __builtin_nanf(\"\");"));
    CHECK(
        (evaluation.verdict == Verdict::non_finite || evaluation.verdict == Verdict::wrong_result));
}

TEST_CASE("judge: a null write is a run-time error with its address", "[judge]") {
    expect(with_body("*(volatile int*)16 = 1;"), Verdict::runtime_error, "0x10");
}

TEST_CASE("judge: an endless call is a timeout", "[judge]") {
    expect(
        with_body("for (volatile int i = 0;; i = i + 1) {}"), Verdict::timeout, "did not return");
}

TEST_CASE("judge: a fork is a sandbox violation that names the call", "[judge]") {
    expect(with_body("fork();", "#include <unistd.h>"), Verdict::sandbox_violation, "clone");
}

TEST_CASE("judge: a thread is a sandbox violation", "[judge]") {
    expect(
        with_body("std::thread t([]{}); t.join();", "#include <thread>"),
        Verdict::sandbox_violation,
        "thread");
}

TEST_CASE("judge: a thread from a constructor is caught before anything is called", "[judge]") {
    expect(
        with_body(
            k_honest,
            "#include <thread>\nstatic struct Starter { Starter() { std::thread([]{ for (;;) {} "
            "}).detach(); } } starter;"),
        Verdict::sandbox_violation,
        "while it was loaded");
}

TEST_CASE("judge: eating memory is a memory limit", "[judge]") {
    expect(
        with_body(
            "for (;;) { char* p = (char*)malloc(32 << 20); for (int i = 0; i < (32 << 20); i += "
            "4096) ((volatile char*)p)[i] = 1; }",
            "#include <stdlib.h>"),
        Verdict::memory_limit,
        "memory limit");
}

TEST_CASE("judge: writing to an input is input mutated", "[judge]") {
    expect(with_body("((float*)x)[0] = 0;"), Verdict::input_mutated, "read-only argument");
}

TEST_CASE("judge: writing to the weights is input mutated", "[judge]") {
    expect(with_body("((float*)w)[0] = 0;"), Verdict::input_mutated, "read-only argument");
}

TEST_CASE("judge: printing is a sandbox violation", "[judge]") {
    expect(
        with_body("write(1, \"check: pass\\n\", 12);", "#include <unistd.h>"),
        Verdict::sandbox_violation,
        "write");
}

TEST_CASE("judge: exit with status 0 is a run-time error, not a pass", "[judge]") {
    expect(with_body("_exit(0);", "#include <unistd.h>"), Verdict::runtime_error, "status 0");
}

TEST_CASE("judge: writing behind an output is out of bounds", "[judge]") {
    expect(with_body(std::string(k_honest) + "y[N] = 0;"), Verdict::out_of_bounds, "y");
}

TEST_CASE("judge: writing far behind an output is out of bounds", "[judge]") {
    expect(
        with_body(std::string(k_honest) + "y[N + 4096] = 0;"),
        Verdict::out_of_bounds,
        "outside an argument");
}

TEST_CASE("judge: state kept between calls is non-deterministic or wrong", "[judge]") {
    const Evaluation evaluation =
        judge_source(with_body("static int calls = 0; ++calls; for (int64_t i = 0; i < N; ++i) "
                               "y[i] = w[i] * x[i] + 1.0f; if (calls % 2 == 0) "
                               "y[0] = __builtin_nextafterf(y[0], 100.0f);"));
    CHECK(
        (evaluation.verdict == Verdict::non_deterministic ||
         evaluation.verdict == Verdict::wrong_result));
}

TEST_CASE("judge: a socket is a sandbox violation", "[judge]") {
    expect(
        with_body("socket(2, 1, 0);", "#include <sys/socket.h>"),
        Verdict::sandbox_violation,
        "socket");
}

TEST_CASE("judge: a signal handler is a sandbox violation", "[judge]") {
    expect(
        with_body("signal(11, (void (*)(int))1);", "#include <signal.h>"),
        Verdict::sandbox_violation,
        "rt_sigaction");
}

TEST_CASE("judge: making the inputs writable is a sandbox violation", "[judge]") {
    expect(
        with_body(
            "mprotect((void*)((uintptr_t)x & ~4095ul), 4096, 3); ((float*)x)[0] = 0;",
            "#include <sys/mman.h>"),
        Verdict::sandbox_violation,
        "mprotect");
}

TEST_CASE("judge: a constructor cannot make the inputs writable either", "[judge]") {
    expect(
        with_body(
            k_honest,
            "#include <sys/mman.h>\n"
            "static struct Patch { Patch() { if (mprotect((void*)0x204000000000, 4096, 3) == 0) "
            "*(float*)0x204000000000 = 1; "
            "else __builtin_trap(); } } patch;"),
        Verdict::runtime_error,
        "while it was loaded");
}

TEST_CASE("judge: a forged done word leaves a wrong result", "[judge]") {
    // The control block lies at a known address; writing it early only means that the output is
    // looked at early.
    const Evaluation evaluation =
        judge_source(with_body("volatile uint64_t* words = (volatile uint64_t*)0x200000000000; for "
                               "(int i = 0; i < 512; ++i) words[i] = words[i] + 1;"
                               "for (;;) {}"));
    CHECK(evaluation.verdict != Verdict::accepted);
}

TEST_CASE("judge: a wrong signature is a compile error", "[judge]") {
    expect(
        "void scale_add(const float* w, float* y, int64_t N) {}",
        Verdict::compile_error,
        "scale_add");
}

TEST_CASE("judge: a missing function is a compile error", "[judge]") {
    expect("int unrelated() { return 1; }", Verdict::compile_error, "scale_add");
}

TEST_CASE("judge: an honest kernel is accepted after all of these", "[judge]") {
    const Evaluation evaluation = judge_source(with_body(k_honest));
    INFO(evaluation.summary << evaluation.detail);
    CHECK(evaluation.verdict == Verdict::accepted);
}
