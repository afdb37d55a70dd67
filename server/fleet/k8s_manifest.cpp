// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/k8s_manifest.hpp"

#include "server/fleet/slurm_script.hpp"

#include <algorithm>
#include <array>

namespace kw::server {
namespace {

/// A double-quoted scalar: no text is a number, a boolean, an anchor or the end of a line.
std::string yaml(std::string_view text) {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += std::string("\\") + c;
        } else if (byte < 0x20 || byte == 0x7F) {
            out += std::string("\\x") + k_digits[byte >> 4] + k_digits[byte & 15];
        } else {
            out += c;
        }
    }
    return out + "\"";
}

/// Kubernetes puts variables in place of $(NAME), in arguments and values.
std::string literal(std::string text) {
    for (std::size_t at = text.find("$("); at != std::string::npos; at = text.find("$(", at + 3)) {
        text.insert(at, "$");
    }
    return yaml(text);
}

/// A name of Kubernetes: RFC 1123 label.
bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

Result<void> check_label(const std::string& key, const std::string& value) {
    if (!is_label(value)) {
        return Error{
            Errc::config,
            key + " must be a name of Kubernetes: a-z, 0-9 and -, at most 63 characters",
            "see `kwright config show`"};
    }
    return {};
}

Result<void> check(const FleetSettings& settings, int workers) {
    KW_TRY(check_fleet(settings));
    KW_TRY(check_label("fleet.name", settings.name));
    KW_TRY(check_label("fleet.secret", settings.secret));
    if (!settings.k8s_namespace.empty()) {
        KW_TRY(check_label("fleet.namespace", settings.k8s_namespace));
    }
    if (settings.container.empty()) {
        return Error{
            Errc::config,
            "fleet.container is empty: a Kubernetes Job needs an image that holds kwright",
            "set it in kwright.toml, or pass --image"};
    }
    if (workers < 1 || workers > k_most_workers) {
        return Error{
            Errc::usage,
            "a fleet is started with 1 to " + std::to_string(k_most_workers) + " workers",
            ""};
    }
    return {};
}

std::string metadata(const FleetSettings& settings) {
    return "apiVersion: batch/v1\n"
           "kind: Job\n"
           "metadata:\n"
           "  name: " +
           yaml(settings.name) + "\n" +
           (settings.k8s_namespace.empty() ? ""
                                           : "  namespace: " + yaml(settings.k8s_namespace) + "\n");
}

/// Timing wants a node to itself.
std::string affinity(const FleetSettings& settings) {
    if (!settings.exclusive) {
        return "";
    }
    return "      affinity:\n"
           "        podAntiAffinity:\n"
           "          requiredDuringSchedulingIgnoredDuringExecution:\n"
           "            - topologyKey: kubernetes.io/hostname\n"
           "              labelSelector:\n"
           "                matchLabels:\n"
           "                  app: " +
           yaml(settings.name) + "\n";
}

std::string arguments(const FleetSettings& settings) {
    std::string text =
        "          command: [" + yaml(settings.program.string()) + "]\n" + "          args:\n";
    const auto add = [&](const std::string& word) {
        text += "            - " + literal(word) + "\n";
    };
    for (const std::string& word :
         {std::string("serve"),
          std::string("worker"),
          std::string("--connect"),
          settings.url,
          std::string("--drain"),
          std::to_string(drain_within(settings))}) {
        add(word);
    }
    for (const std::string& device : settings.devices) {
        add("--device");
        add(device);
    }
    return text;
}

std::string environment(const FleetSettings& settings) {
    std::string text =
        "          env:\n"
        "            - name: KWRIGHT_TOKEN\n"
        "              valueFrom:\n"
        "                secretKeyRef:\n"
        "                  name: " +
        yaml(settings.secret) +
        "\n"
        "                  key: token\n"
        "            - name: KWRIGHT_CACHE_DIR\n"
        "              value: " +
        literal(settings.cache_dir.empty() ? "/var/tmp/kwright" : settings.cache_dir.string()) +
        "\n";
    for (const auto& [name, value] : settings.environment) {
        text +=
            "            - name: " + yaml(name) + "\n              value: " + literal(value) + "\n";
    }
    return text;
}

std::string resources(const FleetSettings& settings) {
    std::string limits;
    if (settings.cpus > 0) {
        limits += "              cpu: " + yaml(std::to_string(settings.cpus)) + "\n";
    }
    if (!settings.memory.empty()) {
        const bool unit = settings.memory.back() >= 'A';  // Slurm's G is Kubernetes's Gi
        limits += "              memory: " + yaml(settings.memory + (unit ? "i" : "Mi")) + "\n";
    }
    if (const int gpus = gpus_of(settings.gres); gpus > 0) {
        limits += "              nvidia.com/gpu: " + yaml(std::to_string(gpus)) + "\n";
    }
    return limits.empty() ? "" : "          resources:\n            limits:\n" + limits;
}

}  // namespace

Result<std::string> k8s_manifest(const FleetSettings& settings, int workers) {
    KW_TRY(check(settings, workers));
    return metadata(settings) + "spec:\n  parallelism: " + std::to_string(workers) +
           "\n  backoffLimit: 1000000\n"
           "  template:\n"
           "    metadata:\n"
           "      labels:\n"
           "        app: " +
           yaml(settings.name) +
           "\n"
           "    spec:\n"
           "      restartPolicy: OnFailure\n"
           "      automountServiceAccountToken: false\n"
           "      hostUsers: false\n"
           "      terminationGracePeriodSeconds: " +
           std::to_string(settings.drain_s) + "\n" + affinity(settings) +
           "      containers:\n"
           "        - name: worker\n"
           "          image: " +
           yaml(settings.container) + "\n" + arguments(settings) + environment(settings) +
           resources(settings) +
           "          # The sandbox of candidates makes namespaces of its own.\n"
           "          securityContext:\n"
           "            allowPrivilegeEscalation: false\n"
           "            procMount: Unmasked\n"
           "            seccompProfile:\n"
           "              type: Unconfined\n";
}

}  // namespace kw::server
