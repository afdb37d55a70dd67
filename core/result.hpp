// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value, or an Error that says why the *world* did not allow it. A bad candidate is
// never an Error: it is a Verdict (core/verdict.hpp). A broken invariant is a KW_CHECK
// (core/check.hpp).
#pragma once

#include "core/check.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace kw {

/// What kind of thing went wrong; it fixes the exit code of the program (see exit_code()).
enum class Errc {
    usage,   ///< the caller asked for something that cannot be: unknown task, bad flag (exit 2)
    config,  ///< a configuration or task file does not say what it must (exit 2)
    environment,  ///< compiler, sandbox, device, disk, port (exit 3)
    model,        ///< the model API gave up (exit 4)
    database,     ///< locked, unwritable, newer schema (exit 5)
    interrupted,  ///< stopped by the user, state saved (exit 130)
    no,           ///< the question was answered with no (exit 1)
};

/// The documented exit code of an error kind (docs/cli/exit-codes.md).
[[nodiscard]] int exit_code(Errc code);

struct Error {
    Errc code = Errc::environment;
    std::string
        what;  ///< lower case, no full stop: what was being done, to which thing, what happened
    std::string hint;  ///< what to do next; may be empty
};

/// A value or an Error; the subset of std::expected (C++23) that this code needs.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value)
        : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Result(Error error)
        : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    [[nodiscard]] T& value() & {
        KW_CHECK(ok());
        return std::get<0>(state_);
    }
    [[nodiscard]] const T& value() const& {
        KW_CHECK(ok());
        return std::get<0>(state_);
    }
    [[nodiscard]] T&& value() && {
        KW_CHECK(ok());
        return std::get<0>(std::move(state_));
    }
    [[nodiscard]] const Error& error() const& {
        KW_CHECK(!ok());
        return std::get<1>(state_);
    }
    [[nodiscard]] Error&& error() && {
        KW_CHECK(!ok());
        return std::get<1>(std::move(state_));
    }

    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error)
        : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] const Error& error() const& {
        KW_CHECK(!ok());
        return *error_;
    }
    [[nodiscard]] Error&& error() && {
        KW_CHECK(!ok());
        return std::move(*error_);
    }

private:
    std::optional<Error> error_;
};

}  // namespace kw

#define KW_CONCAT_INNER(a, b) a##b
#define KW_CONCAT(a, b) KW_CONCAT_INNER(a, b)

/// Return the Error of `expr` from the enclosing function, if it is one.
#define KW_TRY(expr)                                            \
    do {                                                        \
        if (auto kw_try_result = (expr); !kw_try_result.ok()) { \
            return std::move(kw_try_result).error();            \
        }                                                       \
    } while (false)

/// `KW_TRY_ASSIGN(auto x, f())`: bind the value of `f()`, or return its Error.
#define KW_TRY_ASSIGN(declaration, expr)                        \
    auto KW_CONCAT(kw_try_, __LINE__) = (expr);                 \
    if (!KW_CONCAT(kw_try_, __LINE__).ok()) {                   \
        return std::move(KW_CONCAT(kw_try_, __LINE__)).error(); \
    }                                                           \
    declaration = std::move(KW_CONCAT(kw_try_, __LINE__)).value()
