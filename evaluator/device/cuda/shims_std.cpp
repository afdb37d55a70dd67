// SPDX-License-Identifier: Apache-2.0
// C++ headers in as much as device code uses them: names of libcu++ under those of the standard.
// Only what nvcc makes of the host's headers in device code, too (--expt-relaxed-constexpr).
#include "evaluator/device/cuda/shims.hpp"

namespace kw::cuda {
namespace {

constexpr std::string_view k_algorithm = R"(#pragma once
namespace std {
template <class T> __host__ __device__ constexpr const T& min(const T& a, const T& b) {
    return b < a ? b : a;
}
template <class T> __host__ __device__ constexpr const T& max(const T& a, const T& b) {
    return a < b ? b : a;
}
template <class T> __host__ __device__ constexpr T min(initializer_list<T> all) {
    T least = *all.begin();
    for (const T& one : all) least = one < least ? one : least;
    return least;
}
template <class T> __host__ __device__ constexpr T max(initializer_list<T> all) {
    T most = *all.begin();
    for (const T& one : all) most = most < one ? one : most;
    return most;
}
template <class T> __host__ __device__ constexpr const T& clamp(const T& v, const T& a, const T& b) {
    return v < a ? a : (b < v ? b : v);
}
}
)";

constexpr std::string_view k_type_traits = R"(#pragma once
#include <cuda/std/type_traits>
namespace std {
using cuda::std::add_const;
using cuda::std::add_const_t;
using cuda::std::add_cv;
using cuda::std::add_cv_t;
using cuda::std::add_lvalue_reference;
using cuda::std::add_lvalue_reference_t;
using cuda::std::add_pointer;
using cuda::std::add_pointer_t;
using cuda::std::add_rvalue_reference;
using cuda::std::add_rvalue_reference_t;
using cuda::std::add_volatile;
using cuda::std::add_volatile_t;
using cuda::std::alignment_of;
using cuda::std::alignment_of_v;
using cuda::std::bool_constant;
using cuda::std::common_type;
using cuda::std::common_type_t;
using cuda::std::conditional;
using cuda::std::conditional_t;
using cuda::std::conjunction;
using cuda::std::conjunction_v;
using cuda::std::decay;
using cuda::std::decay_t;
using cuda::std::disjunction;
using cuda::std::disjunction_v;
using cuda::std::enable_if;
using cuda::std::enable_if_t;
using cuda::std::extent;
using cuda::std::extent_v;
using cuda::std::false_type;
using cuda::std::integral_constant;
using cuda::std::invoke_result;
using cuda::std::invoke_result_t;
using cuda::std::is_arithmetic;
using cuda::std::is_arithmetic_v;
using cuda::std::is_array;
using cuda::std::is_array_v;
using cuda::std::is_assignable;
using cuda::std::is_assignable_v;
using cuda::std::is_base_of;
using cuda::std::is_base_of_v;
using cuda::std::is_class;
using cuda::std::is_class_v;
using cuda::std::is_compound;
using cuda::std::is_compound_v;
using cuda::std::is_const;
using cuda::std::is_const_v;
using cuda::std::is_constructible;
using cuda::std::is_constructible_v;
using cuda::std::is_convertible;
using cuda::std::is_convertible_v;
using cuda::std::is_default_constructible;
using cuda::std::is_default_constructible_v;
using cuda::std::is_empty;
using cuda::std::is_empty_v;
using cuda::std::is_enum;
using cuda::std::is_enum_v;
using cuda::std::is_final;
using cuda::std::is_final_v;
using cuda::std::is_floating_point;
using cuda::std::is_floating_point_v;
using cuda::std::is_function;
using cuda::std::is_function_v;
using cuda::std::is_fundamental;
using cuda::std::is_fundamental_v;
using cuda::std::is_integral;
using cuda::std::is_integral_v;
using cuda::std::is_invocable;
using cuda::std::is_invocable_r;
using cuda::std::is_invocable_r_v;
using cuda::std::is_invocable_v;
using cuda::std::is_lvalue_reference;
using cuda::std::is_lvalue_reference_v;
using cuda::std::is_object;
using cuda::std::is_object_v;
using cuda::std::is_pointer;
using cuda::std::is_pointer_v;
using cuda::std::is_reference;
using cuda::std::is_reference_v;
using cuda::std::is_rvalue_reference;
using cuda::std::is_rvalue_reference_v;
using cuda::std::is_same;
using cuda::std::is_same_v;
using cuda::std::is_scalar;
using cuda::std::is_scalar_v;
using cuda::std::is_signed;
using cuda::std::is_signed_v;
using cuda::std::is_standard_layout;
using cuda::std::is_standard_layout_v;
using cuda::std::is_trivial;
using cuda::std::is_trivial_v;
using cuda::std::is_trivially_copyable;
using cuda::std::is_trivially_copyable_v;
using cuda::std::is_union;
using cuda::std::is_union_v;
using cuda::std::is_unsigned;
using cuda::std::is_unsigned_v;
using cuda::std::is_void;
using cuda::std::is_void_v;
using cuda::std::is_volatile;
using cuda::std::is_volatile_v;
using cuda::std::make_signed;
using cuda::std::make_signed_t;
using cuda::std::make_unsigned;
using cuda::std::make_unsigned_t;
using cuda::std::negation;
using cuda::std::negation_v;
using cuda::std::rank;
using cuda::std::rank_v;
using cuda::std::remove_all_extents;
using cuda::std::remove_all_extents_t;
using cuda::std::remove_const;
using cuda::std::remove_const_t;
using cuda::std::remove_cv;
using cuda::std::remove_cv_t;
using cuda::std::remove_extent;
using cuda::std::remove_extent_t;
using cuda::std::remove_pointer;
using cuda::std::remove_pointer_t;
using cuda::std::remove_reference;
using cuda::std::remove_reference_t;
using cuda::std::remove_volatile;
using cuda::std::remove_volatile_t;
using cuda::std::true_type;
using cuda::std::underlying_type;
using cuda::std::underlying_type_t;
using cuda::std::void_t;
}
)";

constexpr std::string_view k_limits = R"(#pragma once
#include <cuda/std/limits>
namespace std {
using cuda::std::numeric_limits;
}
)";

constexpr std::string_view k_utility = R"(#pragma once
#include <algorithm>
#include <cuda/std/utility>
namespace std {
using cuda::std::declval;
using cuda::std::get;
using cuda::std::index_sequence;
using cuda::std::index_sequence_for;
using cuda::std::integer_sequence;
using cuda::std::make_index_sequence;
using cuda::std::make_integer_sequence;
using cuda::std::make_pair;
using cuda::std::pair;
using cuda::std::tuple_element_t;
using cuda::std::tuple_size_v;
}
)";

constexpr std::string_view k_array = R"(#pragma once
#include <cuda/std/array>
namespace std {
using cuda::std::array;
using cuda::std::get;
}
)";

constexpr std::string_view k_tuple = R"(#pragma once
#include <cuda/std/tuple>
namespace std {
using cuda::std::apply;
using cuda::std::forward_as_tuple;
using cuda::std::get;
using cuda::std::make_tuple;
using cuda::std::tie;
using cuda::std::tuple;
using cuda::std::tuple_cat;
using cuda::std::tuple_element_t;
using cuda::std::tuple_size_v;
}
)";

constexpr std::string_view k_functional = R"(#pragma once
#include <cuda/std/functional>
namespace std {
using cuda::std::bit_and;
using cuda::std::bit_not;
using cuda::std::bit_or;
using cuda::std::bit_xor;
using cuda::std::divides;
using cuda::std::equal_to;
using cuda::std::greater;
using cuda::std::greater_equal;
using cuda::std::invoke;
using cuda::std::less;
using cuda::std::less_equal;
using cuda::std::logical_and;
using cuda::std::logical_not;
using cuda::std::logical_or;
using cuda::std::minus;
using cuda::std::modulus;
using cuda::std::multiplies;
using cuda::std::negate;
using cuda::std::not_equal_to;
using cuda::std::plus;
}
)";

constexpr std::string_view k_nothing = "#pragma once\n";

}  // namespace

std::vector<Shim> std_shims() {
    return {
        {"algorithm", k_algorithm},
        {"array", k_array},
        {"functional", k_functional},
        {"initializer_list", k_nothing},
        {"limits", k_limits},
        {"new", k_nothing},
        {"tuple", k_tuple},
        {"type_traits", k_type_traits},
        {"utility", k_utility}};
}

}  // namespace kw::cuda
