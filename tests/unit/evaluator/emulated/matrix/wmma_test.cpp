// SPDX-License-Identifier: Apache-2.0
// wmma: fragments are opaque, so a whole program is run: load A, B and C, multiply, store D; for
// every shape, type and layout, with lines that are longer than the matrix.
#include "tests/unit/evaluator/emulated/machine/device.hpp"
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

struct Form {
    int m, n, k;
    std::string a, b, c, d;  ///< element types
    int a_registers, b_registers, sum_registers;
    bool saturate = false;
    [[nodiscard]] std::string shape() const {
        return "m" + std::to_string(m) + "n" + std::to_string(n) + "k" + std::to_string(k);
    }
};

/// A matrix in memory: lines of `length` elements, `stride` apart.
struct Image {
    std::vector<std::uint8_t> bytes;
    int stride = 0;
};

int lines_of(const Matrix& matrix, bool by_rows) {
    return by_rows ? matrix.rows : matrix.columns;
}

Image image_of(const Matrix& matrix, int bits, bool by_rows) {
    const int length = by_rows ? matrix.columns : matrix.rows;
    Image image;
    image.stride = length + 128 / bits * 2;
    const int lines = lines_of(matrix, by_rows);
    image.bytes.resize(static_cast<std::size_t>(lines * image.stride * bits / 8));
    for (int line = 0; line < lines; ++line) {
        for (int i = 0; i < length; ++i) {
            const std::uint64_t value = by_rows ? matrix.at(line, i) : matrix.at(i, line);
            const int at = (line * image.stride + i) * bits;
            for (int bit = 0; bit < bits; ++bit) {
                const auto set = static_cast<std::uint8_t>((value >> bit & 1) << ((at + bit) % 8));
                std::uint8_t& byte = image.bytes[static_cast<std::size_t>((at + bit) / 8)];
                byte = static_cast<std::uint8_t>(byte | set);
            }
        }
    }
    return image;
}

Matrix matrix_in(const Image& image, int rows, int columns, int bits, bool by_rows) {
    Matrix matrix(rows, columns);
    for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
            const int at =
                (by_rows ? row * image.stride + column : column * image.stride + row) * (bits / 8);
            std::memcpy(
                &matrix.at(row, column),
                image.bytes.data() + at,
                static_cast<std::size_t>(bits / 8));
        }
    }
    return matrix;
}

std::string registers(const std::string& name, int count) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) {
        text += (i != 0 ? ", %" : "%") + name + std::to_string(i);
    }
    return text + "}";
}

struct Layouts {
    bool a_rows, b_rows, c_rows, d_rows;
};
const char* layout(bool rows) {
    return rows ? "row" : "col";
}

/// The name of the product, and its operand types.
std::string product_name(const Form& form, const Layouts& layouts) {
    const std::string order =
        std::string(layout(layouts.a_rows)) + "." + layout(layouts.b_rows) + "." + form.shape();
    if (form.a == "b1") {
        return "wmma.mma.and.popc.sync.aligned." + order + ".s32.b1.b1.s32";
    }
    if (form.a == "f16") {
        return "wmma.mma.sync.aligned." + order + "." + form.d + "." + form.c;
    }
    return "wmma.mma.sync.aligned." + order + "." + form.d + "." + form.a + "." + form.b + "." +
           form.c + (form.a == "f64" ? ".rn" : "") + (form.saturate ? ".satfinite" : "");
}

std::string program(const Form& form, const Layouts& layouts, const std::string& space) {
    const std::string width = form.a == "f64" ? ".b64" : ".b32";
    const std::string start = ".sync.aligned.";
    std::string text =
        ".version 8.7\n.target sm_90a\n.address_size 64\n"
        ".visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d,\n"
        ".param .u32 sa, .param .u32 sb, .param .u32 sc, .param .u32 sd)\n{\n"
        ".reg .b64 %rd<4>;\n.reg .b32 %s<4>;\n";
    for (const char* name : {"%a", "%b", "%c", "%d"}) {
        text += ".reg " + width + " " + name + "<8>;\n";
    }
    const char* names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; ++i) {
        const std::string at = std::to_string(i);
        text += "ld.param.u64 %rd" + at + ", [" + names[i] + "];\n";
        text += "ld.param.u32 %s" + at + ", [s" + names[i] + "];\n";
    }
    text += "wmma.load.a" + start + layout(layouts.a_rows) + "." + form.shape() + space + "." +
            form.a + " " + registers("a", form.a_registers) + ", [%rd0], %s0;\n";
    text += "wmma.load.b" + start + layout(layouts.b_rows) + "." + form.shape() + space + "." +
            form.b + " " + registers("b", form.b_registers) + ", [%rd1], %s1;\n";
    const int c = form.c == "f16" ? form.sum_registers / 2 : form.sum_registers;
    const int d = form.d == "f16" ? form.sum_registers / 2 : form.sum_registers;
    text += "wmma.load.c" + start + layout(layouts.c_rows) + "." + form.shape() + space + "." +
            form.c + " " + registers("c", c) + ", [%rd2], %s2;\n";
    text += product_name(form, layouts) + " " + registers("d", d) + ", " +
            registers("a", form.a_registers) + ", " + registers("b", form.b_registers) + ", " +
            registers("c", c) + ";\n";
    text += "wmma.store.d" + start + layout(layouts.d_rows) + "." + form.shape() + space + "." +
            form.d + " [%rd3], " + registers("d", d) + ", %s3;\nret;\n}\n";
    return text;
}

void check_once(const Form& form, const Layouts& layouts, int mode, const std::string& space) {
    Random random{static_cast<std::uint64_t>(form.m * 7 + mode)};
    const Product types{
        type_of(form.a), type_of(form.b), type_of(form.c), type_of(form.d), form.saturate};
    const Matrix a = some_matrix(form.m, form.k, types.a, random, mode);
    const Matrix b = some_matrix(form.k, form.n, types.b, random, mode);
    const Matrix c = some_matrix(form.m, form.n, types.c, random, mode);
    const Image in_a = image_of(a, types.a.bits, layouts.a_rows);
    const Image in_b = image_of(b, types.b.bits, layouts.b_rows);
    const Image in_c = image_of(c, types.c.bits, layouts.c_rows);
    Image in_d = image_of(Matrix(form.m, form.n), types.d.bits, layouts.d_rows);
    const std::string text = program(form, layouts, space);
    INFO(text);
    Device device(text);
    device.options.checks.initialised = true;
    device.options.checks.races = true;
    Launch launch;
    launch.kernel = "k";
    launch.block = {32, 1, 1};
    const Report report = device.launch(
        launch,
        {device.input("a", in_a.bytes),
         device.input("b", in_b.bytes),
         device.input("c", in_c.bytes),
         device.in_out("d", in_d.bytes),
         value(in_a.stride),
         value(in_b.stride),
         value(in_c.stride),
         value(in_d.stride)});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    in_d.bytes = device.read<std::uint8_t>("d");
    const Matrix d = matrix_in(in_d, form.m, form.n, types.d.bits, layouts.d_rows);
    CHECK(wrong_elements(types, a, b, c, d) == 0);
}

/// All layouts; only A by rows and B by columns for types of less than a byte.
void check(const Form& form) {
    const bool small = type_of(form.a).bits < 8;
    for (int i = 0; i < 16; ++i) {
        const Layouts layouts{(i & 1) != 0, (i & 2) != 0, (i & 4) != 0, (i & 8) != 0};
        if (!small || (layouts.a_rows && !layouts.b_rows)) {
            check_once(form, layouts, i % 3, i % 5 == 4 ? "" : ".global");
        }
    }
}

}  // namespace

TEST_CASE("wmma f16: every shape and layout with f32 and f16 sums") {
    KW_GOLDEN("wmma_load");
    KW_GOLDEN("wmma_load_c");
    KW_GOLDEN("wmma_store");
    KW_GOLDEN("wmma_mma_f16");
    for (const char* d : {"f16", "f32"}) {
        for (const char* c : {"f16", "f32"}) {
            check({16, 16, 16, "f16", "f16", c, d, 8, 8, 8});
            check({32, 8, 16, "f16", "f16", c, d, 8, 8, 8});
            check({8, 32, 16, "f16", "f16", c, d, 8, 8, 8});
        }
    }
}

TEST_CASE("wmma bf16: every shape and layout") {
    KW_GOLDEN("wmma_mma_bf16");
    check({16, 16, 16, "bf16", "bf16", "f32", "f32", 4, 4, 8});
    check({32, 8, 16, "bf16", "bf16", "f32", "f32", 8, 2, 8});
    check({8, 32, 16, "bf16", "bf16", "f32", "f32", 2, 8, 8});
}

TEST_CASE("wmma tf32: every layout") {
    KW_GOLDEN("wmma_load_tf32");
    KW_GOLDEN("wmma_load_c_tf32");
    KW_GOLDEN("wmma_store_tf32");
    KW_GOLDEN("wmma_mma_tf32");
    check({16, 16, 8, "tf32", "tf32", "f32", "f32", 4, 4, 8});
}

TEST_CASE("wmma f64: every layout") {
    KW_GOLDEN("wmma_load_f64");
    KW_GOLDEN("wmma_load_c_f64");
    KW_GOLDEN("wmma_store_f64");
    KW_GOLDEN("wmma_mma_f64");
    // Numbers of few bits, so that a sum is exact whatever its order.
    const Form form{8, 8, 4, "f64", "f64", "f64", "f64", 1, 1, 2};
    for (int i = 0; i < 16; ++i) {
        const Layouts layouts{(i & 1) != 0, (i & 2) != 0, (i & 4) != 0, (i & 8) != 0};
        const auto numbers = [](int rows, int columns, int seed) {
            Matrix matrix(rows, columns);
            Random random{static_cast<std::uint64_t>(seed)};
            for (std::uint64_t& bits : matrix.bits) {
                bits = std::bit_cast<std::uint64_t>(static_cast<double>(random.below(2001) - 1000));
            }
            return matrix;
        };
        const Matrix a = numbers(8, 4, i);
        const Matrix b = numbers(4, 8, i + 100);
        const Matrix c = numbers(8, 8, i + 200);
        const Image in_a = image_of(a, 64, layouts.a_rows);
        const Image in_b = image_of(b, 64, layouts.b_rows);
        const Image in_c = image_of(c, 64, layouts.c_rows);
        Image out = image_of(Matrix(8, 8), 64, layouts.d_rows);
        Device device(program(form, layouts, ""));
        Launch launch;
        launch.kernel = "k";
        launch.block = {32, 1, 1};
        const Report report = device.launch(
            launch,
            {device.input("a", in_a.bytes),
             device.input("b", in_b.bytes),
             device.input("c", in_c.bytes),
             device.in_out("d", out.bytes),
             value(in_a.stride),
             value(in_b.stride),
             value(in_c.stride),
             value(out.stride)});
        INFO(device.text(report));
        REQUIRE(report.ending == Ending::completed);
        out.bytes = device.read<std::uint8_t>("d");
        const Matrix d = matrix_in(out, 8, 8, 64, layouts.d_rows);
        for (int m = 0; m < 8; ++m) {
            for (int n = 0; n < 8; ++n) {
                double sum = std::bit_cast<double>(c.at(m, n));
                for (int k = 0; k < 4; ++k) {
                    sum += std::bit_cast<double>(a.at(m, k)) * std::bit_cast<double>(b.at(k, n));
                }
                CHECK(std::bit_cast<double>(d.at(m, n)) == sum);
            }
        }
    }
}

TEST_CASE("wmma s8: every shape and layout and mixture of signs") {
    KW_GOLDEN("wmma_mma_s8");
    for (const bool saturate : {false, true}) {
        for (const char* type : {"s8", "u8"}) {
            check({16, 16, 16, type, type, "s32", "s32", 2, 2, 8, saturate});
            check({32, 8, 16, type, type, "s32", "s32", 4, 1, 8, saturate});
            check({8, 32, 16, type, type, "s32", "s32", 1, 4, 8, saturate});
        }
    }
    check({16, 16, 16, "s8", "u8", "s32", "s32", 2, 2, 8});
    check({16, 16, 16, "u8", "s8", "s32", "s32", 2, 2, 8});
}

TEST_CASE("wmma s4 and b1: small elements") {
    KW_GOLDEN("wmma_load_a_small");
    KW_GOLDEN("wmma_load_b_small");
    KW_GOLDEN("wmma_load_a_b1");
    KW_GOLDEN("wmma_load_b_b1");
    KW_GOLDEN("wmma_load_c_small");
    KW_GOLDEN("wmma_store_small");
    KW_GOLDEN("wmma_mma_s4");
    KW_GOLDEN("wmma_mma_b1");
    check({8, 8, 32, "s4", "s4", "s32", "s32", 1, 1, 2});
    check({8, 8, 32, "u4", "u4", "s32", "s32", 1, 1, 2, true});
    check({8, 8, 32, "s4", "u4", "s32", "s32", 1, 1, 2});
    check({8, 8, 128, "b1", "b1", "s32", "s32", 1, 1, 2});  // and.popc is the product of bits
}

TEST_CASE("wmma: a tile that runs over the end of its buffer is found") {
    const Form form{16, 16, 16, "f16", "f16", "f32", "f32", 8, 8, 8};
    const Layouts layouts{true, false, true, true};
    Device device(program(form, layouts, ".global"));
    Launch launch;
    launch.kernel = "k";
    launch.block = {32, 1, 1};
    const std::vector<std::uint16_t> a(16 * 16 - 8);
    const std::vector<std::uint16_t> b(16 * 16);
    const std::vector<float> c(16 * 16);
    const Report report = device.launch(
        launch,
        {device.input("a", a),
         device.input("b", b),
         device.input("c", c),
         device.in_out("d", c),
         value(16),
         value(16),
         value(16),
         value(16)});
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == FindingKind::out_of_bounds);
    CHECK(report.findings[0].allocation == "a");
    CHECK_FALSE(report.findings[0].write);
}

TEST_CASE("wmma: kernels that nvcc made multiply tiles in f16 and s8") {
    constexpr int k_n = 32;
    constexpr int k_k = 64;
    Device device(fixture("wmma_f16.ptx"));
    device.options.checks = Checks::all();
    Random random{3};
    std::vector<std::uint16_t> a(k_n * k_k);
    std::vector<std::uint16_t> b(k_n * k_k);
    std::vector<std::int8_t> sa(k_n * k_k);
    std::vector<std::int8_t> sb(k_n * k_k);
    for (std::size_t i = 0; i < a.size(); ++i) {
        sa[i] = static_cast<std::int8_t>(random.below(17) - 8);
        sb[i] = static_cast<std::int8_t>(random.below(17) - 8);
        a[i] = static_cast<std::uint16_t>(f16_bits(sa[i]));
        b[i] = static_cast<std::uint16_t>(f16_bits(sb[i]));
    }
    Launch launch;
    launch.block = {32, 1, 1};
    launch.grid = {k_n / 16, k_n / 16, 1};
    launch.kernel = "wmma_f16";
    const Report real = device.launch(
        launch,
        {device.input("a", a),
         device.input("b", b),
         device.output<float>("c", k_n * k_n),
         value(k_n),
         value(k_k)});
    INFO(device.text(real));
    REQUIRE(real.ending == Ending::completed);
    CHECK(real.findings.empty());
    launch.kernel = "wmma_s8";
    const Report whole = device.launch(
        launch,
        {device.input("sa", sa),
         device.input("sb", sb),
         device.output<int>("sc", k_n * k_n),
         value(k_n),
         value(k_k)});
    INFO(device.text(whole));
    REQUIRE(whole.ending == Ending::completed);
    CHECK(whole.findings.empty());
    const std::vector<float> c = device.read<float>("c");
    const std::vector<int> sc = device.read<int>("sc");
    for (std::size_t m = 0; m < k_n; ++m) {
        for (std::size_t n = 0; n < k_n; ++n) {
            int sum = 0;
            for (std::size_t k = 0; k < k_k; ++k) {
                sum += sa[m * k_k + k] * sb[n * k_k + k];
            }
            CHECK(sc[m * k_n + n] == sum);
            CHECK(c[m * k_n + n] == 0.5F * static_cast<float>(sum));
        }
    }
}
