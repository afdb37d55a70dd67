// SPDX-License-Identifier: Apache-2.0
// kwright serve as a process: killed, restarted, stopped.
#include "tests/integration/server/raw_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <set>
#include <thread>

using namespace kw::test;
using nlohmann::json;

namespace {

/// A serve process; its first line says the port.
class Serving {
public:
    Serving(
        const Program& kwright, const std::filesystem::path& folder, std::vector<std::string> more)
        : out_(folder / "serve.out") {
        std::vector<std::string> arguments{"serve", "--port", "0", "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        std::filesystem::remove(out_);
        const int file = ::open(out_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        const int kept = ::fcntl(1, F_DUPFD_CLOEXEC, 10);
        ::dup2(file, 1);
        pid_ = kwright.start(arguments);
        ::dup2(kept, 1);
        ::close(kept);
        ::close(file);
        port_ = json::parse(first_line()).at("port");
    }
    ~Serving() { end(SIGKILL); }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

    [[nodiscard]] int port() const { return port_; }

    /// The exit code, or minus the signal that ended it.
    int end(int signal) {
        if (pid_ == 0) {
            return 0;
        }
        ::kill(pid_, signal);
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

private:
    std::string first_line() const {
        for (int tries = 0; tries < 6'000; ++tries) {
            const std::string text = read_file(out_);
            if (const std::size_t end = text.find('\n'); end != std::string::npos) {
                return text.substr(0, end);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        FAIL("the server did not say where it listens");
        return "";
    }

    std::filesystem::path out_;
    int pid_ = 0;
    int port_ = 0;
};

json ask(int port, const std::string& head, const std::string& body = "") {
    RawClient client(port);
    std::string request = head + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    if (!body.empty()) {
        request += "Content-Type: application/json\r\nIdempotency-Key: kept\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\n";
    }
    client.send(request + "\r\n" + body);
    std::string answer = client.answer();
    while (answer.empty()) {  // up to a minute for a long poll
        answer = client.answer();
    }
    return json::parse(body_of(answer));
}

std::string batch(int count) {
    const std::string seed =
        read_file(std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add/seed.cpp");
    json list = json::array();
    for (int i = 0; i < count; ++i) {
        list.push_back(
            {{"task", "scale_add"},
             {"source",
              seed + "\nstatic const int job_" + std::to_string(i) + " [[maybe_unused]] = 1;\n"},
             {"options", {{"timed", false}}}});
    }
    return json({{"evaluations", list}}).dump();
}

Program program_in(const Folder& folder) {
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_TASKS_DIR"] =
        (std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks").string();
    return kwright;
}

}  // namespace

TEST_CASE("serve: killed again and again it loses nothing and judges nothing twice", "[server]") {
    const Folder folder;
    const Program kwright = program_in(folder);
    constexpr int jobs = 10;
    const std::string body = batch(jobs);
    // Calibration and the precompiled header take seconds once; later they come from the cache.
    REQUIRE(
        kwright({"verify", KW_SOURCE_DIR "/tests/support/tasks/scale_add/seed.cpp", "--no-timing"})
            .code == 0);
    std::mt19937 random(20261129);
    std::uniform_int_distribution<int> instant(100, 1500);
    std::vector<std::string> ids;
    for (int kills = 0; kills < 5; ++kills) {
        Serving serving(kwright, folder.path(), {"--device", "cpu"});
        const json answer = ask(serving.port(), "POST /v1/evaluations/batch", body);
        std::vector<std::string> told;
        for (const json& one : answer.at("evaluations")) {
            told.push_back(one.at("id"));
        }
        CHECK((ids.empty() || told == ids));  // the key gives the same jobs after each death
        ids = told;
        std::this_thread::sleep_for(std::chrono::milliseconds(instant(random)));
        CHECK(serving.end(SIGKILL) == -SIGKILL);
    }
    Serving serving(kwright, folder.path(), {"--device", "cpu"});
    std::set<std::string> done;
    for (const std::string& id : ids) {
        json job;
        do {
            job = ask(serving.port(), "GET /v1/evaluations/" + id + "?wait=20s");
        } while (job.at("state") == "queued" || job.at("state") == "leased");
        INFO(job.dump().substr(0, 400));
        // A job whose server was killed three times under it is our outage, and says so.
        CHECK((job.at("outcome") == "accepted" || job.at("outcome") == "our outage"));
        if (job.at("state") == "done") {
            done.insert(job.at("kernel").get<std::string>());
        }
    }
    CHECK(done.size() >= jobs / 2);
    CHECK(serving.end(SIGTERM) == 0);
    const Outcome shown = kwright({"show", "service-scale_add", "--json"});
    REQUIRE(shown.code == 0);
    const json document = json::parse(shown.out);
    std::set<std::string> stored;
    for (const json& row : document.at("evaluations")) {
        stored.insert(row.at("kernel").get<std::string>());
    }
    CHECK(document.at("evaluations").size() == done.size());
    CHECK(stored == done);
}

TEST_CASE("serve: what stands in its way is said with the exit code of its kind", "[server]") {
    const Folder folder;
    const Program kwright = program_in(folder);
    const Outcome open = kwright({"serve", "--bind", "0.0.0.0", "--port", "0", "--device", "none"});
    CHECK(open.code == 2);
    CHECK(open.err.find("serve token new") != std::string::npos);
    Serving serving(kwright, folder.path(), {"--device", "none"});
    const std::string port = std::to_string(serving.port());
    const Outcome taken =
        kwright({"serve", "--db", "other.db", "--port", port, "--device", "none"});
    CHECK(taken.code == 3);
    CHECK(taken.err.find("port " + port + " is in use") != std::string::npos);
    CHECK(taken.err.find("--port") != std::string::npos);
    const Outcome second = kwright({"serve", "--port", "0", "--device", "none"});
    CHECK(second.code == 5);
    CHECK(second.err.find("--read-only") != std::string::npos);
    CHECK(kwright({"serve", "--tls-cert", "x.pem", "--port", "0", "--device", "none"}).code != 0);
    CHECK(kwright({"serve", "--device", "toaster"}).code == 2);
    CHECK(serving.end(SIGINT) == 0);
}

TEST_CASE("serve: a token opens a server that others reach until it is revoked", "[server]") {
    const Folder folder;
    const Program kwright = program_in(folder);
    const Outcome made = kwright({"serve", "token", "new", "--name", "ci", "--scope", "submit"});
    REQUIRE(made.code == 0);
    const std::string token = made.out.substr(0, made.out.find('\n'));
    CHECK(token.size() == 68);
    CHECK(kwright({"serve", "token", "new", "--name", "ci"}).code == 2);
    Serving serving(kwright, folder.path(), {"--bind", "0.0.0.0", "--device", "none"});
    const auto status = [&](const std::string& secret) {
        RawClient client(serving.port());
        client.send(
            "GET /v1/board HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer " + secret + "\r\n\r\n");
        return status_of(client.answer());
    };
    CHECK(status(token) == 200);
    CHECK(status(token + "x") == 401);
    const Outcome listed = kwright({"serve", "token", "list"});
    CHECK(listed.out.find("ci") != std::string::npos);
    CHECK(listed.out.find(token.substr(4)) == std::string::npos);
    CHECK(kwright({"serve", "token", "revoke", "ci"}).code == 0);
    CHECK(kwright({"serve", "token", "revoke", "ci"}).code == 2);
    CHECK(status(token) == 401);
    CHECK(serving.end(SIGTERM) == 0);
}
