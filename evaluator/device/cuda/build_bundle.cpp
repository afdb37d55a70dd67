// SPDX-License-Identifier: Apache-2.0
// One build as the bytes that the cache keeps: a line of JSON, the PTX, the cubin.
#include "evaluator/device/cuda/build_job.hpp"

#include <nlohmann/json.hpp>

namespace kw::cuda {
namespace {

using Json = nlohmann::json;

constexpr const char* k_schema = "kw-cuda-bundle/1";

Json to_json(const KernelResources& kernel) {
    return {
        {"name", kernel.name},
        {"registers", kernel.registers},
        {"barriers", kernel.barriers},
        {"stack", kernel.stack_bytes},
        {"spill_stores", kernel.spill_store_bytes},
        {"spill_loads", kernel.spill_load_bytes},
        {"smem", kernel.static_smem}};
}

KernelResources from_json(const Json& json) {
    KernelResources kernel;
    json.at("name").get_to(kernel.name);
    json.at("registers").get_to(kernel.registers);
    json.at("barriers").get_to(kernel.barriers);
    json.at("stack").get_to(kernel.stack_bytes);
    json.at("spill_stores").get_to(kernel.spill_store_bytes);
    json.at("spill_loads").get_to(kernel.spill_load_bytes);
    json.at("smem").get_to(kernel.static_smem);
    return kernel;
}

}  // namespace

std::string to_bundle(const Product& product) {
    Json kernels = Json::array();
    for (const KernelResources& kernel : product.kernels) {
        kernels.push_back(to_json(kernel));
    }
    const Json head{
        {"schema", k_schema},
        {"route", product.route},
        {"ptx_bytes", product.ptx.size()},
        {"cubin_bytes", product.cubin.size()},
        {"kernels", std::move(kernels)}};
    return head.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n" + product.ptx +
           product.cubin;
}

std::optional<Product> from_bundle(std::string_view bytes) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    try {
        const Json head = Json::parse(bytes.substr(0, end));
        const auto ptx_bytes = head.at("ptx_bytes").get<std::size_t>();
        const auto cubin_bytes = head.at("cubin_bytes").get<std::size_t>();
        const std::string_view rest = bytes.substr(end + 1);
        if (head.at("schema") != k_schema || ptx_bytes > rest.size() ||
            rest.size() - ptx_bytes != cubin_bytes) {
            return std::nullopt;
        }
        Product product;
        head.at("route").get_to(product.route);
        product.ptx = rest.substr(0, ptx_bytes);
        product.cubin = rest.substr(ptx_bytes);
        for (const Json& kernel : head.at("kernels")) {
            product.kernels.push_back(from_json(kernel));
        }
        return product;
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

}  // namespace kw::cuda
