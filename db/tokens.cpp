// SPDX-License-Identifier: Apache-2.0
#include "db/tokens.hpp"

#include "db/job_columns.hpp"
#include "db/migrations.hpp"
#include "db/queue_impl.hpp"

#include <mutex>

namespace kw::db {

namespace {

constexpr std::string_view k_keeping = "storing the token";
constexpr std::string_view k_reading_tokens = "reading the tokens";

constexpr std::int64_t k_not_seen = -1;

namespace fs = std::filesystem;

Result<Connection> connect(const fs::path& file, Access access) {
    std::error_code why;
    const fs::path path = fs::weakly_canonical(fs::absolute(file, why), why);
    std::optional<FileState> immutable;
    const OpenOptions options;
    if (access == Access::read_only) {
        return connect_reader(path, file.string(), options, immutable);
    }
    if (fs::exists(path, why)) {
        KW_TRY_ASSIGN(
            Connection connection, connect_reader(path, file.string(), options, immutable));
        KW_TRY_ASSIGN(const int schema, schema_version(connection));
        KW_TRY(refuse_newer(connection, schema, newest_schema()));
        if (schema == newest_schema()) {
            return Connection::open(
                path,
                file.string(),
                OpenMode::write,
                static_cast<int>(options.busy_timeout.count()));
        }
    }
    KW_TRY(Store::open(file, Access::write));  // makes it, or brings it up to date
    return Connection::open(
        path, file.string(), OpenMode::write, static_cast<int>(options.busy_timeout.count()));
}

}  // namespace

struct Tokens::Impl {
    explicit Impl(Connection opened)
        : connection(std::move(opened)) {}
    Connection connection;
    int schema = 0;
    std::int64_t seen = k_not_seen;  ///< data version
    std::mutex mutex;
};

Tokens::Tokens(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Tokens::~Tokens() = default;
Tokens::Tokens(Tokens&&) noexcept = default;
Tokens& Tokens::operator=(Tokens&&) noexcept = default;

Result<Tokens> Tokens::open(const fs::path& file, Access access) {
    KW_TRY_ASSIGN(Connection connection, connect(file, access));
    KW_TRY_ASSIGN(const int schema, schema_version(connection));
    auto impl = std::make_unique<Impl>(std::move(connection));
    impl->schema = schema;
    return Tokens(std::move(impl));
}

Result<TokenRow> Tokens::add(TokenRow row) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(impl_->connection, k_keeping, Transaction::Kind::write));
    Statement taken(
        impl_->connection, k_keeping, "SELECT 1 FROM token WHERE name = ? AND revoked_ms = 0");
    taken.bind_all(std::string_view(row.name));
    KW_TRY_ASSIGN(const bool found, taken.step());
    if (found) {
        return Error{
            Errc::usage,
            "there is a token called " + printable(row.name) + " already",
            "kwright serve token revoke " + printable(row.name) + ", or another --name"};
    }
    taken.reset();
    ColumnNames names;
    visit_token(names, row);
    Statement insert(impl_->connection, k_keeping, names.insert_into("token"));
    Binder binder(insert);
    visit_token(binder, std::as_const(row));
    KW_TRY(insert.run());
    row.id = impl_->connection.last_insert_id();
    KW_TRY(transaction.commit());
    impl_->seen = k_not_seen;  // the file's version tells of others' changes only
    return row;
}

Result<std::vector<TokenRow>> Tokens::list() {
    const std::lock_guard guard(impl_->mutex);
    std::vector<TokenRow> rows;
    if (impl_->schema < k_queue_schema) {
        return rows;
    }
    ColumnNames names;
    const TokenRow any;
    visit_token(names, any);
    Statement query(
        impl_->connection,
        k_reading_tokens,
        "SELECT id, " + names.list() + " FROM token ORDER BY id");
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        TokenRow row;
        row.id = query.integer(0);
        Reader reader(query, 1);
        visit_token(reader, row);
        KW_TRY(reader.failure());
        rows.push_back(std::move(row));
    }
}

Result<bool> Tokens::revoke(const std::string& name, std::int64_t now_ms) {
    const std::lock_guard guard(impl_->mutex);
    Statement update(
        impl_->connection,
        k_keeping,
        "UPDATE token SET revoked_ms = ? WHERE name = ? AND revoked_ms = 0");
    update.bind_all(now_ms, std::string_view(name));
    KW_TRY(update.run());
    impl_->seen = k_not_seen;
    return impl_->connection.changes() == 1;
}

Result<bool> Tokens::changed() {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(
        const std::int64_t version,
        query_integer(impl_->connection, k_reading_tokens, "PRAGMA data_version"));
    const bool changed = version != impl_->seen;
    impl_->seen = version;
    return changed;
}

}  // namespace kw::db
