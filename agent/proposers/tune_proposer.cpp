// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/proposers.hpp"
#include "agent/search/history.hpp"
#include "agent/text.hpp"

namespace kw::agent {

namespace {

class TuneProposer final : public Proposer {
public:
    TuneProposer(
        TuneSpace space, std::string seed_source, std::uint64_t search_seed, std::string language)
        : space_(std::move(space))
        , seed_source_(std::move(seed_source))
        , search_seed_(search_seed)
        , language_(std::move(language)) {}

    [[nodiscard]] std::string label() const override { return "tune"; }
    [[nodiscard]] bool wants_prompt() const override { return false; }
    [[nodiscard]] double worst_case_usd(const ProposeRequest&) const override { return 0; }

    void begin_wave(const History& done, const std::vector<ProposeRequest>&) override {
        trials_.clear();
        for (const Attempt& attempt : done.attempts) {
            if (const auto point = point_of(space_, attempt.source)) {
                trials_.push_back({*point, attempt.reward});
            }
        }
    }

    Result<Reply> propose(const ProposeRequest&, const std::atomic<int>&) override {
        Reply reply;
        reply.model = label();
        const auto point = next_point(space_, trials_, search_seed_);
        if (!point) {
            reply.exhausted = true;
            return reply;
        }
        trials_.push_back({*point, 0});  // further slots of a wave take other points
        reply.text = "NOTE: " + show_point(space_, *point) + "\n\n" +
                     fence(with_point(space_, seed_source_, *point), language_) + "\n";
        return reply;
    }

private:
    TuneSpace space_;
    std::string seed_source_;
    std::uint64_t search_seed_;
    std::string language_;
    std::vector<TuneTrial> trials_;
};

}  // namespace

std::unique_ptr<Proposer> make_tune_proposer(
    TuneSpace space, std::string seed_source, std::uint64_t search_seed, std::string language) {
    return std::make_unique<TuneProposer>(
        std::move(space), std::move(seed_source), search_seed, std::move(language));
}

}  // namespace kw::agent
