// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/proposers.hpp"
#include "core/hash.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

class ReplayProposer final : public Proposer {
public:
    explicit ReplayProposer(Cassette cassette)
        : cassette_(std::move(cassette)) {}

    [[nodiscard]] std::string label() const override { return "replay"; }

    Result<Reply> propose(const ProposeRequest& request, const std::atomic<int>&) override {
        const auto found = std::find_if(
            cassette_.replies.begin(), cassette_.replies.end(), [&](const CassetteReply& reply) {
                return reply.step == request.step && reply.slot == request.slot;
            });
        Reply reply;
        if (found == cassette_.replies.end()) {
            reply.exhausted = true;
            return reply;
        }
        reply.text = found->raw;
        reply.model = found->model;
        reply.parent_hash = found->parent_hash;
        if (found->prompt_hash != prompt_hash(request)) {
            reply.remark = "the prompt differs from the recorded one";
        }
        return reply;
    }

    [[nodiscard]] double worst_case_usd(const ProposeRequest&) const override { return 0; }

private:
    Cassette cassette_;
};

}  // namespace

std::unique_ptr<Proposer> make_replay_proposer(Cassette cassette) {
    return std::make_unique<ReplayProposer>(std::move(cassette));
}

}  // namespace kw::agent
