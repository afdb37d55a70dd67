// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/toolkit.hpp"

#include "tests/support/catch.hpp"

#include <cstdlib>
#include <fstream>
#include <map>

namespace {

namespace fs = std::filesystem;
using namespace kw;
using namespace kw::cuda;

/// A file system of its own, made of empty files.
struct FakeRoot {
    FakeRoot() {
        std::string pattern = (fs::temp_directory_path() / "kw-toolkit-test-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path = fs::canonical(pattern);
        search.file_system_root = path;
        search.environment = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            return found == environment.end() ? std::nullopt : std::optional(found->second);
        };
    }
    FakeRoot(const FakeRoot&) = delete;
    FakeRoot& operator=(const FakeRoot&) = delete;
    ~FakeRoot() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }

    void add(const std::string& file, const std::string& text = "") const {
        fs::create_directories((path / file).parent_path());
        std::ofstream(path / file) << text;
        fs::permissions(path / file, static_cast<fs::perms>(0755));
    }
    void add_toolkit(const std::string& root, const std::string& lib = "lib64") const {
        add(root + "/bin/nvcc");
        add(root + "/bin/ptxas");
        add(root + "/" + lib + "/libnvrtc.so.13");
        add(root + "/" + lib + "/libnvrtc.alt.so.13");
        add(root + "/" + lib + "/libnvrtc-builtins.so.13.0");
        add(root + "/include/cuda_fp16.h");
        add(root + "/include/cccl/cub/cub.cuh");
        add(root + "/include/cuda.h", "#pragma once\n#define CUDA_VERSION 13010\n");
    }
    Toolkit find() const {
        auto toolkit = find_toolkit(search);
        if (!toolkit) {
            FAIL(toolkit.error().what);
        }
        return std::move(toolkit).value();
    }

    fs::path path;
    std::map<std::string, std::string> environment;
    ToolkitSearch search;
};

TEST_CASE("toolkit: none at all is an error of the environment with what to install") {
    const FakeRoot root;
    const auto toolkit = find_toolkit(root.search);
    REQUIRE_FALSE(toolkit);
    CHECK(toolkit.error().code == Errc::environment);
    CHECK(toolkit.error().what == "looking for a CUDA toolkit: none is installed");
    CHECK(toolkit.error().hint.find("CUDA_HOME") != std::string::npos);
}

TEST_CASE("toolkit: the usual folder is read with its parts") {
    const FakeRoot root;
    root.add_toolkit("usr/local/cuda-13.1");
    fs::create_directory_symlink("cuda-13.1", root.path / "usr/local/cuda");
    const Toolkit toolkit = root.find();
    const fs::path base = root.path / "usr/local/cuda-13.1";
    CHECK(toolkit.origin == "/usr/local/cuda");
    CHECK(toolkit.root == base);
    CHECK(toolkit.version == "13.1");
    CHECK(toolkit.nvrtc == base / "lib64/libnvrtc.so.13");
    CHECK(toolkit.nvcc == base / "bin/nvcc");
    CHECK(toolkit.ptxas == base / "bin/ptxas");
    CHECK(toolkit.includes == std::vector<fs::path>{base / "include", base / "include/cccl"});
    CHECK(toolkit.folders == std::vector<fs::path>{base});
    CHECK(toolkit.hash.size() == 64);
}

TEST_CASE("toolkit: the order of search is that of the documentation") {
    FakeRoot root;
    const auto origin = [&] {
        return root.find().origin;
    };
    root.add_toolkit("usr/lib/nvidia-cuda-toolkit");
    CHECK(origin() == "Debian");
    root.add_toolkit("usr/local/lib/python3.11/site-packages/nvidia/cu13", "lib");
    CHECK(origin() == "wheel");
    root.add_toolkit("opt/cuda");
    CHECK(origin() == "/opt/cuda");
    root.add_toolkit("usr/local/cuda-12.9");
    root.add_toolkit("usr/local/cuda-12.10");
    CHECK(origin() == "/usr/local/cuda-*");
    CHECK(root.find().root.filename() == "cuda-12.10");
    root.add_toolkit("usr/local/cuda");
    CHECK(origin() == "/usr/local/cuda");
    root.add_toolkit("home/a");
    root.environment["PATH"] = "relative::/nowhere:" + (root.path / "home/a/bin").string();
    CHECK(origin() == "PATH");
    root.add_toolkit("home/b");
    root.environment["CUDA_PATH"] = (root.path / "home/b").string();
    CHECK(origin() == "CUDA_PATH");
    root.environment["CUDA_HOME"] = (root.path / "home/nothing").string();
    CHECK(origin() == "CUDA_PATH");
    root.add_toolkit("home/c");
    root.environment["CUDA_HOME"] = (root.path / "home/c").string();
    CHECK(origin() == "CUDA_HOME");
    root.search.configured = (root.path / "home/a").string();
    CHECK(origin() == "configuration");
    root.search.configured = (root.path / "home/nothing").string();
    CHECK_FALSE(find_toolkit(root.search));
}

TEST_CASE("toolkit: one spread over several wheels is put together") {
    FakeRoot root;
    const std::string nvidia = "venv/lib/python3.12/site-packages/nvidia/";
    root.add(nvidia + "cuda_nvrtc/lib/libnvrtc.so.12");
    root.add(nvidia + "cuda_nvcc/bin/ptxas");
    root.add(nvidia + "cuda_runtime/include/cuda_fp16.h");
    root.add(nvidia + "cuda_runtime/include/cuda_runtime_api.h", "#define CUDART_VERSION  12090\n");
    root.add(nvidia + "cuda_cccl/include/cub/cub.cuh");
    root.environment["VIRTUAL_ENV"] = (root.path / "venv").string();
    const Toolkit toolkit = root.find();
    const fs::path base = root.path / nvidia;
    CHECK(toolkit.origin == "wheel");
    CHECK(toolkit.version == "12.9");
    CHECK(toolkit.nvrtc == base / "cuda_nvrtc/lib/libnvrtc.so.12");
    CHECK(toolkit.nvcc.empty());
    CHECK(toolkit.ptxas == base / "cuda_nvcc/bin/ptxas");
    CHECK(
        toolkit.includes ==
        std::vector<fs::path>{base / "cuda_runtime/include", base / "cuda_cccl/include"});
    CHECK(toolkit.folders.size() == 4);
}

TEST_CASE("toolkit: a folder without headers or without a compiler is passed over") {
    const FakeRoot root;
    root.add("usr/local/cuda/lib64/libnvrtc.so.13");
    CHECK_FALSE(find_toolkit(root.search));
    root.add("opt/cuda/include/cuda_fp16.h");
    root.add("opt/cuda/lib64/libnvrtc-builtins.so.13.0");
    CHECK_FALSE(find_toolkit(root.search));
}

}  // namespace
