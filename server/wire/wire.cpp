// SPDX-License-Identifier: Apache-2.0
#include "server/wire/wire.hpp"

#include "server/wire/fields.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace kw::server {

namespace {

using nlohmann::json;

constexpr std::size_t k_most_items = 100'000;  ///< of one list; a judgement has a few hundred pairs

// --- writing ---

json number(double value) {
    if (std::isfinite(value)) {
        return value;
    }
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

template <class Row>
json object_of(const Row& row);

class Writer {
public:
    void operator()(const char* name, double value) { object[name] = number(value); }
    void operator()(const char* name, bool value) { object[name] = value; }
    void operator()(const char* name, int value) { object[name] = value; }
    void operator()(const char* name, std::int64_t value) { object[name] = value; }
    void operator()(const char* name, const std::string& value) { object[name] = value; }
    void operator()(const char* name, Verdict value) { object[name] = code(value); }
    void operator()(const char* name, Comparison value) {
        object[name] = std::string(kw::name(value));
    }
    void operator()(const char* name, const std::vector<std::string>& value) {
        object[name] = value;
    }
    void operator()(const char* name, const DimMap& value) { object[name] = value; }
    void operator()(const char* name, const std::map<std::string, int>& value) {
        object[name] = value;
    }
    void operator()(const char* name, const std::vector<Sample>& value) {
        json list = json::array();
        for (const Sample& one : value) {
            list.push_back(
                {number(one.baseline_ns), number(one.candidate_ns), one.placement, one.order});
        }
        object[name] = std::move(list);
    }
    template <class String>
    void operator()(const char* name, const WireWord<String>& value) {
        object[name] = value.text;
    }
    template <class Row>
    void operator()(const char* name, const std::vector<Row>& value) {
        json list = json::array();
        for (const Row& one : value) {
            list.push_back(object_of(one));
        }
        object[name] = std::move(list);
    }
    template <class Row>
    requires std::is_class_v<Row>
    void operator()(const char* name, const Row& value) { object[name] = object_of(value); }

    json object = json::object();
};

template <class Row>
json object_of(const Row& row) {
    Writer writer;
    visit_fields(writer, row);
    return std::move(writer.object);
}

// --- reading ---

bool read_double(const json& from, double& value) {
    if (from.is_number()) {
        value = from.get<double>();
        return true;
    }
    const std::string text = from.is_string() ? from.get<std::string>() : "";
    if (text == "nan") {
        value = std::numeric_limits<double>::quiet_NaN();
    } else if (text == "inf" || text == "-inf") {
        const double infinite = std::numeric_limits<double>::infinity();
        value = text == "inf" ? infinite : -infinite;
    } else {
        return false;
    }
    return true;
}

template <class Integer>
bool read_integer(const json& from, Integer& value) {
    if (!from.is_number_integer()) {
        return false;
    }
    if (from.is_number_unsigned() &&
        from.get<std::uint64_t>() >
            static_cast<std::uint64_t>(std::numeric_limits<Integer>::max())) {
        return false;
    }
    const auto wide = from.get<std::int64_t>();
    if (wide < static_cast<std::int64_t>(std::numeric_limits<Integer>::min()) ||
        wide > static_cast<std::int64_t>(std::numeric_limits<Integer>::max())) {
        return false;
    }
    value = static_cast<Integer>(wide);
    return true;
}

/// The first thing that is wrong is kept, with its path.
class Reader {
public:
    Reader(const json& from, std::string path, std::optional<Error>& failure)
        : from_(from)
        , path_(std::move(path))
        , failure_(failure) {}

    void operator()(const char* name, double& value) {
        take(name, "a number", [&](const json& one) { return read_double(one, value); });
    }
    void operator()(const char* name, bool& value) {
        take(name, "true or false", [&](const json& one) {
            value = one.is_boolean() && one.get<bool>();
            return one.is_boolean();
        });
    }
    void operator()(const char* name, int& value) {
        take(name, "an integer", [&](const json& one) { return read_integer(one, value); });
    }
    void operator()(const char* name, std::int64_t& value) {
        take(name, "an integer", [&](const json& one) { return read_integer(one, value); });
    }
    void operator()(const char* name, std::string& value) {
        take(name, "a text", [&](const json& one) { return read_text(one, value); });
    }
    void operator()(const char* name, Verdict& value) {
        take(name, "a verdict's code", [&](const json& one) {
            std::string text;
            const auto found = read_text(one, text) ? verdict_from_code(text) : std::nullopt;
            value = found.value_or(Verdict::internal);
            return found.has_value();
        });
    }
    void operator()(const char* name, Comparison& value) {
        take(name, "faster, slower, same or unclear", [&](const json& one) {
            std::string text;
            const auto found = read_text(one, text) ? comparison_from_name(text) : std::nullopt;
            value = found.value_or(Comparison::unclear);
            return found.has_value();
        });
    }
    void operator()(const char* name, WireWord<std::string> value) {
        take(name, "one of its words", [&](const json& one) {
            return read_text(one, value.text) && std::ranges::count(value.allowed, value.text) > 0;
        });
    }
    void operator()(const char* name, std::vector<std::string>& value) {
        take(name, "a list of texts", [&](const json& one) {
            return read_list(one, value, [](const json& item, std::string& text) {
                return read_text(item, text);
            });
        });
    }
    void operator()(const char* name, std::vector<Sample>& value) {
        take(name, "a list of samples", [&](const json& one) {
            return read_list(one, value, [](const json& item, Sample& sample) {
                return item.is_array() && item.size() == 4 &&
                       read_double(item[0], sample.baseline_ns) &&
                       read_double(item[1], sample.candidate_ns) &&
                       read_integer(item[2], sample.placement) &&
                       read_integer(item[3], sample.order);
            });
        });
    }
    template <class Integer, class Order>
    void operator()(const char* name, std::map<std::string, Integer, Order>& value) {
        take(name, "an object of integers", [&](const json& one) {
            if (!one.is_object() || one.size() > k_most_items) {
                return false;
            }
            for (const auto& [key, item] : one.items()) {
                if (!read_integer(item, value[key])) {
                    return false;
                }
            }
            return true;
        });
    }
    template <class Row>
    void operator()(const char* name, std::vector<Row>& value) {
        const json* list = member(name);
        if (list == nullptr || !list->is_array() || list->size() > k_most_items) {
            return fail(name, "a list");
        }
        for (std::size_t i = 0; i < list->size() && !failure_; ++i) {
            Row row;
            read((*list)[i], path_ + name + "[" + std::to_string(i) + "].", row);
            value.push_back(std::move(row));
        }
    }
    template <class Row>
    requires std::is_class_v<Row>
    void operator()(const char* name, Row& value) {
        const json* inner = member(name);
        if (inner == nullptr) {
            return fail(name, "an object");
        }
        read(*inner, path_ + name + ".", value);
    }

private:
    template <class Row>
    void read(const json& from, const std::string& path, Row& row) {
        if (!from.is_object()) {
            return fail("", "an object");
        }
        Reader inner(from, path, failure_);
        visit_fields(inner, row);
    }
    static bool read_text(const json& from, std::string& text) {
        if (from.is_string()) {
            text = from.get<std::string>();
        }
        return from.is_string();
    }
    template <class Item, class ReadItem>
    static bool read_list(const json& from, std::vector<Item>& list, ReadItem read_item) {
        if (!from.is_array() || from.size() > k_most_items) {
            return false;
        }
        for (const json& item : from) {
            if (!read_item(item, list.emplace_back())) {
                return false;
            }
        }
        return true;
    }
    const json* member(const char* name) const {
        const auto found = from_.find(name);
        return found == from_.end() ? nullptr : &*found;
    }
    template <class Read>
    void take(const char* name, const char* wanted, Read read_value) {
        const json* value = member(name);
        if (value == nullptr || !read_value(*value)) {
            fail(name, wanted);
        }
    }
    void fail(const std::string& name, const std::string& wanted) {
        if (!failure_) {
            failure_ = Error{Errc::usage, path_ + name + " must be " + wanted, ""};
        }
    }

    const json& from_;
    std::string path_;
    std::optional<Error>& failure_;
};

template <class Row>
Result<Row> row_of(const json& document, const char* what) {
    if (!document.is_object()) {
        return Error{Errc::usage, std::string(what) + " must be an object", ""};
    }
    std::optional<Error> failure;
    Row row;
    Reader reader(document, std::string(what) + ".", failure);
    visit_fields(reader, row);
    if (failure) {
        return *failure;
    }
    return row;
}

}  // namespace

json to_json(const Evaluation& evaluation) {
    return object_of(evaluation);
}
Result<Evaluation> evaluation_from_json(const json& document) {
    return row_of<Evaluation>(document, "evaluation");
}

json to_json(const EvaluationRow& row) {
    return object_of(row);
}
Result<EvaluationRow> row_from_json(const json& document) {
    return row_of<EvaluationRow>(document, "row");
}

json to_json(const Candidate& candidate) {
    return object_of(candidate);
}
Result<Candidate> candidate_from_json(const json& document) {
    KW_TRY_ASSIGN(const Candidate stated, row_of<Candidate>(document, "candidate"));
    Candidate candidate =
        make_candidate(stated.task, stated.source, stated.isa, stated.target, stated.arch);
    if (candidate.hash != stated.hash) {
        return Error{
            Errc::usage,
            "candidate.hash is not that of its source",
            "both sides must be of the same version of kwright"};
    }
    return candidate;
}

json to_json(const WorkerRow& worker) {
    return object_of(worker);
}
json to_json(const WorkerMachine& machine) {
    return object_of(machine);
}
Result<WorkerMachine> machine_from_json(const json& document) {
    return row_of<WorkerMachine>(document, "machine");
}

}  // namespace kw::server
