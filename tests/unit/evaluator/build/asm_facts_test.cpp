// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/asm_facts.hpp"

#include "evaluator/device/cpu/elf_facts.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/build/support.hpp"

namespace {

using namespace kw::cpu;

constexpr const char* k_loop = R"(
	.text
kernel:
	pushq	%rbp
	movq	%rsp, %rbp
	vxorps	%xmm0, %xmm0, %xmm0
.L2:
	vmovaps	%ymm3, -32(%rbp)
	vfmadd231ps	(%rdi), %ymm1, %ymm2
	vmovaps	%ymm2, 64(%rsp)
	vmovaps	-96(%rbp), %ymm4
	vfmadd231ps	32(%rdi), %ymm1, %ymm3	# a comment (%rsp)
	vmovaps	%ymm9, 128(%rsp)
	addq	$64, %rdi
	cmpq	%rsi, %rdi
	jne	.L2
	vfmadd231ss	(%rdi), %xmm1, %xmm2
	jmp	.L9
.L9:
	ret
other:
.L3:
	vpdpbusd	%zmm0, %zmm1, %zmm2
	jne	.L3
	ret
)";

TEST_CASE("asm facts: vector classes and widths are counted") {
    const AsmFacts facts = asm_facts(k_loop);
    CHECK(facts.instruction_classes.at("vfmadd") == 2);
    CHECK(facts.instruction_classes.at("scalar fma") == 1);
    CHECK(facts.instruction_classes.at("vpdpbusd") == 1);
    CHECK(facts.instruction_classes.at("zmm") == 1);
    CHECK(facts.instruction_classes.at("ymm") == 6);
    CHECK(facts.instruction_classes.at("xmm") == 2);
}

TEST_CASE("asm facts: spills are counted between the multiplies of the hottest loop") {
    const AsmFacts facts = asm_facts(k_loop);
    CHECK(facts.hottest_function == "kernel");
    CHECK(facts.stack_references == 2);
}

TEST_CASE("asm facts: an outer loop does not hide the inner one") {
    const AsmFacts facts = asm_facts(
        "f:\n.L1:\n\tmovq 8(%rsp), %rax\n\tvmulps %ymm0, %ymm1, %ymm2\n.L2:\n"
        "\tvmulps %ymm0, %ymm1, %ymm2\n\tvmulps %ymm0, %ymm1, %ymm3\n\tjne\t.L2\n"
        "\tmovq 8(%rsp), %rax\n\tvmulps %ymm0, %ymm1, %ymm2\n\tjne\t.L1\n");
    CHECK(facts.stack_references == 0);
    CHECK(facts.instruction_classes.at("vmul") == 4);
}

TEST_CASE("asm facts: code without a multiplying loop was not looked at") {
    CHECK(asm_facts("").stack_references == -1);
    CHECK(asm_facts("f:\n.L1:\n\taddq $1, (%rsp)\n\tjne .L1\n").stack_references == -1);
    CHECK(asm_facts("j\n:\n\t\n.L\njmp").stack_references == -1);
}

TEST_CASE("asm facts: a defined symbol is found by its whole name") {
    CHECK(defines_symbol(k_loop, "kernel"));
    CHECK_FALSE(defines_symbol(k_loop, "kern"));
    CHECK_FALSE(defines_symbol(k_loop, "ernel"));
}

TEST_CASE("elf facts: broken objects give nothing and never crash") {
    CHECK_FALSE(elf_facts(""));
    CHECK_FALSE(elf_facts("not an object"));
    const std::string self = kw::test::read_text("/proc/self/exe");
    REQUIRE(elf_facts(self));
    CHECK(elf_facts(self)->text_bytes > 1000);
    const std::string_view head = std::string_view(self).substr(0, 4096);
    for (std::size_t length = 0; length < head.size(); length += 13) {
        CHECK_FALSE(elf_facts(head.substr(0, length)));
    }
    for (std::size_t at = 0; at < 64; ++at) {
        std::string damaged = self.substr(0, std::min<std::size_t>(self.size(), 1 << 20));
        damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
        (void)elf_facts(damaged);
    }
}

}  // namespace
