// SPDX-License-Identifier: Apache-2.0
#include "server/api/metrics.hpp"

#include "server/api/answers.hpp"

namespace kw::server {

namespace {

/// A label's value: backslash, quote and line feed are escaped.
std::string label(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            out += '\\';
        }
        out += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return out;
}

class Page {
public:
    void head(const std::string& name, const std::string& type, const std::string& about) {
        text_ += "# HELP " + name + " " + about + "\n# TYPE " + name + " " + type + "\n";
    }
    void value(const std::string& name, std::int64_t number) {
        text_ += name + " " + std::to_string(number) + "\n";
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

}  // namespace

Response metrics_answer(
    ApiParts& parts, const std::map<std::pair<std::string, int>, std::int64_t>& answered) {
    const auto counts = parts.queue.counts();
    const auto workers = parts.queue.workers();
    if (!counts || !workers) {
        return error_answer(counts ? workers.error() : counts.error());
    }
    Page page;
    page.head("kwright_jobs_queued", "gauge", "jobs that wait, by stage and device");
    for (const auto& [lane, count] : counts->queued) {
        page.value(
            "kwright_jobs_queued{stage=\"" + label(lane.first) + "\",device=\"" +
                label(lane.second) + "\"}",
            count);
    }
    page.head("kwright_jobs_leased", "gauge", "jobs in the hands of workers");
    page.value("kwright_jobs_leased", counts->leased);
    page.head("kwright_worker_results_total", "counter", "results taken, by worker");
    for (const WorkerRow& worker : *workers) {
        page.value(
            "kwright_worker_results_total{worker=\"" + label(worker.name) + "\"}", worker.done);
    }
    page.head("kwright_worker_leases_lost_total", "counter", "leases that ran out, by worker");
    for (const WorkerRow& worker : *workers) {
        page.value(
            "kwright_worker_leases_lost_total{worker=\"" + label(worker.name) + "\"}", worker.lost);
    }
    page.head("kwright_http_answers_total", "counter", "answers, by route and status");
    for (const auto& [key, count] : answered) {
        page.value(
            "kwright_http_answers_total{route=\"" + label(key.first) + "\",status=\"" +
                std::to_string(key.second) + "\"}",
            count);
    }
    if (parts.http_counts) {
        const HttpCounts http = parts.http_counts();
        page.head("kwright_http_connections", "gauge", "connections that are open");
        page.value("kwright_http_connections", http.connections);
        page.head("kwright_http_waiting", "gauge", "requests that wait for a result");
        page.value("kwright_http_waiting", http.waiting);
        page.head("kwright_http_streams", "gauge", "event streams that are open");
        page.value("kwright_http_streams", http.streams);
        page.head("kwright_http_refused_total", "counter", "malformed, too large or too slow");
        page.value("kwright_http_refused_total", http.refused);
    }
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = page.text();
    return response;
}

}  // namespace kw::server
