// SPDX-License-Identifier: Apache-2.0
// Precedence climbing. Recursion and tree depth are both capped, so hostile text cannot exhaust the
// stack here, in eval(), in to_c() or in the destructor.
#include "core/ascii.hpp"
#include "core/dim_expr_node.hpp"

#include <algorithm>
#include <array>

namespace kw {
namespace {

constexpr int k_max_depth = 64;
constexpr std::size_t k_max_length = 4096;

using NodePtr = std::shared_ptr<const DimExpr::Node>;

struct Infix {
    std::string_view symbol;
    Op op;
    int precedence;  ///< as in C, higher binds tighter
};

// Two-character symbols first: the first match wins.
constexpr std::array<Infix, 13> k_infix{{
    {"<=", Op::less_equal, 4},
    {">=", Op::greater_equal, 4},
    {"==", Op::equal, 3},
    {"!=", Op::not_equal, 3},
    {"&&", Op::logical_and, 2},
    {"||", Op::logical_or, 1},
    {"<", Op::less, 4},
    {">", Op::greater, 4},
    {"+", Op::add, 5},
    {"-", Op::subtract, 5},
    {"*", Op::multiply, 6},
    {"/", Op::divide, 6},
    {"%", Op::remainder, 6},
}};
constexpr int k_relational = 4;

bool is_name_start(char c) {
    return is_letter(c) || c == '_';
}
int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

class Parser {
public:
    explicit Parser(std::string_view text)
        : text_(text) {}

    Result<NodePtr> parse() {
        if (text_.size() > k_max_length) {
            return fail(
                1, "the expression is longer than " + std::to_string(k_max_length) + " characters");
        }
        KW_TRY_ASSIGN(NodePtr root, choice());
        skip_space();
        if (at_ < text_.size()) {
            return fail(at_ + 1, "expected an operator or the end, found " + shown_here());
        }
        return root;
    }

private:
    Error fail(std::size_t column, const std::string& what) const {
        return dim_expr_error(text_, column, what);
    }

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    bool take(char c) {
        skip_space();
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    std::string shown_here() const {
        if (at_ >= text_.size()) {
            return "the end";
        }
        const char c = text_[at_];
        if (c < ' ' || c > '~') {
            return "byte " + std::to_string(static_cast<unsigned char>(c));
        }
        return std::string("'") + c + "'";
    }

    Result<NodePtr> make(
        Op op, std::size_t column, NodePtr a, NodePtr b = nullptr, NodePtr c = nullptr) const {
        auto node = std::make_shared<DimExpr::Node>();
        node->op = op;
        node->column = column;
        for (const NodePtr* child : {&a, &b, &c}) {
            node->depth = std::max(node->depth, *child ? (*child)->depth + 1 : 1);
        }
        if (node->depth > k_max_depth) {
            return too_deep(column);
        }
        node->a = std::move(a);
        node->b = std::move(b);
        node->c = std::move(c);
        return NodePtr(std::move(node));
    }

    Error too_deep(std::size_t column) const {
        return fail(column, "nested deeper than " + std::to_string(k_max_depth) + " levels");
    }

    // Counts the recursion of choice() and unary(), the two ways to nest.
    struct Level {
        explicit Level(int& depth)
            : depth_(depth) {
            ++depth_;
        }
        ~Level() { --depth_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;
        int& depth_;
    };

    Result<NodePtr> choice() {
        const Level level(depth_);
        if (depth_ > k_max_depth) {
            return too_deep(at_ + 1);
        }
        KW_TRY_ASSIGN(NodePtr condition, infix(1));
        skip_space();
        const std::size_t column = at_ + 1;
        if (!take('?')) {
            return condition;
        }
        KW_TRY_ASSIGN(NodePtr yes, choice());
        if (!take(':')) {
            return fail(at_ + 1, "expected ':' of '?:', found " + shown_here());
        }
        KW_TRY_ASSIGN(NodePtr no, choice());
        return make(Op::choose, column, std::move(condition), std::move(yes), std::move(no));
    }

    const Infix* next_infix() {
        skip_space();
        const std::string_view rest = text_.substr(std::min(at_, text_.size()));
        for (const Infix& candidate : k_infix) {
            if (rest.starts_with(candidate.symbol)) {
                return &candidate;
            }
        }
        return nullptr;
    }

    Result<NodePtr> infix(int least) {
        KW_TRY_ASSIGN(NodePtr left, unary());
        bool compared = false;
        while (true) {
            const Infix* found = next_infix();
            if (found == nullptr || found->precedence < least) {
                return left;
            }
            const std::size_t column = at_ + 1;
            if (found->precedence == k_relational && compared) {
                return fail(column, "comparisons do not chain: write 'a < b && b < c'");
            }
            compared = found->precedence == k_relational;
            at_ += found->symbol.size();
            KW_TRY_ASSIGN(NodePtr right, infix(found->precedence + 1));
            KW_TRY_ASSIGN(left, make(found->op, column, std::move(left), std::move(right)));
        }
    }

    Result<NodePtr> unary() {
        const Level level(depth_);
        skip_space();
        const std::size_t column = at_ + 1;
        if (depth_ > k_max_depth) {
            return too_deep(column);
        }
        if (take('-')) {
            KW_TRY_ASSIGN(NodePtr operand, unary());
            return make(Op::negate, column, std::move(operand));
        }
        if (take('!')) {
            KW_TRY_ASSIGN(NodePtr operand, unary());
            return make(Op::logical_not, column, std::move(operand));
        }
        return primary();
    }

    Result<NodePtr> primary() {
        skip_space();
        if (at_ < text_.size() && is_digit(text_[at_])) {
            return number();
        }
        if (at_ < text_.size() && is_name_start(text_[at_])) {
            return name_or_call();
        }
        if (take('(')) {
            KW_TRY_ASSIGN(NodePtr inner, choice());
            if (!take(')')) {
                return fail(at_ + 1, "expected ')', found " + shown_here());
            }
            return inner;
        }
        return fail(at_ + 1, "expected a number, a name or '(', found " + shown_here());
    }

    Result<NodePtr> name_or_call() {
        const std::size_t start = at_;
        while (at_ < text_.size() && is_word(text_[at_])) {
            ++at_;
        }
        const std::string_view word = text_.substr(start, at_ - start);
        if (!take('(')) {
            auto node = std::make_shared<DimExpr::Node>();
            node->op = Op::name;
            node->column = start + 1;
            node->name = word;
            return NodePtr(std::move(node));
        }
        Op op = Op::min;
        if (word == "max") {
            op = Op::max;
        } else if (word == "ceil_div") {
            op = Op::ceil_div;
        } else if (word != "min") {
            return fail(
                start + 1,
                "unknown function '" + std::string(word) + "' (known: ceil_div, min, max)");
        }
        KW_TRY_ASSIGN(NodePtr a, choice());
        if (!take(',')) {
            return fail(at_ + 1, "expected ',' between two arguments, found " + shown_here());
        }
        KW_TRY_ASSIGN(NodePtr b, choice());
        if (!take(')')) {
            return fail(at_ + 1, "expected ')' after two arguments, found " + shown_here());
        }
        return make(op, start + 1, std::move(a), std::move(b));
    }

    Result<NodePtr> number() {
        const std::size_t start = at_;
        const bool hex = text_.substr(at_).starts_with("0x") || text_.substr(at_).starts_with("0X");
        const std::int64_t base = hex ? 16 : 10;
        at_ += hex ? 2 : 0;
        const std::size_t digits = at_;
        std::int64_t value = 0;
        bool fits = true;
        while (at_ < text_.size() && hex_digit(text_[at_]) >= 0 && hex_digit(text_[at_]) < base) {
            fits = append_digit(value, base, hex_digit(text_[at_])) && fits;
            ++at_;
        }
        if (at_ == digits) {
            return fail(start + 1, "expected a digit after '0x'");
        }
        if (!hex && at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
            fits = exponent(value) && fits;
        }
        if (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.')) {
            return fail(at_ + 1, "a number cannot hold " + shown_here() + ": integers only");
        }
        if (!fits) {
            return fail(start + 1, "the number does not fit 64 bits");
        }
        auto node = std::make_shared<DimExpr::Node>();
        node->column = start + 1;
        node->value = value;
        return NodePtr(std::move(node));
    }

    static bool append_digit(std::int64_t& value, std::int64_t base, int digit) {
        return !__builtin_mul_overflow(value, base, &value) &&
               !__builtin_add_overflow(value, std::int64_t{digit}, &value);
    }

    /// The "e6" of 1e6. Leaves `at_` on the 'e' when no digit follows: then it is reported as such.
    bool exponent(std::int64_t& value) {
        std::size_t end = at_ + 1;
        int power = 0;
        while (end < text_.size() && is_digit(text_[end])) {
            power = std::min(power * 10 + (text_[end] - '0'), 1000);
            ++end;
        }
        at_ = end == at_ + 1 ? at_ : end;
        bool fits = true;
        for (int i = 0; i < power && value != 0 && fits; ++i) {
            fits = !__builtin_mul_overflow(value, std::int64_t{10}, &value);
        }
        return fits;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

Result<NodePtr> parse_dim_expr(std::string_view text) {
    return Parser(text).parse();
}

}  // namespace kw
