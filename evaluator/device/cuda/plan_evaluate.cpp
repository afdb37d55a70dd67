// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/plan_evaluate.hpp"

#include <algorithm>

namespace kw::cuda {
namespace {

constexpr std::int64_t k_most_workspace = std::int64_t{16} << 30;
constexpr std::int64_t k_most_cluster = 8;
constexpr std::array<const char*, 3> k_axis{"x", "y", "z"};
constexpr std::array<std::int64_t, 3> k_most_grid{2147483647, 65535, 65535};
constexpr std::array<std::int64_t, 3> k_most_block{1024, 1024, 64};

std::string shown(const std::array<std::uint32_t, 3>& sizes) {
    return "(" + std::to_string(sizes[0]) + ", " + std::to_string(sizes[1]) + ", " +
           std::to_string(sizes[2]) + ")";
}

class LaunchEvaluator {
public:
    LaunchEvaluator(const Launch& launch, const PlanValues& values, const DeviceConstants& device)
        : launch_(launch)
        , values_(values)
        , device_(device) {}

    Result<EvaluatedLaunch> run() {
        out_.kernel = launch_.kernel;
        out_.at = launch_.at;
        out_.cooperative = launch_.cooperative;
        KW_TRY(sizes("grid", launch_.grid, k_most_grid, out_.grid));
        KW_TRY(sizes("block", launch_.block, k_most_block, out_.block));
        const std::int64_t threads = std::int64_t{out_.block[0]} * out_.block[1] * out_.block[2];
        if (threads > device_.max_threads) {
            return values_.fail(
                launch_.block[0].at,
                "the block has " + std::to_string(threads) + " threads",
                "at most " + std::to_string(device_.max_threads));
        }
        KW_TRY(cluster());
        if (!launch_.smem.expr.empty()) {
            KW_TRY_ASSIGN(
                const std::int64_t bytes,
                values_.in_range(launch_.smem, "smem", 0, device_.max_smem));
            out_.smem = static_cast<std::uint32_t>(bytes);
        }
        KW_TRY(args());
        return std::move(out_);
    }

private:
    Result<void> sizes(
        const std::string& what,
        const std::array<PlanExpr, 3>& from,
        const std::array<std::int64_t, 3>& most,
        std::array<std::uint32_t, 3>& into) {
        for (std::size_t i = 0; i < 3; ++i) {
            KW_TRY_ASSIGN(
                const std::int64_t value,
                values_.in_range(from[i], what + "." + k_axis[i], 1, most[i]));
            into[i] = static_cast<std::uint32_t>(value);
        }
        return {};
    }

    Result<void> cluster() {
        if (launch_.cluster[0].expr.empty()) {
            return {};
        }
        const SourcePlace at = launch_.cluster[0].at;
        if (device_.cc < 90) {
            return values_.fail(at, "a cluster on sm_" + std::to_string(device_.cc), "sm_90");
        }
        KW_TRY(sizes(
            "cluster",
            launch_.cluster,
            {k_most_cluster, k_most_cluster, k_most_cluster},
            out_.cluster));
        const std::int64_t blocks =
            std::int64_t{out_.cluster[0]} * out_.cluster[1] * out_.cluster[2];
        if (blocks > k_most_cluster) {
            return values_.fail(
                at, "the cluster has " + std::to_string(blocks) + " blocks", "at most 8");
        }
        for (std::size_t i = 0; i < 3; ++i) {
            if (out_.grid[i] % out_.cluster[i] != 0) {
                return values_.fail(
                    at,
                    "cluster " + shown(out_.cluster) + " does not divide the grid " +
                        shown(out_.grid),
                    "a grid that is a multiple of it");
            }
        }
        return {};
    }

    Result<void> args() {
        for (const LaunchArg& arg : launch_.args) {
            EvaluatedArg value;
            value.kind = arg.kind;
            value.name = arg.name;
            value.real = arg.real;
            value.at = arg.at;
            value.text = arg.text;
            if (arg.kind == LaunchArg::Kind::scalar) {
                KW_TRY_ASSIGN(value.value, values_.value(arg.value, "an argument"));
            }
            out_.args.push_back(std::move(value));
        }
        return {};
    }

    const Launch& launch_;
    const PlanValues& values_;
    const DeviceConstants& device_;
    EvaluatedLaunch out_;
};

bool is_used(const std::string& tensormap, const std::vector<EvaluatedLaunch>& launches) {
    const auto takes = [&tensormap](const EvaluatedArg& arg) {
        return arg.kind == LaunchArg::Kind::tensormap && arg.name == tensormap;
    };
    return std::any_of(launches.begin(), launches.end(), [&](const EvaluatedLaunch& launch) {
        return std::any_of(launch.args.begin(), launch.args.end(), takes);
    });
}

}  // namespace

Error plan_error(SourcePlace at, const std::string& what, const std::string& expected) {
    std::string text = std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + what;
    if (!expected.empty()) {
        text += "; expected " + expected;
    }
    return {Errc::config, text, "see docs/launch-plan.md"};
}

PlanValues::PlanValues(const LaunchPlan& plan, const DimMap& dims, const DeviceConstants& device)
    : values_(constant_map(device)) {
    for (const auto& [name, value] : plan.constants) {
        values_[name] = value;
    }
    for (const auto& [name, value] : dims) {
        values_[name] = value;
        shape_ += " " + name + "=" + std::to_string(value);
    }
}

Error PlanValues::fail(SourcePlace at, const std::string& what, const std::string& expected) const {
    return plan_error(at, what + (shape_.empty() ? "" : " at" + shape_), expected);
}

Result<std::int64_t> PlanValues::value(const PlanExpr& expr, const std::string& what) const {
    if (expr.expr.empty()) {
        return fail(expr.at, what + " has no expression", {});
    }
    Result<std::int64_t> result = expr.expr.eval(values_);
    return result ? result : Result<std::int64_t>(fail(expr.at, result.error().what, {}));
}

Result<std::int64_t> PlanValues::in_range(
    const PlanExpr& expr, const std::string& what, std::int64_t least, std::int64_t most) const {
    KW_TRY_ASSIGN(const std::int64_t result, value(expr, what));
    if (result < least || result > most) {
        return fail(
            expr.at,
            what + " is " + std::to_string(result),
            std::to_string(least) + " to " + std::to_string(most));
    }
    return result;
}

Result<BufferSizes> buffer_sizes(const Task& task, const DimMap& dims) {
    BufferSizes sizes;
    for (const Arg& arg : task.args) {
        KW_TRY_ASSIGN(sizes[arg.name], byte_size(arg, dims));
    }
    return sizes;
}

Result<EvaluatedPlan> evaluate(
    const LaunchPlan& plan,
    const DimMap& dims,
    const DeviceConstants& device,
    const BufferSizes& sizes) {
    const PlanValues values(plan, dims, device);
    EvaluatedPlan out;
    BufferSizes all = sizes;
    std::int64_t total = 0;
    for (const Workspace& space : plan.workspaces) {
        KW_TRY_ASSIGN(
            const std::int64_t bytes,
            values.in_range(
                space.bytes, "the workspace " + in_message(space.name), 0, k_most_workspace));
        total += bytes;
        if (total > k_most_workspace) {
            return values.fail(space.bytes.at, "all workspaces are too large", "16 GiB together");
        }
        out.workspaces.push_back({space.name, bytes});
        all[space.name] = bytes;
    }
    for (const Launch& launch : plan.launches) {
        if (!launch.when.expr.empty()) {
            KW_TRY_ASSIGN(const std::int64_t when, values.value(launch.when, "when"));
            if (when == 0) {
                continue;
            }
        }
        KW_TRY_ASSIGN(EvaluatedLaunch one, LaunchEvaluator(launch, values, device).run());
        out.launches.push_back(std::move(one));
    }
    // A map that no remaining launch takes may be anything.
    for (const TensorMap& map : plan.tensormaps) {
        if (is_used(map.name, out.launches)) {
            KW_TRY_ASSIGN(EvaluatedTensorMap one, evaluate_tensormap(map, values, all));
            out.tensormaps.push_back(std::move(one));
        }
    }
    if (out.launches.empty()) {
        const SourcePlace at =
            plan.launches.empty() ? SourcePlace{1, 1} : plan.launches.front().when.at;
        return values.fail(at, "no launch remains", "one whose `when` holds");
    }
    return out;
}

}  // namespace kw::cuda
