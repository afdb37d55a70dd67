// SPDX-License-Identifier: Apache-2.0
// The server with a certificate of its own making.
#include "server/http/server.hpp"
#include "tests/integration/server/raw_client.hpp"
#include "tests/unit/server/fixture.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <netinet/in.h>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

/// A key and a certificate for localhost, as PEM files.
void make_certificate(const fs::path& certificate, const fs::path& key) {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    REQUIRE(pair != nullptr);
    X509* made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), 0);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, pair);
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(
        name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(made, name);
    REQUIRE(X509_sign(made, pair, EVP_sha256()) > 0);
    std::FILE* out = std::fopen(certificate.c_str(), "w");
    REQUIRE(out != nullptr);
    PEM_write_X509(out, made);
    std::fclose(out);
    out = std::fopen(key.c_str(), "w");
    REQUIRE(out != nullptr);
    PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509_free(made);
    EVP_PKEY_free(pair);
}

/// What the server answers to one request; "" when there is no handshake.
std::string over_tls(int port, const std::string& request, int version) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    std::string answer;
    if (SSL_connect(ssl) == 1) {
        SSL_write(ssl, request.data(), static_cast<int>(request.size()));
        std::array<char, 4096> buffer{};
        for (int got = 0;
             (got = SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()))) > 0;) {
            answer.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(fd);
    return answer;
}

}  // namespace

TEST_CASE("tls: the server speaks it with a certificate and only new versions of it", "[server]") {
    ApiSettings api;
    api.tls = true;
    ServiceBench bench(api);
    HttpSettings settings;
    settings.port = 0;
    settings.header_time = std::chrono::milliseconds(500);
    settings.tls_certificate = bench.folder / "cert.pem";
    settings.tls_key = bench.folder / "key.pem";
    make_certificate(settings.tls_certificate, settings.tls_key);
    const auto http = must(HttpServer::start(settings, bench.api, bench.wakeups));
    const std::string request =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const std::string answer = over_tls(http->port(), request, TLS1_3_VERSION);
    CHECK(status_of(answer) == 200);
    CHECK(contains(answer, "Strict-Transport-Security"));
    CHECK(status_of(over_tls(http->port(), request, TLS1_2_VERSION)) == 200);
    CHECK(over_tls(http->port(), request, TLS1_1_VERSION).empty());
    RawClient plain(http->port());  // somebody who speaks HTTP to it
    plain.send(request);
    CHECK(status_of(plain.answer()) == 0);
    CHECK(plain.closed());
    CHECK(status_of(over_tls(http->port(), request, TLS1_3_VERSION)) == 200);
}

TEST_CASE("tls: a certificate and a key that do not belong together are refused", "[server]") {
    ServiceBench bench;
    HttpSettings settings;
    settings.port = 0;
    settings.tls_certificate = bench.folder / "cert.pem";
    settings.tls_key = bench.folder / "other.pem";
    make_certificate(settings.tls_certificate, bench.folder / "key.pem");
    make_certificate(bench.folder / "other-cert.pem", settings.tls_key);
    const auto started = HttpServer::start(settings, bench.api, bench.wakeups);
    REQUIRE_FALSE(started.ok());
    CHECK(started.error().code == Errc::environment);
    CHECK(contains(started.error().hint, "--tls-key"));
}
