// SPDX-License-Identifier: Apache-2.0
#include "db/store.hpp"

#include "db/migrations.hpp"
#include "db/store_impl.hpp"

namespace kw::db {

namespace fs = std::filesystem;

namespace {

std::string campaign_columns(int schema) {
    ColumnNames names;
    const CampaignRow row;
    visit_campaign(names, row);
    return names.list("", schema);
}

Result<CampaignRow> read_campaign(const Statement& query) {
    CampaignRow row;
    row.id = query.integer(0);
    Reader reader(query, 1);
    visit_campaign(reader, row);
    KW_TRY(reader.failure());
    return row;
}

/// `wanted`, or the first of wanted-2, wanted-3, ... that is free.
Result<std::string> free_name(Connection& connection, const std::string& wanted) {
    Statement taken(connection, "naming the campaign", "SELECT 1 FROM campaign WHERE name = ?");
    std::string name = wanted;
    for (int number = 2;; ++number) {
        taken.bind_all(std::string_view(name));
        KW_TRY_ASSIGN(const bool found, taken.step());
        if (!found) {
            return name;
        }
        taken.reset();
        name = wanted + "-" + std::to_string(number);
    }
}

Result<fs::path> absolute_path(const fs::path& file) {
    std::error_code why;
    const fs::path path = fs::weakly_canonical(fs::absolute(file, why), why);
    if (why || file.empty()) {
        return Error{
            Errc::database,
            "opening the database: '" + file.string() + "' is not a path",
            "name a file with --db FILE"};
    }
    const fs::file_status status = fs::status(path, why);
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        return Error{
            Errc::database,
            "opening the database: " + file.string() + " is not a regular file",
            "name a file with --db FILE"};
    }
    return path;
}

}  // namespace

Result<void> note_task(Connection& connection, const std::string& hash, const std::string& name) {
    if (hash.empty()) {
        return {};
    }
    Statement insert(
        connection,
        "storing the task",
        "INSERT INTO task (hash, name) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING");
    insert.bind_all(std::string_view(hash), std::string_view(name));
    return insert.run();
}

Store::Store(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Result<Store> Store::open(const fs::path& file, Access access, const OpenOptions& options) {
    auto impl = std::make_unique<Impl>();
    impl->file = file;
    impl->access = access;
    impl->options = options;
    KW_TRY_ASSIGN(impl->path, absolute_path(file));
    const std::string shown = file.string();
    if (access == Access::write) {
        if (!fs::exists(impl->path.parent_path())) {
            return Error{
                Errc::database,
                "opening the database: there is no folder " + file.parent_path().string(),
                "make the folder, or name another file with --db FILE"};
        }
        KW_TRY_ASSIGN(WriterParts parts, connect_writer(impl->path, shown, options));
        impl->lock.emplace(std::move(parts.lock));
        impl->connection.emplace(std::move(parts.connection));
        impl->schema = newest_schema();
        return Store(std::move(impl));
    }
    if (!fs::exists(impl->path)) {
        return Error{
            Errc::database,
            "opening the database: there is no " + shown,
            "run a campaign first, e.g. kwright demo, or name another file with --db FILE"};
    }
    KW_TRY(impl->open_reader());
    return Store(std::move(impl));
}

Result<void> Store::Impl::open_reader() {
    connection.reset();
    KW_TRY_ASSIGN(Connection opened, connect_reader(path, file.string(), options, immutable));
    KW_TRY_ASSIGN(schema, db::schema_version(opened));
    KW_TRY(refuse_newer(opened, schema, newest_schema()));
    if (schema == 0) {
        return Error{
            Errc::database,
            "opening the database: " + file.string() + " holds no campaign yet",
            "run a campaign first, e.g. kwright demo"};
    }
    connection.emplace(std::move(opened));
    return {};
}

Result<Connection*> Store::Impl::reader() {
    if (!connection || (immutable && *immutable != file_state(path))) {
        KW_TRY(open_reader());
    }
    return &*connection;
}

Result<Connection*> Store::Impl::writer(std::string_view doing) {
    if (access != Access::write) {
        return Error{
            Errc::database,
            std::string(doing) + ": " + file.string() + " is open for reading only",
            ""};
    }
    return &*connection;
}

const fs::path& Store::file() const {
    return impl_->file;
}
int Store::schema_version() const {
    return impl_->schema;
}

Result<CampaignRow> Store::create_campaign(CampaignRow row) {
    constexpr std::string_view doing = "storing the campaign";
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(doing));
    KW_TRY_ASSIGN(
        Transaction transaction, Transaction::begin(*connection, doing, Transaction::Kind::write));
    KW_TRY_ASSIGN(row.name, free_name(*connection, row.name.empty() ? row.task : row.name));
    KW_TRY(note_task(*connection, row.task_hash, row.task));
    ColumnNames names;
    visit_campaign(names, row);
    Statement insert(*connection, doing, names.insert_into("campaign"));
    Binder binder(insert);
    visit_campaign(binder, std::as_const(row));
    KW_TRY(insert.run());
    row.id = connection->last_insert_id();
    KW_TRY(transaction.commit());
    return row;
}

Result<void> write_campaign(
    Connection& connection, std::string_view doing, const CampaignRow& row) {
    ColumnNames names;
    visit_campaign(names, row);
    Statement update(
        connection,
        doing,
        "UPDATE campaign SET (" + names.list() + ") = (" + names.marks() + ") WHERE id = ?");
    Binder binder(update);
    visit_campaign(binder, row);
    update.bind(names.count(), row.id);
    KW_TRY(update.run());
    if (connection.changes() != 1) {
        return Error{
            Errc::database,
            std::string(doing) + ": " + connection.shown() + " has no campaign " + row.name,
            "kwright campaign list shows what is there"};
    }
    return {};
}

Result<void> Store::update_campaign(const CampaignRow& row) {
    constexpr std::string_view doing = "storing the campaign";
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(doing));
    KW_TRY_ASSIGN(
        Transaction transaction, Transaction::begin(*connection, doing, Transaction::Kind::write));
    KW_TRY(note_task(*connection, row.task_hash, row.task));
    KW_TRY(write_campaign(*connection, doing, row));
    return transaction.commit();
}

namespace {

/// A campaign whose process was killed is still "running" in the file. Nobody wrote before the row
/// was read and nobody does after: then it is not, and viewers see what a resume would find.
class Deserted {
public:
    explicit Deserted(const fs::path& database)
        : database_(database)
        , written_(WriterLock::held(database)) {}
    void mend(CampaignRow& row) {
        if (row.state != "running" || written_) {
            return;
        }
        written_ = WriterLock::held(database_);
        if (!written_) {
            row.state = "interrupted";
            row.stop_reason = "its process was killed";
        }
    }

private:
    const fs::path& database_;
    bool written_;
};

}  // namespace

Result<std::optional<CampaignRow>> Store::campaign(const std::string& name) {
    const std::lock_guard guard(impl_->mutex);
    Deserted deserted(impl_->path);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    Statement query(
        *connection,
        "reading the campaign",
        "SELECT id, " + campaign_columns(impl_->schema) + " FROM campaign WHERE name = ?");
    query.bind_all(std::string_view(name));
    KW_TRY_ASSIGN(const bool found, query.step());
    if (!found) {
        return std::optional<CampaignRow>();
    }
    KW_TRY_ASSIGN(CampaignRow row, read_campaign(query));
    deserted.mend(row);
    return std::optional<CampaignRow>(std::move(row));
}

Result<std::vector<CampaignRow>> Store::campaigns() {
    const std::lock_guard guard(impl_->mutex);
    Deserted deserted(impl_->path);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    Statement query(
        *connection,
        "reading the campaigns",
        "SELECT id, " + campaign_columns(impl_->schema) + " FROM campaign ORDER BY id");
    std::vector<CampaignRow> rows;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        KW_TRY_ASSIGN(CampaignRow row, read_campaign(query));
        deserted.mend(row);
        rows.push_back(std::move(row));
    }
}

Result<void> Store::remove_campaign(const std::string& name) {
    constexpr std::string_view doing = "removing the campaign";
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(doing));
    Statement remove(*connection, doing, "DELETE FROM campaign WHERE name = ?");
    remove.bind_all(std::string_view(name));
    KW_TRY(remove.run());
    if (connection->changes() == 0) {
        return Error{
            Errc::usage,
            "removing the campaign: there is none called " + name,
            "kwright campaign list shows what is there"};
    }
    return {};
}

Result<void> Store::put_device(const std::string& device_hash, const std::string& json) {
    constexpr std::string_view doing = "storing the calibration";
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(doing));
    Statement insert(
        *connection,
        doing,
        "INSERT INTO device (hash, calibration) VALUES (?, ?) "
        "ON CONFLICT (hash) DO UPDATE SET calibration = excluded.calibration");
    insert.bind_all(std::string_view(device_hash), std::string_view(json));
    return insert.run();
}

Result<std::optional<std::string>> Store::device(const std::string& device_hash) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    Statement query(
        *connection, "reading the calibration", "SELECT calibration FROM device WHERE hash = ?");
    query.bind_all(std::string_view(device_hash));
    KW_TRY_ASSIGN(const bool found, query.step());
    return found ? std::optional<std::string>(query.text(0)) : std::optional<std::string>();
}

}  // namespace kw::db
