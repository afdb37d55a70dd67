// SPDX-License-Identifier: Apache-2.0
#include "server/views/view_json.hpp"
#include "server/views/views.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

Result<std::string> board_view(db::Store& store, const BoardFilter& filter) {
    KW_TRY_ASSIGN(const std::vector<BoardRow> rows, store.board(filter));
    nlohmann::json document = {{"schema", "kwright.board/1"}, {"rows", nlohmann::json::array()}};
    for (const BoardRow& row : rows) {
        document["rows"].push_back(board_row_json(row));
    }
    return dump(document);
}

}  // namespace kw::server
